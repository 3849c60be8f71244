/**
 * An answer whose body is streamed, from its head to its end. It gives credit to the agent as the caller's connection
 * takes bytes, so that a reader that stalls stops its agent and nobody else. What fails from here on cuts the
 * caller's connection, for its answer has begun.
 */
import { assertNever, type ProblemCode } from '../../shared/errors.js'
import type { Attempt, AttemptOwner, Failure } from './attempt.js'
import type { Caller, CallerEvents, ResponseHead } from './engine.js'
import type { Upload } from './upload.js'

/** An answer that has begun. It tells its owner when it is over. */
export interface Answer {
  /** What the caller saw. */
  readonly status: number
  /** Body or message bytes from the caller and to it. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Cuts it where nothing moved for `idleTimeout` ms, unless it has a sign of life of its own. */
  sweep(now: number, idleTimeout: number): void
  /** The caller sees that it is not complete. */
  cut(code: ProblemCode): void
}

/** Why an answer is not whole; `aborted`: the caller left. */
export type AnswerFault = ProblemCode | 'aborted'

export interface AnsweringOwner {
  readonly caller: Caller
  /** Milliseconds, monotonic. */
  now(): number
  /** Nothing follows. The caller has all of it where there is no fault. */
  over(fault: AnswerFault | undefined): void
}

type State =
  | 'flowing'
  /** The agent is done, the caller's connection has not taken all of it. */
  | 'flushing'
  | 'done'

export class Answering implements Answer, CallerEvents, AttemptOwner {
  bytesOut = 0
  readonly status: number

  readonly #owner: AnsweringOwner
  readonly #caller: Caller
  readonly #attempt: Attempt
  readonly #upload: Upload
  readonly #length: number | undefined
  #state: State = 'flowing'
  /** The caller's connection is full: `writable` will come. */
  #blocked = false
  /** Bytes that the connection has not taken: credit waits for them. */
  #unread = 0
  /** When a byte of the answer last moved. */
  #movedAt: number

  constructor(owner: AnsweringOwner, attempt: Attempt, upload: Upload, head: ResponseHead) {
    this.#owner = owner
    this.#caller = owner.caller
    this.#attempt = attempt
    this.#upload = upload
    this.#length = head.length
    this.#movedAt = owner.now()
    this.status = head.status
  }

  get bytesIn(): number {
    return this.#upload.bytes
  }

  /** `body`: what came with the head, and so counts for no window. */
  begin(head: ResponseHead, body: Uint8Array | null): void {
    this.#attempt.owner = this
    this.#caller.events = this
    this.#caller.start(head)
    if (body === null || this.#isTooLong(body)) return
    this.bytesOut = body.length
    this.#blocked = !this.#caller.write(body)
  }

  // From the caller's connection.

  data(chunk: Buffer): void {
    // What comes behind a complete answer is for nobody.
    if (this.#state !== 'flowing') return
    const fault = this.#upload.data(chunk, this.#owner.now())
    if (fault !== undefined) this.cut(fault.code)
  }

  end(): void {
    this.#upload.end()
  }

  writable(): void {
    this.#movedAt = this.#owner.now()
    this.#blocked = false
    switch (this.#state) {
      case 'flowing':
        this.#credit()
        return
      case 'flushing':
        this.#finish()
        return
      case 'done':
        return
      default:
        assertNever(this.#state)
    }
  }

  aborted(): void {
    this.#over('aborted')
  }

  // From the attempt.

  answered(): void {}

  body(chunk: Uint8Array): void {
    if (this.#isTooLong(chunk)) return
    this.#movedAt = this.#owner.now()
    this.bytesOut += chunk.length
    this.#unread += chunk.length
    this.#blocked = !this.#caller.write(chunk)
    if (!this.#blocked) this.#credit()
  }

  bodyEnd(): void {
    if (this.#state !== 'flowing') return
    if (this.#length !== undefined && this.bytesOut < this.#length) this.#misframed()
    else if (this.#blocked) {
      this.#state = 'flushing'
      this.#release(undefined)
    } else this.#finish()
  }

  roomForBody(): void {
    this.#upload.resume()
  }

  failed({ problem }: Failure): void {
    this.cut(problem.code)
  }

  // From the exchange.

  sweep(now: number, idleTimeout: number): void {
    const movedAt = Math.max(this.#movedAt, this.#upload.lastMoved(now))
    if (idleTimeout > 0 && now - movedAt >= idleTimeout) this.cut('idle_timeout')
  }

  cut(code: ProblemCode): void {
    if (this.#state === 'done') return
    this.#caller.cut()
    this.#over(code)
  }

  #finish(): void {
    this.#caller.end()
    this.#over(undefined)
  }

  #credit(): void {
    const bytes = this.#unread
    this.#unread = 0
    this.#attempt.stream.read(bytes)
  }

  /** Nothing of it is written then: what was would be a whole answer in the caller's eyes. */
  #isTooLong(chunk: Uint8Array): boolean {
    if (this.#length === undefined || this.bytesOut + chunk.length <= this.#length) return false
    this.#misframed()
    return true
  }

  /** The body has another length than the agent's head said. */
  #misframed(): void {
    this.#attempt.link.errors++
    this.cut('agent_error')
  }

  #over(fault: AnswerFault | undefined): void {
    if (this.#state === 'done') return
    const released = this.#state === 'flushing'
    this.#state = 'done'
    if (!released) this.#release(fault)
    this.#owner.over(fault)
  }

  #release(fault: AnswerFault | undefined): void {
    this.#upload.detach()
    this.#attempt.release(fault, this.#upload.bytes, this.bytesOut)
  }
}
