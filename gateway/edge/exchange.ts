/**
 * One caller's request: it finds an agent, moves to another where that is safe, keeps the deadlines, and ends
 * exactly once. A body that is streamed back is the affair of `answering.ts`.
 *
 *     arriving ─▶ waiting ─▶ sent ─▶ answering ─▶ done
 *                    ▲─────────┘ (moved)
 */
import { assertNever, Problem } from '../../shared/errors.js'
import { StreamKind } from '../../shared/frames.js'
import type { Job } from '../agents/dispatch.js'
import type { Instance } from '../agents/instance.js'
import { admittedHead, isBodyless } from './answer.js'
import { type Answer, type AnswerFault, Answering, type AnsweringOwner } from './answering.js'
import { Attempt, type AttemptOwner, type Failure } from './attempt.js'
import type { Sweepable } from './deadlines.js'
import { endedOf, type Trail } from './ended.js'
import type { Caller, CallerEvents, ResponseHead } from './engine.js'
import type { Asked, ExchangeHost } from './exchange-host.js'
import { questionOf } from './forwarded.js'
import { Relaying } from './relaying.js'
import { problemReply } from './reply.js'
import { mayMove } from './retry.js'
import { type ExchangeTerms, selectorFor, stickyKey, termsOf } from './terms.js'
import { Upload } from './upload.js'

type State =
  /** The first turn: a short body may be here in a moment, and then travels with the head. */
  | { kind: 'arriving' }
  | { kind: 'waiting' }
  | { kind: 'sent'; attempt: Attempt }
  | { kind: 'answering'; answer: Answer }
  | { kind: 'done' }

export class Exchange implements CallerEvents, Job, AttemptOwner, AnsweringOwner, Sweepable {
  readonly selector: Job['selector']
  readonly policy: Job['policy']
  readonly guest: Job['guest']
  readonly tried: Instance[] = []
  readonly requestId: string
  readonly caller: Caller
  readonly upload: Upload
  hold: number
  place = -1

  readonly #host: ExchangeHost
  readonly #asked: Asked
  readonly #terms: ExchangeTerms
  #state: State = { kind: 'arriving' }
  readonly #trail: Trail = { moves: 0 }
  #failure: Failure | undefined

  /** @throws Problem where it asks for what cannot be. */
  constructor(host: ExchangeHost, caller: Caller, asked: Asked) {
    this.#asked = asked
    this.#host = host
    const { guest } = asked.admission
    this.#terms = termsOf(caller.head.headers, host.settings, guest?.limited ?? false)
    this.upload = new Upload(caller, host.settings, asked.length, asked.startedAt)
    this.caller = caller
    this.requestId = asked.requestId
    this.guest = guest
    this.selector = selectorFor(asked)
    this.policy = this.selector.policy ?? host.settings.policy
    this.hold = this.#terms.hold
  }

  get stickyKey(): string {
    return stickyKey(this.caller.head)
  }

