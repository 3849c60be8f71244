/**
 * One try of an exchange on one instance: the agent's side of it. It turns what the stream tells into an answer
 * for the caller, and what ends the stream early into the problem that the contract names.
 */
import { Problem } from '../../shared/errors.js'
import { type Head, ResetCode, StreamKind } from '../../shared/frames.js'
import type { Stream } from '../../shared/stream.js'
import { NO_STREAM_EVENTS, type StreamEnd, type StreamEvents } from '../../shared/stream-events.js'
import type { Instance } from '../agents/instance.js'
import type { Link } from '../agents/link.js'
import { answerHead } from './answer.js'
import type { AnswerFault } from './answering.js'
import type { ResponseHead } from './engine.js'

/** What became of a try that failed. `moves`: which requests may go to another instance. */
export interface Failure {
  problem: Problem
  /** `any`: nothing reached the upstream. `idempotent`: something may have. `none`: it has answered. */
  moves: 'any' | 'idempotent' | 'none'
  /** The link itself is gone; the agent may come back. */
  lost: boolean
}

/** What an agent is asked. */
export interface Question {
  stream: StreamKind
  method: string
  target: string
  headers: readonly string[]
  /** All of it, null where there is none; undefined where it follows. */
  body: Uint8Array | null | undefined
  requestId: string
}

export interface AttemptHost {
  /** Milliseconds, monotonic. */
  now(): number
  /** A place at the instance is free again. */
  released(instance: Instance): void
}

/** Who made the try. */
export interface AttemptOwner {
  /** `body`: what came with the head; with `end` it is all. */
  answered(head: ResponseHead, body: Uint8Array | null, end: boolean): void
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
  readonly #host: AttemptHost
  readonly #kind: StreamKind
  readonly #method: string
  readonly #requestId: string

  /** Opens a stream on `instance`, which must be `free`. */
  constructor(host: AttemptHost, instance: Instance, question: Question, owner: AttemptOwner) {
    const { stream: kind, method, target, headers, body, requestId } = question
    this.#host = host
    this.owner = owner
    this.instance = instance
    this.startedAt = host.now()
    this.#method = method
    this.#requestId = requestId
    this.#kind = kind
    const end = body !== undefined
    const open = { stream: kind, method, target, headers, body: body ?? null, end }
    const { stream, link } = instance.open(open, this)
    this.stream = stream
    this.link = link
  }

  /** What is left of the stream ends, because of `fault` or because nobody needs it; its place is free again. */
  release(fault: AnswerFault | undefined, bytesIn: number, bytesOut: number): void {
    this.link.bytesIn += bytesIn
    this.link.bytesOut += bytesOut
    this.stream.events = NO_STREAM_EVENTS
    const timeout = fault === 'response_timeout' || fault === 'idle_timeout'
    this.stream.reset(timeout ? ResetCode.timeout : ResetCode.cancelled, '')
    this.instance.inflight--
    this.#host.released(this.instance)
  }

  // From the stream.

  head(head: Head): void {
    // Interim answers end here: no engine can pass them on. 101 is none: nobody asked for another protocol.
    if (head.status < 200 && head.status !== 101) return
    const now = this.#host.now()
    this.instance.answered(now - this.startedAt, now)
    let answer: ResponseHead
    try {
      const upgraded = head.status === 101 && this.#kind === StreamKind.websocket
      answer = answerHead(head, this.#method, this.instance.tunnel.id, this.#requestId, upgraded)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      this.link.errors++
      this.owner.failed({ problem: error, moves: 'none', lost: false })
      return
    }
    this.owner.answered(answer, head.body, head.end)
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
    if (end.kind === 'peer' && end.code === ResetCode.unreachable) this.instance.strike(this.#host.now())
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
