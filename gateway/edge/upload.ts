/**
 * A request's body on its way from the caller to a stream: held while there is no stream, written on when there
 * is, paused when neither takes more. A body of up to 64 KiB stays held, so that the request can move.
 */
import { Problem } from '../../shared/errors.js'
import type { Stream } from '../../shared/stream.js'
import type { Caller } from './engine.js'
import { giveSlab, slabsOf } from './slabs.js'

/** Bytes of a body that are kept for another try, and that travel with the head. */
export const HELD = 64 * 1024

/** Milliseconds over which an upload's rate is judged. */
const RATE_WINDOW = 10_000

export interface UploadLimits {
  /** Bytes; 0: none. */
  maxBody: number
  /** Bytes a second; 0: none. */
  minUploadRate: number
}

export class Upload {
  /** The request says that it has a body. */
  readonly expected: boolean
  /** The caller has sent all of it. */
  complete = false
  bytes = 0
  /** When a byte last moved; milliseconds. */
  movedAt: number

  readonly #caller: Caller
  readonly #limits: UploadLimits
  /** Undefined once more came than is kept. */
  #held: Buffer[] | undefined = []
  #stream: Stream | undefined
  /** What the stream had queued when it was last looked at. */
  #queued = 0
  #paused = false
  #looked = false
  /** The rate's window: bytes in it, milliseconds in which we were ready to read. */
  #windowBytes = 0
  #windowReady = 0
  #sweptAt: number

  /** @throws Problem `payload_too_large` where the declared length already is. */
  constructor(caller: Caller, limits: UploadLimits, length: number | 'chunked' | undefined, now: number) {
    this.#caller = caller
    this.#limits = limits
    this.movedAt = this.#sweptAt = now
    this.expected = length !== undefined && length !== 0
    const fault = typeof length === 'number' ? this.#tooLarge(length) : undefined
    if (fault !== undefined) throw fault
  }

  /** The request may be sent once more. */
  get replayable(): boolean {
    return this.#held !== undefined && this.bytes <= HELD
  }

  /** The whole body, where it is short and complete; null where it is empty. */
  get whole(): Uint8Array | null | undefined {
    if (!this.complete || this.#held === undefined || this.bytes > HELD) return undefined
    if (this.bytes === 0) return null
    return this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held)
  }

  /** `chunk` is only read now. @returns why it is not taken: it is too large. */
  data(chunk: Buffer, now: number): Problem | undefined {
    this.bytes += chunk.length
    this.#windowBytes += chunk.length
    this.movedAt = now
    const fault = this.#tooLarge(this.bytes)
    if (fault !== undefined) return fault
    const room = this.#held === undefined ? this.#writeOn(chunk) : this.#hold(Buffer.from(chunk), this.#held)
    if (!room) this.#pause()
    this.#queued = this.#stream?.queued ?? 0
    return undefined
  }

  end(): void {
    this.complete = true
    this.#stream?.end()
  }

  /** From now on the body goes to `stream`; with `inline` all of it went with the head. */
  attach(stream: Stream, inline: boolean): void {
    this.#stream = stream
    if (inline) return
    let room = true
    for (const chunk of this.#held ?? []) room = stream.write(chunk)
    if (this.bytes > HELD) this.#letGo(stream)
    this.#queued = stream.queued
    if (this.complete) stream.end()
    else if (room) this.resume()
  }

  /** It is stopped while it waits, so that nobody would notice that the caller left. */
  get unsure(): boolean {
    return this.#paused && !this.#looked
  }

  /** Reads on for a moment, which ends the exchange where the caller left. */
  look(done: () => void): void {
    this.#looked = true
    this.resume()
    // The sockets are read between two of these.
    setImmediate(() =>
      setImmediate(() => {
        done()
        this.#looked = false
      }),
    )
  }

  /** When a byte last moved: from the caller, or on to the agent. */
  lastMoved(now: number): number {
    const queued = this.#stream?.queued ?? 0
    if (queued !== this.#queued) {
      this.#queued = queued
      this.movedAt = now
    }
    return this.movedAt
  }

  detach(): void {
    this.#stream = undefined
  }

  resume(): void {
    if (!this.#paused || this.complete) return
    this.#paused = false
    this.#caller.resume()
  }

  /** What is overdue before any byte of the answer: the body itself, or the answer's head where it was asked for. */
  overdue(now: number, responseTimeout: number): Problem | undefined {
    if (this.#tooSlow(now)) return new Problem('request_timeout', 'the request body came too slowly')
    if (responseTimeout === 0 || now - this.lastMoved(now) < responseTimeout) return undefined
    return new Problem('response_timeout', `no response within ${responseTimeout} ms`)
  }

  /** Whether the caller sends slower than it must. */
  #tooSlow(now: number): boolean {
    const passed = now - this.#sweptAt
    this.#sweptAt = now
    if (this.complete || this.#paused || this.#limits.minUploadRate === 0) {
      this.#windowBytes = this.#windowReady = 0
      return false
    }
    this.#windowReady += passed
    if (this.#windowReady < RATE_WINDOW) return false
    const slow = this.#windowBytes < (this.#limits.minUploadRate * RATE_WINDOW) / 1000
    this.#windowBytes = this.#windowReady = 0
    return slow
  }

  /** @returns whether more may come. */
  #hold(chunk: Buffer, held: Buffer[]): boolean {
    held.push(chunk)
    if (this.#stream === undefined) return this.bytes <= HELD
    const room = this.#stream.write(chunk)
    if (this.bytes > HELD) this.#letGo(this.#stream)
    return room
  }

  /** From now on nobody but the stream looks at what comes. */
  #letGo(stream: Stream): void {
    this.#held = undefined
    stream.spent = giveSlab
  }

  #writeOn(chunk: Buffer): boolean {
    let room = true
    for (const slab of slabsOf(chunk)) room = this.#stream?.write(slab) ?? true
    return room
  }

  #pause(): void {
    if (this.#paused || this.complete) return
    this.#paused = true
    this.#caller.pause()
  }

  #tooLarge(bytes: number): Problem | undefined {
    const { maxBody } = this.#limits
    if (maxBody === 0 || bytes <= maxBody) return undefined
    return new Problem('payload_too_large', `the request body is larger than ${maxBody} bytes`)
  }
}
