/** How a request ended, as the access log, the metrics and programs that listen are told. */
import type { AnswerFault } from './answering.js'
import type { Failure } from './attempt.js'
import type { Caller, RequestHead } from './engine.js'
import type { Asked } from './exchange-host.js'
import type { Route } from './routes.js'

/** What kind of thing was asked for. `ws` is where agents connect. */
export type RouteLabel = 'forward' | 'tunnel' | 'host' | 'api' | 'sessions' | 'dashboard' | 'ws'

export interface Ended {
  readonly requestId: string
  readonly route: RouteLabel
  /** Status that the caller saw; 0 where it left before one. */
  readonly status: number
  /** What went wrong, also after the head was out. */
  readonly code: AnswerFault | undefined
  readonly tunnelId: string | undefined
  readonly bytesIn: number
  readonly bytesOut: number
  /** Milliseconds, from the head of the request to the end of the answer. */
  readonly duration: number
  /** Milliseconds until it was first sent to an agent; undefined where it never was. */
  readonly queued: number | undefined
  /** Milliseconds from the head of the request to the head of the answer; undefined where there was none. */
  readonly firstByte: number | undefined
  /** Times it went to another instance. */
  readonly moves: number
}

export interface Witness {
  /** `caller`: of an exchange, as its watchers made it. */
  ended(head: RequestHead, ended: Ended, caller?: Caller): void
  /** An exchange goes to another instance. */
  moved?(requestId: string, failure: Failure): void
}

/** What is kept of an exchange on its way; times in ms, monotonic. */
export interface Trail {
  moves: number
  tunnelId?: string
  sentAt?: number
  headAt?: number
}

interface Outcome extends Pick<Ended, 'status' | 'code' | 'bytesIn' | 'bytesOut'> {
  now: number
}

export function endedOf(
  { requestId, startedAt, route }: Asked,
  { moves, tunnelId, sentAt, headAt }: Trail,
  { status, code, bytesIn, bytesOut, now }: Outcome,
): Ended {
  return {
    requestId,
    route: route.via,
    status,
    code,
    tunnelId,
    bytesIn,
    bytesOut,
    duration: now - startedAt,
    queued: sentAt === undefined ? undefined : sentAt - startedAt,
    firstByte: headAt === undefined ? undefined : headAt - startedAt,
    moves,
  }
}

export function labelOf(found: Route | undefined, { target }: RequestHead): RouteLabel {
  // Refused before there was a route: what it was aimed at still tells.
  if (found === undefined && target.startsWith('/t/')) return 'tunnel'
  if (found === undefined && /^\/forward(?![^/?])/.test(target)) return 'forward'
  if (found === undefined || found.kind === 'nothing') return 'api'
  if (found.kind === 'proxy') return found.via
  if (found.kind === 'links') return 'ws'
  const { path } = found.match.route
  if (path.startsWith('/api/v1/sessions')) return 'sessions'
  return path.startsWith('/dashboard') ? 'dashboard' : 'api'
}
