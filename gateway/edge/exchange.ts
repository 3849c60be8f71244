/**
 * One caller's request, from its head to the end of its answer: it finds an agent, pumps both bodies with
 * credit, moves to another agent where that is safe, keeps the deadlines, and ends exactly once.
 *
 *     arriving ─▶ waiting ─▶ sent ─▶ answering ─▶ done
 *                    ▲─────────┘ (moved)
 */
import { assertNever, Problem, type ProblemCode } from '../../shared/errors.js'
import { type Head, StreamKind } from '../../shared/frames.js'
import type { Job } from '../agents/dispatch.js'
import type { Instance } from '../agents/instance.js'
import type { PolicyName } from '../agents/policies.js'
import type { Selector } from '../agents/selector.js'
import { answerHead, isBodyless } from './answer.js'
import { Attempt, type AttemptOwner, type Failure } from './attempt.js'
import type { Deadlines, Sweepable } from './deadlines.js'
import type { Caller, CallerEvents, ResponseHead } from './engine.js'
import { forwardedHead, type TrustedProxies } from './forwarded.js'
import { problemReply } from './reply.js'
import type { ProxyRoute } from './routes.js'
import { type ExchangeTerms, isIdempotent, stickyKey, type TermLimits, termsOf } from './terms.js'
import { Upload, type UploadLimits } from './upload.js'

export interface ExchangeSettings extends TermLimits, UploadLimits {
  policy: PolicyName
  trusted: TrustedProxies
}

/** What an exchange needs of its edge. */
export interface ExchangeHost {
  readonly settings: ExchangeSettings
  readonly deadlines: Deadlines
  now(): number
  submit(job: Job): void
  cancel(job: Job): void
  /** A place at the instance is free again. */
  released(instance: Instance): void
  moved(requestId: string, failure: Failure): void
  finished(exchange: Exchange, summary: Summary): void
}

/** How an exchange ended. */
export interface Summary {
  requestId: string
  via: ProxyRoute['via']
  /** Status that the caller saw; 0 where it left before one. */
  status: number
  /** What went wrong, also after the head was out; `aborted`: the caller left. */
  code: ProblemCode | 'aborted' | undefined
  tunnelId: string | undefined
  bytesIn: number
  bytesOut: number
  /** Milliseconds. */
  duration: number
  moves: number
}

type State =
  /** The first turn: a short body may be here in a moment, and then travels with the head. */
  | { kind: 'arriving' }
  | { kind: 'waiting' }
  | { kind: 'sent'; attempt: Attempt }
  | { kind: 'answering'; attempt: Attempt; status: number; bodyless: boolean }
  | { kind: 'done' }

/** How often an exchange moves to another instance. */
const MAX_MOVES = 2

export class Exchange implements CallerEvents, Job, AttemptOwner, Sweepable {
  readonly selector: Selector
  readonly policy: PolicyName
  readonly tried: Instance[] = []
  readonly requestId: string
  readonly caller: Caller
  hold: number

  readonly #host: ExchangeHost
  readonly #route: ProxyRoute
  readonly #terms: ExchangeTerms
  readonly #upload: Upload
  readonly #startedAt: number
  #state: State = { kind: 'arriving' }
  /** When a byte of either body last moved. */
  #activeAt: number
  /** Body bytes given to the caller that its connection has not taken: credit waits for them. */
  #unread = 0
  #bytesOut = 0
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
    this.#startedAt = this.#activeAt = host.now()
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
    setImmediate(this.#arrived)
  }

  // From the caller's connection.

