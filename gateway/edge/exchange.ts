/**
 * One caller's request: it finds an agent, moves to another where that is safe, keeps the deadlines, and ends
 * exactly once. A body that is streamed back is the affair of `answering.ts`.
 *
 *     arriving ─▶ waiting ─▶ sent ─▶ answering ─▶ done
 *                    ▲─────────┘ (moved)
 */
import { assertNever, Problem } from '../../shared/errors.js'
import { type Head, ResetCode, StreamKind } from '../../shared/frames.js'
import type { Job } from '../agents/dispatch.js'
import type { Instance } from '../agents/instance.js'
import type { PolicyName } from '../agents/policies.js'
import type { Selector } from '../agents/selector.js'
import { answerHead, isBodyless } from './answer.js'
import { type AnswerFault, Answering, type AnsweringOwner } from './answering.js'
import { Attempt, type AttemptOwner, type Failure } from './attempt.js'
import type { Sweepable } from './deadlines.js'
import type { Caller, CallerEvents, ResponseHead } from './engine.js'
import type { ExchangeHost } from './exchange-host.js'
import { forwardedHead } from './forwarded.js'
import { problemReply } from './reply.js'
import { mayMove } from './retry.js'
import type { ProxyRoute } from './routes.js'
import { type ExchangeTerms, stickyKey, termsOf } from './terms.js'
import { Upload } from './upload.js'

type State =
  /** The first turn: a short body may be here in a moment, and then travels with the head. */
  | { kind: 'arriving' }
  | { kind: 'waiting' }
  | { kind: 'sent'; attempt: Attempt }
  /** `attempt` is gone once the agent is done. */
  | { kind: 'answering'; attempt: Attempt | undefined; answering: Answering }
  | { kind: 'done' }

export class Exchange implements CallerEvents, Job, AttemptOwner, AnsweringOwner, Sweepable {
  readonly selector: Selector
  readonly policy: PolicyName
  readonly tried: Instance[] = []
  readonly requestId: string
  readonly caller: Caller
  hold: number
  place = -1

  readonly #host: ExchangeHost
  readonly #route: ProxyRoute
  readonly #terms: ExchangeTerms
  readonly #upload: Upload
  readonly #startedAt: number
  #state: State = { kind: 'arriving' }
  #moves = 0
  #failure: Failure | undefined
  #tunnelId: string | undefined

  /** @throws Problem where the request asks for what cannot be. */
  constructor(
    host: ExchangeHost,
    caller: Caller,
    route: ProxyRoute,
    length: number | 'chunked' | undefined,
    requestId: string,
  ) {
    this.#host = host
    this.#route = route
    this.#terms = termsOf(caller.head.headers, host.settings)
    this.#startedAt = host.now()
    this.#upload = new Upload(caller, host.settings, length, this.#startedAt)
    this.caller = caller
    this.requestId = requestId
    this.selector = route.selector
    this.policy = route.selector.policy ?? host.settings.policy
    this.hold = this.#terms.hold
  }

  get stickyKey(): string {
    return stickyKey(this.caller.head)
  }

