/**
 * One try of an exchange on one instance: the agent's side of it. It turns what the stream tells into an answer
 * for the caller, and what ends the stream early into the problem that the contract names.
 */
import { Problem } from '../../shared/errors.js'
import { type Head, ResetCode } from '../../shared/frames.js'
import type { Stream, StreamEnd, StreamEvents } from '../../shared/stream.js'
import type { Instance } from '../agents/instance.js'
import type { Link } from '../agents/link.js'

/** What became of a try that failed. `moves`: which requests may go to another instance. */
export interface Failure {
  problem: Problem
  /** `any`: nothing reached the upstream. `idempotent`: something may have. */
  moves: 'any' | 'idempotent'
  /** The link itself is gone; the agent may come back. */
  lost: boolean
}

/** Who made the try. */
export interface AttemptOwner {
  answered(head: Head): void
  body(chunk: Uint8Array): void
  bodyEnd(): void
  /** More of the request's body may be written. */
  roomForBody(): void
  failed(failure: Failure): void
}

export class Attempt implements StreamEvents {
  readonly instance: Instance
  readonly link: Link
  readonly startedAt: number
  readonly stream: Stream
  /** Who is told; another one once the answer has begun. */
  owner: AttemptOwner

  /** Opens a stream on `instance`, which must be `free`. */
  constructor(instance: Instance, open: Parameters<Instance['open']>[0], owner: AttemptOwner, now: number) {
    this.owner = owner
    this.instance = instance
    this.startedAt = now
    const { stream, link } = instance.open(open, this)
    this.stream = stream
    this.link = link
  }

  /** The place at the instance is free again. What is left of the stream ends with `code`. */
  release(code: ResetCode): void {
    this.stream.events = ENDED
    this.stream.reset(code, '')
    this.instance.inflight--
  }

  // From the stream.

  head(head: Head): void {
    // Interim answers end here: no engine can pass them on. 101 is none: nobody asked for another protocol.
    if (head.status >= 200 || head.status === 101) this.owner.answered(head)
  }

  data(chunk: Uint8Array): void {
    this.owner.body(chunk)
  }

  end(): void {
    this.owner.bodyEnd()
  }

  drain(): void {
    this.owner.roomForBody()
  }

  reset(end: StreamEnd): void {
    this.link.errors++
    this.owner.failed(failureOf(end))
  }
}

function failureOf(end: StreamEnd): Failure {
  if (end.kind === 'lost') {
    const problem = new Problem('agent_disconnected', `the link to the agent went: ${end.message}`)
    return { problem, moves: end.sent ? 'idempotent' : 'any', lost: true }
  }
  const fail = (
    code: 'overloaded' | 'upstream_unreachable' | 'agent_error',
    moves: Failure['moves'],
  ): Failure => ({
    problem: new Problem(code, end.message || 'the agent gave no reason'),
    moves,
    lost: false,
  })
  switch (end.code) {
    case ResetCode.refused:
      return fail('overloaded', 'any')
    case ResetCode.unreachable:
      return fail('upstream_unreachable', 'any')
    case ResetCode.cancelled:
    case ResetCode.failed:
    case ResetCode.timeout:
      return fail('agent_error', 'idempotent')
  }
}

/** After its release a stream has nobody to tell. */
const ENDED: StreamEvents = { head() {}, data() {}, end() {}, drain() {}, reset() {} }
