/** One exchange as a handler sees it: the request, and ways to answer it. Callbacks all through, for speed. */
import { type Head, type Open, ResetCode } from '../shared/frames.js'
import type { Fields } from '../shared/headers.js'
import { MAX_INLINE_BODY } from '../shared/limits.js'
import type { Stream, StreamEnd, StreamEvents } from '../shared/stream.js'
import { answerFault, trailerFault } from './answer.js'
import { type ExchangeEvents, type Outcome, UNREAD } from './handler.js'
import { plainText } from './text.js'

/** How far the answer is. `held`: its head waits for the rest of this turn, so that a short one is one frame. */
type Phase = 'waiting' | 'held' | 'streaming' | 'done'

const OPEN: Outcome = { kind: 'open' }
const ANSWERED: Outcome = { kind: 'answered' }

/** Exchanges whose heads are held until this turn's promises have settled. */
let held: Exchange[] = []

function releaseHeld(): void {
  const due = held
  held = []
  for (const exchange of due) exchange.flush()
}

export class Exchange implements StreamEvents {
  readonly method: string
  readonly target: string
  /** Flat; names in lower case, values as byte strings. */
  readonly headers: Fields
  /** What came of the body with the request. */
  readonly body: Uint8Array | null
  /** `body` is the whole: neither `data` nor `end` follows. */
  readonly whole: boolean
  events: ExchangeEvents = UNREAD
  /** 0 until there is an answer. */
  status = 0
  outcome: Outcome = OPEN
  /** For the observer's use: when it began, in milliseconds. */
  startedAt = 0

  readonly #stream: Stream
  readonly #ended: (exchange: Exchange) => void
  #phase: Phase = 'waiting'
  #reason: string | null = null
  #fields: Fields = []
  #inline: Uint8Array | null = null

  constructor(stream: Stream, open: Open, ended: (exchange: Exchange) => void) {
    this.method = open.method
    this.target = open.target
    this.headers = open.headers
    this.body = open.body
    this.whole = open.end
    this.#stream = stream
    this.#ended = ended
  }

  /** The answer is complete, failed or not wanted any more: what is said now goes nowhere. */
  get done(): boolean {
    return this.#phase === 'done'
  }

  /** An interim head (102 to 199, not 101). */
  interim(status: number, headers: Fields): void {
    if (this.#phase !== 'waiting' || answerFault(status, null, headers) !== undefined) return
    this.#sendHead(status, null, headers, null, false)
  }

  /**
   * Begins the answer. `reason` null: the status's standard phrase. Headers are end-to-end ones, byte strings with
   * names in lower case; `content-length` tells the length where it is known. An impossible head fails the exchange.
   */
  start(status: number, reason: string | null, headers: Fields): void {
    if (this.#phase !== 'waiting' || this.#isImpossible(status, reason, headers)) return
    this.status = status
    this.#reason = reason
    this.#fields = headers
    this.#phase = 'held'
    if (held.push(this) === 1) process.nextTick(releaseHeld)
  }

  /** Takes `chunk`, which must not change afterwards. @returns false: wait for `drain` before the next. */
  write(chunk: Uint8Array): boolean {
    if (this.#phase === 'held') {
      if (this.#inline === null && chunk.length <= MAX_INLINE_BODY) {
        this.#inline = chunk
        return true
      }
      this.flush()
    }
    return this.#phase === 'streaming' ? this.#stream.write(chunk) : true
  }

  /** The answer is complete. */
  finish(trailers: Fields = []): void {
    if (this.#phase === 'held' && trailers.length === 0) {
      this.#sendHead(this.status, this.#reason, this.#fields, this.#inline, true)
      this.#settle(ANSWERED)
      return
    }
    this.flush()
    if (this.#phase !== 'streaming') return
    const fault = trailerFault(trailers)
    if (fault !== undefined) {
      this.fail(ResetCode.failed, fault)
      return
    }
    this.#stream.end(trailers)
    this.#settle(ANSWERED)
  }

  /** The whole answer at once. */
  respond(status: number, reason: string | null, headers: Fields, body: Uint8Array | null): void {
    if (body !== null && body.length > MAX_INLINE_BODY) {
      this.start(status, reason, headers)
      this.write(body)
      this.finish()
      return
    }
    if (this.#phase !== 'waiting' || this.#isImpossible(status, reason, headers)) return
    this.status = status
    this.#sendHead(status, reason, headers, body, true)
    this.#settle(ANSWERED)
  }

  /** Gives up: the caller gets an error, or sees the answer cut where it has begun. */
  fail(code: ResetCode, message: string): void {
    if (this.#phase === 'done') return
    this.#stream.reset(code, plainText(message))
    this.#settle({ kind: 'failed', code, message })
  }

  /** A handler threw `error`: it fails, and still learns that nobody waits any more. */
  threw(error: unknown): void {
    if (this.#phase === 'done') return
    const message = `handler threw: ${error instanceof Error ? error.message : String(error)}`
    this.fail(ResetCode.failed, message)
    this.#abort(message)
  }

  /** The handler used up `bytes` of what `data` gave it. */
  read(bytes: number): void {
    this.#stream.read(bytes)
  }

  /** Sends what is held. */
  flush(): void {
    if (this.#phase !== 'held') return
    this.#phase = 'streaming'
    this.#sendHead(this.status, this.#reason, this.#fields, this.#inline, false)
    this.#inline = null
  }

  // From the stream.

  head(): void {}

  end(): void {
    if (this.#phase === 'done') return
    try {
      this.events.end()
    } catch (error) {
      this.threw(error)
    }
  }

  data(chunk: Uint8Array): void {
    if (this.#phase === 'done' || this.events === UNREAD) {
      this.#stream.read(chunk.length)
      return
    }
    try {
      this.events.data(chunk)
    } catch (error) {
      this.threw(error)
    }
  }

  drain(): void {
    if (this.#phase === 'done') return
    try {
      this.events.drain()
    } catch (error) {
      this.threw(error)
    }
  }

  reset(reason: StreamEnd): void {
    if (this.#phase === 'done') return
    this.#settle({ kind: 'aborted', reason: reason.message })
    this.#abort(reason.message)
  }

  #abort(reason: string): void {
    try {
      this.events.abort(reason)
    } catch {
      // The exchange is over: nobody is left to tell.
    }
  }

  #isImpossible(status: number, reason: string | null, headers: Fields): boolean {
    const fault = status < 200 ? `status ${status} is no answer` : answerFault(status, reason, headers)
    if (fault !== undefined) this.fail(ResetCode.failed, fault)
    return fault !== undefined
  }

  #sendHead(
    status: number,
    reason: string | null,
    headers: Fields,
    body: Uint8Array | null,
    end: boolean,
  ): void {
    const head: Omit<Head, 'kind' | 'id'> = { status, reason, headers, body, end }
    this.#stream.head(head)
  }

  #settle(outcome: Outcome): void {
    this.#phase = 'done'
    this.#inline = null
    this.outcome = outcome
    this.#ended(this)
  }
}