  data(chunk: Buffer): void {
    if (this.#state.kind === 'done') return
    this.#activeAt = this.#host.now()
    try {
      this.#upload.data(chunk, this.#activeAt)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      this.#fail(error)
    }
  }

  end(): void {
    this.#upload.end()
    this.#arrived()
  }

  writable(): void {
    if (this.#state.kind !== 'answering') return
    const bytes = this.#unread
    this.#unread = 0
    this.#activeAt = this.#host.now()
    this.#state.attempt.stream.read(bytes)
  }

  aborted(): void {
    this.#finish(this.#state.kind === 'answering' ? this.#state.status : 0, 'aborted')
  }

  // From dispatch.

  assigned(instance: Instance): void {
    const { head } = this.caller
    const whole = this.#upload.whole
    const facts = {
      requestId: this.requestId,
      prefix: this.#route.prefix,
      trusted: this.#host.settings.trusted,
    }
    const open = {
      stream: StreamKind.http,
      method: head.method,
      target: this.#route.target,
      headers: forwardedHead(head, facts),
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
    this.#activeAt = now
    const bodyless = isBodyless(method, head.status)
    this.#state = { kind: 'answering', attempt, status: head.status, bodyless }
    if (head.end || bodyless) {
      const body = bodyless ? null : head.body
      this.#bytesOut += body?.length ?? 0
      this.caller.respond(answer, body ?? undefined)
      this.#finish(head.status, undefined)
      return
    }
    this.caller.start(answer)
    // Not of the window: nothing to give credit for.
    if (head.body !== null) {
      this.#bytesOut += head.body.length
      this.caller.write(head.body)
    }
  }

  body(chunk: Uint8Array): void {
    if (this.#state.kind !== 'answering') return
    this.#activeAt = this.#host.now()
    this.#bytesOut += chunk.length
    if (!this.caller.write(chunk)) this.#unread += chunk.length
    else this.#state.attempt.stream.read(chunk.length)
  }

  bodyEnd(): void {
    if (this.#state.kind !== 'answering') return
    this.caller.end()
    this.#finish(this.#state.status, undefined)
  }

  roomForBody(): void {
    this.#upload.resume()
  }

  failed(failure: Failure): void {
    const now = this.#host.now()
    switch (this.#state.kind) {
      case 'sent': {
        const { attempt } = this.#state
        if (failure.problem.code === 'upstream_unreachable') attempt.instance.strike(now)
        this.#failure = failure
        if (this.#mayMove(failure)) this.#move(attempt, failure)
        else this.#fail(failure.problem)
        return
      }
      case 'answering':
        this.#cut(failure.problem.code)
        return
      case 'arriving':
      case 'waiting':
      case 'done':
        return
      default:
        assertNever(this.#state)
    }
  }

  // From the sweep.

  sweep(now: number): void {
    switch (this.#state.kind) {
      case 'arriving':
      case 'waiting':
        if (this.#upload.tooSlow(now)) this.#fail(tooSlow())
        return
      case 'sent': {
        if (this.#upload.tooSlow(now)) {
          this.#fail(tooSlow())
          return
        }
        const { responseTimeout } = this.#terms
        if (responseTimeout === 0 || now - this.#upload.movedAt < responseTimeout) return
        this.#fail(new Problem('response_timeout', `no response within ${responseTimeout} ms`))
        return
      }
      case 'answering': {
        const { idleTimeout } = this.#terms
        if (idleTimeout === 0 || now - this.#activeAt < idleTimeout) return
        this.#cut('idle_timeout')
        return
      }
      case 'done':
        return
      default:
        assertNever(this.#state)
    }
  }

  readonly #arrived = (): void => {
    if (this.#state.kind !== 'arriving') return
    this.#state = { kind: 'waiting' }
    this.#host.submit(this)
  }

  #mayMove(failure: Failure): boolean {
    if (this.tried.length >= MAX_MOVES || !this.#upload.replayable) return false
    return failure.moves === 'any' || isIdempotent(this.caller.head)
  }

  #move(attempt: Attempt, failure: Failure): void {
    this.tried.push(attempt.instance)
    // An agent that is still there has given its answer; only one that went may come back.
    if (!failure.lost) this.hold = 0
    this.#release(attempt)
    this.#host.moved(this.requestId, failure)
    this.#state = { kind: 'waiting' }
    this.#host.submit(this)
  }

  /** Before the head is out: the caller is told. */
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
        this.#cut(problem.code)
        return
      case 'done':
        return
      default:
        assertNever(this.#state)
    }
  }

  /** After the head is out: the caller sees that the answer is not complete. */
  #cut(code: ProblemCode): void {
    if (this.#state.kind !== 'answering') return
    this.caller.cut()
    this.#finish(this.#state.status, code)
  }

  /** The gateway ends: what is left is cut. */
  destroy(): void {
    this.#fail(new Problem('draining', 'the gateway is shutting down'))
  }

  #finish(status: number, code: Summary['code']): void {
    const state = this.#state
    if (state.kind === 'done') return
    this.#state = { kind: 'done' }
    this.#host.deadlines.forget(this)
    if (state.kind === 'waiting') this.#host.cancel(this)
    if (state.kind === 'sent' || state.kind === 'answering') this.#release(state.attempt)
    this.#host.finished(this, {
      requestId: this.requestId,
      via: this.#route.via,
      status,
      code,
      tunnelId: this.#tunnelId,
      bytesIn: this.#upload.bytes,
      bytesOut: this.#bytesOut,
      duration: this.#host.now() - this.#startedAt,
      moves: this.tried.length,
    })
  }

  #release(attempt: Attempt): void {
    this.#upload.detach()
    attempt.link.bytesIn += this.#upload.bytes
    attempt.link.bytesOut += this.#bytesOut
    attempt.release()
    this.#host.released(attempt.instance)
  }
}

const tooSlow = (): Problem => new Problem('request_timeout', 'the request body came too slowly')
