/** What every failure of a session gateway is. */
import { Problem } from '../../shared/errors.js'
import { StoreError } from '../../shared/store/database.js'

export interface GatewayErrorOptions extends ErrorOptions {
  readonly status?: number | undefined
  readonly requestId?: string | undefined
}

export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  /**
   * That of the problem which the gateway answered (`not_found`, `unauthorized`, `conflict`, `overloaded`, …), or:
   * `unreachable`: nothing came of the connection, see `cause`; `unexpected_answer`: by something that is no gateway;
   * `interrupted`: it cannot be known whether a run began; `store_unavailable`: no SQLite; `closed`: by `close`.
   */
  readonly code: string
  /** Of the HTTP answer, or what it would have been; undefined where there was none. */
  readonly status: number | undefined
  /** Names the request in the gateway's log. */
  readonly requestId: string | undefined

  constructor(code: string, message: string, { status, requestId, cause }: GatewayErrorOptions = {}) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
    this.status = status
    this.requestId = requestId
  }
}

export const closedError = (): GatewayError => new GatewayError('closed', 'the gateway was closed')

/** A failure of this process's own engine, as a gateway would answer it. */
export function errorOf(error: unknown): unknown {
  if (error instanceof Problem)
    return new GatewayError(error.code, error.message, { status: error.status, cause: error })
  if (error instanceof StoreError)
    return new GatewayError('store_unavailable', error.message, { cause: error })
  return error
}
