/** Requests to one gateway: what it answers, or why it did not, as a `GatewayError`. */
import { describeError } from '../text.js'
import type { Address } from './address.js'
import { GatewayError } from './gateway-error.js'

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  /** Below `/api/v1/sessions`, with its query. */
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** With these nothing was sent. */
const NEVER_LEFT = new Set<unknown>([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

export class GatewayHttp {
  readonly address: Address

  constructor(address: Address) {
    this.address = address
  }

  /** The answer's head, where it is a good one. */
  async open({ method = 'GET', path, body, headers = {}, signal }: Ask): Promise<Response> {
    const { address } = this
    const all: Record<string, string> = { accept: 'application/json', ...headers, ...address.headers() }
    if (body !== undefined) all['content-type'] = 'application/json'
    const response = await reached(address, signal, () =>
      fetch(`${address.base}/api/v1/sessions${path}`, {
        method,
        headers: all,
        signal,
        redirect: 'manual',
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    )
    if (response.ok) return response
    throw refusalOf(
      address,
      response.status,
      await reached(address, signal, () => response.text()),
      response.headers,
    )
  }

  async json<T>(ask: Ask): Promise<T> {
    const response = await this.open(ask)
    const text = await reached(this.address, ask.signal, () => response.text())
    const value = parsed(text)
    if (value === undefined) throw strange(this.address, response.status)
    return value as T
  }
}

async function reached<T>(address: Address, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    throw unreachable(address, error)
  }
}

/** `fetch` says only that it failed; why stands in its cause. */
export function unreachable({ base }: Address, error: unknown): GatewayError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  return new GatewayError('unreachable', `${base} cannot be reached: ${describeError(cause)}`, { cause })
}

/** Whether a request that failed so cannot have come to the gateway. */
export function neverLeft(error: GatewayError): boolean {
  const { cause } = error
  return typeof cause === 'object' && cause !== null && 'code' in cause && NEVER_LEFT.has(cause.code)
}

/** An answer that is no good one, as the gateway's own problem where it is one. */
function refusalOf(
  address: Address,
  status: number,
  body: string,
  headers: { get(name: string): string | null },
): GatewayError {
  const problem = parsed(body) as { code?: unknown; detail?: unknown; request_id?: unknown } | undefined
  if (typeof problem?.code !== 'string') return strange(address, status)
  const { code, detail, request_id: told } = problem
  const requestId = typeof told === 'string' ? told : (headers.get('gw-request-id') ?? undefined)
  return new GatewayError(code, typeof detail === 'string' ? detail : code, { status, requestId })
}

const strange = ({ base }: Address, status: number): GatewayError =>
  new GatewayError('unexpected_answer', `${base} answered ${status}, and not as a gateway does`, { status })

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