  start(): void {
    this.caller.events = this
    this.#host.deadlines.watch(this)
    // A request without a body ends by itself, within this turn.
    if (this.#upload.expected) setImmediate(() => this.#arrived())
  }

  // From the caller's connection.

  data(chunk: Buffer): void {
    if (this.#state.kind === 'done') return
    try {
      this.#upload.data(chunk, this.#host.now())
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      this.#fail(error)
    }
  }

  end(): void {
    this.#upload.end()
    this.#arrived()
  }

  writable(): void {}

  aborted(): void {
    this.#finish(0, 'aborted')
  }

  // From dispatch.

  assigned(instance: Instance): void {
    const { head } = this.caller
    const { requestId } = this
    const { prefix, target } = this.#route
    const { trusted } = this.#host.settings
    const whole = this.#upload.whole
    const open = {
      stream: StreamKind.http,
      method: head.method,
      target,
      headers: forwardedHead(head, { requestId, prefix, trusted }),
      body: whole ?? null,
      end: whole !== undefined,
    }
    const attempt = new Attempt(instance, open, this, this.#host.now())
    this.#tunnelId = instance.tunnel.id
    this.#state = { kind: 'sent', attempt }
    this.#upload.movedAt = attempt.startedAt
    this.#upload.attach(attempt.stream, whole !== undefined)
  }

  refused(problem: Problem): void {
    // After a try, what it failed with says more than that no other agent was there.
    this.#fail(this.#failure?.problem ?? problem)
  }

  // From the attempt.

  answered(head: Head): void {
    if (this.#state.kind !== 'sent') return
    const { attempt } = this.#state
    const { method } = this.caller.head
    const now = this.#host.now()
    attempt.instance.answered(now - attempt.startedAt, now)
    let answer: ResponseHead
    try {
      answer = answerHead(head, method, attempt.instance.tunnel.id, this.requestId)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      attempt.link.errors++
      this.#fail(error)
      return
    }
    const answering = new Answering(this, attempt, this.#upload, answer)
    this.#state = { kind: 'answering', attempt, answering }
    if (isBodyless(method, head.status)) answering.whole(answer, null)
    else if (head.end) answering.whole(answer, head.body)
    else answering.begin(answer, head.body)
  }

  body(): void {}
  bodyEnd(): void {}

  roomForBody(): void {
    this.#upload.resume()
  }

  failed(failure: Failure): void {
    if (this.#state.kind !== 'sent') return
    const { attempt } = this.#state
    if (failure.problem.code === 'upstream_unreachable') attempt.instance.strike(this.now())
    this.#failure = failure
    if (this.#upload.replayable && mayMove(this.caller.head, failure, this.#moves))
      this.#move(attempt, failure)
    else this.#fail(failure.problem)
  }

  // From the streamed answer.

  now(): number {
    return this.#host.now()
  }

  agentDone(): void {
    if (this.#state.kind !== 'answering' || this.#state.attempt === undefined) return
    this.#release(this.#state.attempt)
    this.#state.attempt = undefined
  }

  over(fault: AnswerFault | undefined): void {
    if (this.#state.kind === 'answering') this.#finish(this.#state.answering.status, fault)
  }

  // From the sweep.

  sweep(now: number): void {
    switch (this.#state.kind) {
      case 'arriving':
      case 'waiting':
        if (this.#upload.tooSlow(now)) this.#fail(TOO_SLOW())
        return
      case 'sent': {
        const { responseTimeout } = this.#terms
        if (this.#upload.tooSlow(now)) this.#fail(TOO_SLOW())
        else if (responseTimeout > 0 && now - this.#upload.lastMoved(now) >= responseTimeout)
          this.#fail(new Problem('response_timeout', `no response within ${responseTimeout} ms`))
        return
      }
      case 'answering':
        this.#state.answering.sweep(now, this.#terms.idleTimeout)
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
    this.#moves++
    // An agent that is still there has given its answer; one that went may come back, or have another link.
    if (!failure.lost) {
      this.tried.push(attempt.instance)
      this.hold = 0
    }
    this.#release(attempt)
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
        const reply = problemReply(problem, this.requestId, this.caller.head.headers, !this.#upload.complete)
        this.caller.respond(reply.head, reply.body)
        this.#finish(problem.status, problem.code)
        return
      }
      case 'answering':
        this.#state.answering.cut(problem.code)
        return
      case 'done':
        return
      default:
        assertNever(this.#state)
    }
  }

  #finish(status: number, code: AnswerFault | undefined): void {
    const state = this.#state
    if (state.kind === 'done') return
    if (state.kind === 'waiting') this.#host.cancel(this)
    if ('attempt' in state && state.attempt !== undefined) {
      const timeout = code === 'response_timeout' || code === 'idle_timeout'
      this.#release(state.attempt, timeout ? ResetCode.timeout : ResetCode.cancelled)
    }
    this.#state = { kind: 'done' }
    this.#host.deadlines.forget(this)
    this.#host.finished(this, {
      requestId: this.requestId,
      via: this.#route.via,
      status,
      code,
      tunnelId: this.#tunnelId,
      bytesIn: this.#upload.bytes,
      bytesOut: state.kind === 'answering' ? state.answering.bytes : 0,
      duration: this.#host.now() - this.#startedAt,
      moves: this.#moves,
    })
  }

  #release(attempt: Attempt, code: ResetCode = ResetCode.cancelled): void {
    this.#upload.detach()
    attempt.link.bytesIn += this.#upload.bytes
    if (this.#state.kind === 'answering') attempt.link.bytesOut += this.#state.answering.bytes
    attempt.release(code)
    this.#host.released(attempt.instance)
  }
}

const TOO_SLOW = (): Problem => new Problem('request_timeout', 'the request body came too slowly')
