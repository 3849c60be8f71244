/**
 * One stream, seen from one end: two directions, each `head` → `body` → `done`. Sans-IO: what is to be sent
 * goes to the mux, what came is told to `events`.
 */
import { ProtocolError } from './errors.js'
import { type Head, isInterim, type ResetCode } from './frames.js'
import { checkFields } from './grammar.js'
import { WRITE_AHEAD } from './limits.js'
import type { Phase, StreamEnd, StreamEvents, StreamHost } from './stream-events.js'
import type { StreamQueue } from './stream-queue.js'
import { ReceiveWindow, SendWindow, type WindowPool } from './window.js'

export class Stream {
  readonly id: number
  events: StreamEvents
  sending: Phase
  receiving: Phase
  /** Told of each written chunk that nobody looks at any more, by its last part. Chunks that are dropped are not told. */
  spent: ((chunk: Uint8Array) => void) | undefined
  /** The queue in which it waits to send, and its neighbours there; the queue's affair. */
  waitsIn: StreamQueue | undefined
  ahead: Stream | undefined
  behind: Stream | undefined

  readonly #host: StreamHost
  readonly #initial: number
  readonly #pool: WindowPool
  // A small exchange has no data frames, and needs neither.
  #sendWindow: SendWindow | undefined
  #receiveWindow: ReceiveWindow | undefined
  #queue: Uint8Array[] = []
  #queued = 0
  /** What `take` gave last was the end of a chunk. */
  #tookLast = false
  #ending: readonly string[] | undefined
  #wantsDrain = false

  constructor(
    host: StreamHost,
    id: number,
    side: 'opener' | 'acceptor',
    sendWindow: number,
    pool: WindowPool,
    events: StreamEvents,
  ) {
    this.id = id
    this.events = events
    this.#host = host
    this.sending = side === 'opener' ? 'body' : 'head'
    this.receiving = side === 'opener' ? 'head' : 'body'
    this.#initial = sendWindow
    this.#pool = pool
  }

  get open(): boolean {
    return this.sending !== 'done' || this.receiving !== 'done'
  }

  get sendWindow(): SendWindow {
    this.#sendWindow ??= new SendWindow(this.#initial)
    return this.#sendWindow
  }

  get receiveWindow(): ReceiveWindow {
    this.#receiveWindow ??= new ReceiveWindow(this.#pool, this.#host.now())
    return this.#receiveWindow
  }

  /** Bytes written and not yet handed to the transport. */
  get queued(): number {
    return this.#queued
  }

  /**
   * The acceptor's answer. With `end` nothing more may be written. Nothing happens on a stream that is over.
   * @throws RangeError where the wire does not carry the head; the stream is as before.
   */
  head(head: Omit<Head, 'kind' | 'id'>): void {
    if (this.sending !== 'head') return
    this.#host.sendHead(this, head)
    if (isInterim(head.status)) return
    this.sending = 'body'
    if (head.end) this.#sendingDone()
  }

  /** Takes `chunk` (it must not change until it is `spent`). @returns false: wait for `drain` before the next. */
  write(chunk: Uint8Array): boolean {
    if (this.sending !== 'body' || this.#ending !== undefined) return true
    if (chunk.length > 0) {
      this.#queue.push(chunk)
      this.#queued += chunk.length
      this.#host.ready(this)
    }
    if (this.#queued < WRITE_AHEAD) return true
    this.#wantsDrain = true
    return false
  }

  /** @throws RangeError where the wire does not carry the trailers; the stream is as before. */
  end(trailers: readonly string[] = []): void {
    if (this.sending !== 'body' || this.#ending !== undefined) return
    checkFields(trailers)
    this.#ending = trailers
    this.#host.ready(this)
  }

  /** Ends both directions now; what is queued is dropped, and what was not read is given up. No event follows. */
  reset(code: ResetCode, message: string): void {
    if (!this.open) {
      this.#receiveWindow?.release()
      return
    }
    this.#drop()
    this.#host.sendReset(this, code, message)
    this.#host.closed(this)
  }

  /** The reader is done with `bytes` of what `data` gave it. */
  read(bytes: number): void {
    const credit = this.receiveWindow.read(bytes, this.#host.now(), this.#host.rtt)
    if (credit > 0) this.#host.sendCredit(this.id, credit)
  }

  // From the mux.

  /** @returns whether `take` has something to give. */
  get sendable(): boolean {
    if (this.#queued > 0) return this.sendWindow.available > 0
    return this.#ending !== undefined
  }

  /** The next bytes to send, at most `limit`, which is within the window. Something is queued. */
  take(limit: number): Uint8Array {
    const first = this.#queue[0]!
    const whole = first.length <= limit
    const chunk = whole ? first : first.subarray(0, limit)
    if (whole) this.#queue.shift()
    else this.#queue[0] = first.subarray(limit)
    this.#tookLast = whole
    this.#queued -= chunk.length
    this.sendWindow.spend(chunk.length)
    return chunk
  }

  /** What `take` gave has been copied. */
  copied(chunk: Uint8Array): void {
    if (this.#tookLast) this.spent?.(chunk)
  }

  /** Trailers, where the queue is empty and the end is due: the direction is done. */
  takeEnd(): readonly string[] | undefined {
    const trailers = this.#ending
    if (trailers === undefined || this.#queued > 0) return undefined
    // Credit may still come; there is nothing left that it could set free.
    this.#ending = undefined
    this.#sendingDone()
    return trailers
  }

  /** The writer waits, and there is room again. */
  get drained(): boolean {
    return this.#wantsDrain && this.#queued < WRITE_AHEAD / 2 && this.sending === 'body'
  }

  /** Tells the writer that there is room, where it waits. */
  wroteSome(): void {
    if (!this.drained) return
    this.#wantsDrain = false
    this.events.drain()
  }

  // What came changes the state first and is told last: the owner may do anything from inside an event.

  receiveHead(head: Head): void {
    if (this.receiving !== 'head') throw new ProtocolError(`stream ${this.id}: head after head`)
    if (head.status < 200 && (head.end || head.body !== null))
      throw new ProtocolError(`stream ${this.id}: head ${head.status} with a body or an end`)
    if (!isInterim(head.status)) this.receiving = 'body'
    if (head.end) this.#receivingDone()
    this.events.head(head)
  }

  receiveData(chunk: Uint8Array): void {
    if (this.receiving !== 'body') throw new ProtocolError(`stream ${this.id}: data ${place(this.receiving)}`)
    this.receiveWindow.receive(chunk.length, this.id)
    this.events.data(chunk)
  }

  receiveEnd(trailers: readonly string[]): void {
    if (this.receiving !== 'body') throw new ProtocolError(`stream ${this.id}: end ${place(this.receiving)}`)
    this.#receivingDone()
    this.events.end(trailers)
  }

  receiveReset(reason: StreamEnd): void {
    if (!this.open) return
    this.#drop()
    this.#host.closed(this)
    this.events.reset(reason)
  }

  #receivingDone(): void {
    this.receiving = 'done'
    this.#receiveWindow?.finish()
    if (!this.open) this.#host.closed(this)
  }

  #sendingDone(): void {
    this.sending = 'done'
    if (!this.open) this.#host.closed(this)
  }

  #drop(): void {
    this.sending = this.receiving = 'done'
    this.#queue = []
    this.#queued = 0
    this.#ending = undefined
    this.#receiveWindow?.release()
  }
}

const place = (phase: Phase): string => (phase === 'head' ? 'before head' : 'after end')
