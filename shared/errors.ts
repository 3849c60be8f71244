/**
 * One table: what can go wrong for a caller or an agent, and how it is told (RFC 9457 problem details).
 *
 * `code` is the contract; `status` and `title` follow from it. `retryAfter` is the number of seconds that
 * `Retry-After` advises where the thrower gives no better one.
 */
export const PROBLEMS = {
  invalid_tunnel_id: { status: 400, title: 'Invalid tunnel id' },
  invalid_selector: { status: 400, title: 'Invalid selector' },
  bad_request: { status: 400, title: 'Bad request' },
  unauthorized: { status: 401, title: 'Unauthorized' },
  forbidden: { status: 403, title: 'Forbidden' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'Request timeout' },
  conflict: { status: 409, title: 'Conflict' },
  payload_too_large: { status: 413, title: 'Payload too large' },
  unsupported_protocol: { status: 426, title: 'Unsupported protocol' },
  rate_limited: { status: 429, title: 'Too many requests', retryAfter: 1 },
  head_too_large: { status: 431, title: 'Request head too large' },
  upstream_unreachable: { status: 502, title: 'Upstream unreachable' },
  agent_error: { status: 502, title: 'Agent error' },
  agent_disconnected: { status: 502, title: 'Agent disconnected' },
  no_agent: { status: 503, title: 'No agent', retryAfter: 1 },
  overloaded: { status: 503, title: 'Overloaded', retryAfter: 1 },
  draining: { status: 503, title: 'Draining', retryAfter: 1 },
  response_timeout: { status: 504, title: 'Response timeout' },
  idle_timeout: { status: 504, title: 'Idle timeout' },
} as const satisfies Record<string, { status: number; title: string; retryAfter?: number }>

export type ProblemCode = keyof typeof PROBLEMS

export interface ProblemOptions extends ErrorOptions {
  /** Seconds for `Retry-After`, where the table's own advice does not fit. */
  retryAfter?: number
  /** Response fields that belong to this answer, such as `allow` for a 405. */
  headers?: readonly string[]
}

/** A failure with a place in the table. `message` is the detail: which input broke which rule. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  readonly title: string
  readonly retryAfter: number | undefined
  readonly headers: readonly string[]

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, options)
    const row: { status: number; title: string; retryAfter?: number } = PROBLEMS[code]
    this.code = code
    this.status = row.status
    this.title = row.title
    this.retryAfter = options.retryAfter ?? row.retryAfter
    this.headers = options.headers ?? []
  }
}

/** The peer on a link broke the protocol of `docs/protocol.md`; the link ends with close code 4400. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** Ends a `switch` over a union: a new member that is not handled fails to compile. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case ${JSON.stringify(value)}`)
}