  start(): void {
    this.caller.events = this
    this.#host.deadlines.watch(this)
    // A request without a body ends by itself, within this turn.
    if (this.upload.expected) setImmediate(() => this.#arrived())
  }

  // From the caller's connection.

  data(chunk: Buffer): void {
    if (this.#state.kind === 'done') return
    const fault = this.upload.data(chunk, this.#host.now())
    if (fault !== undefined) this.#fail(fault)
  }

  end(): void {
    this.upload.end()
    this.#arrived()
  }

  writable(): void {}
  aborted(): void {
    this.#finish(0, 'aborted')
  }

  assigned(instance: Instance): void {
    const { requestId, route, admission, upgrade } = this.#asked
    const kind = upgrade === undefined ? StreamKind.http : StreamKind.websocket
    const body = upgrade === undefined ? this.upload.whole : undefined
    // Dispatch has just asked the instance's guard.
    const spent = admission.spent ?? (admission.guest?.spent ? 'authorization' : undefined)
    const facts = { requestId, spent, trusted: this.#host.settings.trusted, kind, body }
    const attempt = new Attempt(this.#host, instance, questionOf(this.caller.head, route, facts), this)
    this.#trail.tunnelId = instance.tunnel.id
    this.#trail.sentAt ??= attempt.startedAt
    this.#state = { kind: 'sent', attempt }
    this.upload.movedAt = attempt.startedAt
    if (upgrade === undefined) this.upload.attach(attempt.stream, body !== undefined)
  }

  refused(problem: Problem): void {
    // After a try, what it failed with says more than that no other agent was there.
    this.#fail(this.#failure?.problem ?? problem)
  }

  // From the attempt.

  answered(said: ResponseHead, body: Uint8Array | null, end: boolean): void {
    if (this.#state.kind !== 'sent') return
    const { attempt } = this.#state
    this.#trail.headAt = this.#host.now()
    const head = admittedHead(said, this.#asked.admission)
    if (head.status === 101 && this.#asked.upgrade !== undefined) {
      const relaying = new Relaying(this, attempt, this.#asked.upgrade, head, this.#host)
      this.#state = { kind: 'answering', answer: relaying }
      relaying.begin()
      return
    }
    const bodyless = isBodyless(this.caller.head.method, head.status)
    if (bodyless || end) {
      const whole = bodyless ? undefined : (body ?? undefined)
      this.caller.respond(head, whole)
      this.#finish(head.status, undefined, whole?.length)
      return
    }
    const answering = new Answering(this, attempt, this.upload, head)
    this.#state = { kind: 'answering', answer: answering }
    answering.begin(head, body)
  }

  body(): void {}
  bodyEnd(): void {}
  roomForBody(): void {
    this.upload.resume()
  }

  failed(failure: Failure): void {
    if (this.#state.kind !== 'sent') return
    const { attempt } = this.#state
    this.#failure = failure
    // An upgrade that was sent may have been taken.
    const repeatable =
      this.upload.replayable && (this.#asked.upgrade === undefined || failure.moves === 'any')
    if (repeatable && mayMove(this.caller.head, failure, this.#trail.moves)) this.#move(attempt, failure)
    else this.#fail(failure.problem)
  }

  now(): number {
    return this.#host.now()
  }
  over(fault: AnswerFault | undefined): void {
    if (this.#state.kind === 'answering') this.#finish(this.#state.answer.status, fault)
  }

  sweep(now: number): void {
    if (!this.#host.alive(this.#asked.admission))
      this.#fail(new Problem('unauthorized', 'the credential has ended'))
    switch (this.#state.kind) {
      case 'arriving':
      case 'waiting':
      case 'sent': {
        const fault = this.upload.overdue(now, this.#state.kind === 'sent' ? this.#terms.responseTimeout : 0)
        if (fault !== undefined) this.#fail(fault)
        return
      }
      case 'answering':
        this.#state.answer.sweep(now, this.#terms.idleTimeout)
        return
      case 'done':
        return
      default:
        assertNever(this.#state)
    }
  }

  /** The gateway ends: what is left is cut. */
  destroy(): void {
    this.#fail(new Problem('draining', 'the gateway is shutting down'))
  }

  #arrived(): void {
    if (this.#state.kind !== 'arriving') return
    this.#state = { kind: 'waiting' }
    this.#host.submit(this)
  }

  #move(attempt: Attempt, failure: Failure): void {
    this.#trail.moves++
    // An agent that stays has given its answer; one that went, or is about to, may come back, or have another link.
    if (!failure.lost && attempt.instance.state !== 'draining') {
      this.tried.push(attempt.instance)
      this.hold = 0
    }
    this.#release(attempt, failure.problem.code)
    this.#host.moved(this.requestId, failure)
    this.#state = { kind: 'waiting' }
    this.#host.submit(this)
  }

  /** Before the head is out the caller is told; after it, it sees that the answer is not complete. */
  #fail(problem: Problem): void {
    switch (this.#state.kind) {
      case 'arriving':
      case 'waiting':
      case 'sent': {
        // What the caller still sends will not be read.
        const reply = problemReply(problem, this.requestId, this.caller.head.headers, !this.upload.complete)
        this.caller.respond(admittedHead(reply.head, this.#asked.admission), reply.body)
        this.#finish(problem.status, problem.code)
        return
      }
      case 'answering':
        this.#state.answer.cut(problem.code)
        return
      case 'done':
        return
      default:
        assertNever(this.#state)
    }
  }

  #finish(status: number, code: AnswerFault | undefined, bytesOut = 0): void {
    const state = this.#state
    if (state.kind === 'done') return
    if (state.kind === 'waiting') this.#host.cancel(this)
    if (state.kind === 'sent') this.#release(state.attempt, code, bytesOut)
    this.#state = { kind: 'done' }
    this.#host.deadlines.forget(this)
    const bytesIn = state.kind === 'answering' ? state.answer.bytesIn : this.upload.bytes
    const sent = state.kind === 'answering' ? state.answer.bytesOut : bytesOut
    const outcome = { status, code, bytesIn, bytesOut: sent, now: this.#host.now() }
    this.#host.finished(this, endedOf(this.#asked, this.#trail, outcome))
  }

  #release(attempt: Attempt, fault: AnswerFault | undefined, bytesOut = 0): void {
    this.upload.detach()
    attempt.release(fault, this.upload.bytes, bytesOut)
  }
}
