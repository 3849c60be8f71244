/** One exchange as a handler sees it: the request, and ways to answer it. Callbacks all through, for speed. */
import { type Open, ResetCode } from '../shared/frames.js'
import type { Fields } from '../shared/headers.js'
import { MAX_INLINE_BODY, MAX_TEXT } from '../shared/limits.js'
import type { Stream } from '../shared/stream.js'
import type { StreamEnd, StreamEvents } from '../shared/stream-events.js'
import { type ExchangeEvents, type Outcome, UNREAD } from './handler.js'
import { describeError } from './text.js'

/** What an exchange needs of its stream. */
export type AnswerStream = Pick<Stream, 'head' | 'write' | 'end' | 'reset' | 'read'>

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

  readonly #stream: AnswerStream
  readonly #ended: (exchange: Exchange) => void
  #phase: Phase = 'waiting'
  #reason: string | null = null
  #fields: Fields = []
  #inline: Uint8Array | null = null

  constructor(stream: AnswerStream, open: Open, ended: (exchange: Exchange) => void) {
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

  /** An interim head (102 to 199, not 101). One that the link cannot carry is dropped. */
  interim(status: number, headers: Fields): void {
    if (this.#phase !== 'waiting') return
    try {
      this.#stream.head({ status, reason: null, headers, body: null, end: false })
    } catch {
      // It is a hint: the answer that follows counts.
    }
  }

  /** Answers a WebSocket's handshake: 101. From here on both bodies are message frames, see `messages.ts`. */
  accept(headers: Fields): void {
    if (this.#phase !== 'waiting') return
    this.status = 101
    this.#phase = 'streaming'
    try {
      this.#stream.head({ status: 101, reason: null, headers, body: null, end: false })
    } catch (error) {
      this.#giveUp(describeError(error))
    }
  }

  /**
   * Begins the answer. `reason` null: the status's standard phrase. Headers are end-to-end ones, byte strings with
   * names in lower case; `content-length` tells the length where it is known. A head that the link cannot carry
   * fails the exchange and aborts the handler.
   */
  start(status: number, reason: string | null, headers: Fields): void {
    if (this.#phase !== 'waiting') return
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

  /** The answer is complete. `outcome` is another where it only looks well to the caller. */
  finish(trailers: Fields = [], outcome: Outcome = ANSWERED): void {
    if (this.#phase === 'held' && trailers.length === 0) {
      if (this.#sendHead(true)) this.#settle(outcome)
      return
    }
    this.flush()
    if (this.#phase !== 'streaming') return
    try {
      this.#stream.end(trailers)
    } catch (error) {
      this.#giveUp(describeError(error))
      return
    }
    this.#settle(outcome)
  }

  /** The whole answer at once. */
  respond(status: number, reason: string | null, headers: Fields, body: Uint8Array | null): void {
    if (this.#phase !== 'waiting') return
    this.status = status
    this.#reason = reason
    this.#fields = headers
    this.#phase = 'held'
    if (body !== null) this.write(body)
    this.finish()
  }

  /** Gives up: the caller gets an error, or sees the answer cut where it has begun. */
  fail(code: ResetCode, message: string): void {
    if (this.#phase === 'done') return
    this.#stream.reset(code, message)
    this.#settle({ kind: 'failed', code, message })
  }

  /** A handler threw `error`: it fails, and still learns that nobody waits any more. */
  threw(error: unknown): void {
    if (this.#phase === 'done') return
    this.#giveUp(`handler threw: ${describeError(error)}`)
  }

  /** The handler used up `bytes` of what `data` gave it. */
  read(bytes: number): void {
    this.#stream.read(bytes)
  }

  /** Sends what is held. */
  flush(): void {
    if (this.#phase !== 'held') return
    this.#phase = 'streaming'
    this.#sendHead(false)
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

  /** @returns whether it is on its way. */
  #sendHead(end: boolean): boolean {
    const { status } = this
    const reason = this.#reason
    const body = this.#inline
    this.#inline = null
    try {
      if (!(status >= 200 && status <= 599)) throw new RangeError(`the status ${status} is not in 200 to 599`)
      if (reason !== null && 2 * reason.length > MAX_TEXT)
        throw new RangeError('the reason phrase is too long')
      this.#stream.head({ status, reason, headers: this.#fields, body, end })
      return true
    } catch (error) {
      this.#giveUp(describeError(error))
      return false
    }
  }

  /** The exchange cannot be, so its handler stops too. */
  #giveUp(message: string): void {
    this.fail(ResetCode.failed, message)
    this.#abort(message)
  }

  #settle(outcome: Outcome): void {
    this.#phase = 'done'
    this.#inline = null
    this.outcome = outcome
    this.#ended(this)
  }
}
