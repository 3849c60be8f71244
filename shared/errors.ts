/**
 * One table: what can go wrong for a caller or an agent, and how it is told (RFC 9457 problem details).
 *
 * `code` is the contract; `status` and `title` follow from it, and the README's table shows `when`. `retryAfter` is
 * the number of seconds that `Retry-After` advises where the thrower gives no better one.
 */
export const PROBLEMS = {
  invalid_tunnel_id: {
    status: 400,
    title: 'Invalid tunnel id',
    when: 'a tunnel id or name that cannot be one',
  },
  invalid_selector: {
    status: 400,
    title: 'Invalid selector',
    when: 'an empty or malformed selector, an unknown policy',
  },
  bad_request: {
    status: 400,
    title: 'Bad request',
    when: 'a request that breaks a rule of HTTP or of gw; the detail says which',
  },
  unauthorized: { status: 401, title: 'Unauthorized', when: 'a credential is missing or wrong' },
  forbidden: { status: 403, title: 'Forbidden', when: 'the credential does not allow this' },
  not_found: { status: 404, title: 'Not found', when: 'nothing is served under this path' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    when: 'the path knows other methods; see `Allow`',
  },
  request_timeout: { status: 408, title: 'Request timeout', when: 'the request came too slowly' },
  conflict: { status: 409, title: 'Conflict', when: 'held by another, or not possible in this state' },
  payload_too_large: { status: 413, title: 'Payload too large', when: 'the body is over `--max-body`' },
  unsupported_protocol: {
    status: 426,
    title: 'Unsupported protocol',
    when: "a link's subprotocol is missing or not served",
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    when: 'too many; see `Retry-After`',
    retryAfter: 1,
  },
  head_too_large: {
    status: 431,
    title: 'Request head too large',
    when: 'the request head is over `--max-head` or 96 fields',
  },
  upstream_unreachable: {
    status: 502,
    title: 'Upstream unreachable',
    when: 'the agent could not reach its upstream',
  },
  agent_error: {
    status: 502,
    title: 'Agent error',
    when: 'a handler threw, or agent or upstream broke the protocol',
  },
  agent_disconnected: {
    status: 502,
    title: 'Agent disconnected',
    when: 'the link went while the exchange was in flight',
  },
  no_agent: { status: 503, title: 'No agent', when: 'no connected agent matches', retryAfter: 1 },
  overloaded: {
    status: 503,
    title: 'Overloaded',
    when: 'a bound of the gateway, or of every matching agent, is reached',
    retryAfter: 1,
  },
  draining: { status: 503, title: 'Draining', when: 'the gateway is shutting down', retryAfter: 1 },
  response_timeout: {
    status: 504,
    title: 'Response timeout',
    when: 'no response head within `--response-timeout`',
  },
  idle_timeout: {
    status: 504,
    title: 'Idle timeout',
    when: 'no byte within `--idle-timeout` after the head; the connection is cut',
  },
} as const satisfies Record<string, { status: number; title: string; when: string; retryAfter?: number }>

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

  /** The same, with more response fields. */
  with(headers: readonly string[]): Problem {
    const { cause, retryAfter } = this
    const options = {
      headers: [...this.headers, ...headers],
      cause,
      ...(retryAfter !== undefined && { retryAfter }),
    }
    return new Problem(this.code, this.message, options)
  }
}

/** The body of an answer of type `application/problem+json`; `requestId` is told as `gw-request-id`, too. */
export function problemJson({ code, title, status, message }: Problem, requestId: string): string {
  return `${JSON.stringify({ type: `urn:gw:problem:${code}`, title, status, detail: message, code, request_id: requestId })}\n`
}

/** The peer on a link broke the protocol of `docs/protocol.md`; the link ends with close code 4400. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** Ends a `switch` over a union: a new member that is not handled fails to compile. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case ${JSON.stringify(value)}`)
}
