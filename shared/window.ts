/**
 * Flow control of one direction of one stream. The sender counts down a `SendWindow`; the receiver keeps a
 * `ReceiveWindow`, which grows while the reader keeps up and gives its growth back when it does not.
 */
import { ProtocolError } from './errors.js'
import { MAX_STREAM_WINDOW, STREAM_WINDOW, WINDOW_POOL } from './limits.js'

/** A window not read for this long (ms) gives its growth back as it drains. */
const IDLE = 2000

/** What all windows of a process may have grown by, together. An empty pool stops growth, nothing else. */
export class WindowPool {
  #free: number

  constructor(bytes: number = WINDOW_POOL) {
    this.#free = bytes
  }

  get free(): number {
    return this.#free
  }

  /** @returns whether the whole of `bytes` was taken. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false
    this.#free -= bytes
    return true
  }

  give(bytes: number): void {
    this.#free += bytes
  }
}

/** How many bytes may still be sent before credit comes. */
export class SendWindow {
  #available: number

  constructor(initial: number) {
    this.#available = initial
  }

  get available(): number {
    return this.#available
  }

  spend(bytes: number): void {
    this.#available -= bytes
  }

  /** @throws ProtocolError where credit exceeds what a receiver can mean: 2^32 - 1 outstanding bytes. */
  credit(bytes: number, what: string): void {
    this.#available += bytes
    if (this.#available > 0xffff_ffff) throw new ProtocolError(`${what}: credit overflows 2^32 - 1`)
  }
}

/** What a receiver has promised to take, and when it promises more. */
export class ReceiveWindow {
  readonly #pool: WindowPool
  #size = STREAM_WINDOW
  /** Bytes that the sender may still send. */
  #open = STREAM_WINDOW
  /** Bytes received and not yet read. */
  #held = 0
  #grantedAt: number
  /** Nothing more comes. */
  #finished = false

  constructor(pool: WindowPool, now: number) {
    this.#pool = pool
    this.#grantedAt = now
  }

  /** Bytes received and not yet read. */
  get held(): number {
    return this.#held
  }

  get size(): number {
    return this.#size
  }

  /** @throws ProtocolError where the sender sent more than it was given. */
  receive(bytes: number, id: number): void {
    this.#open -= bytes
    if (this.#open < 0) throw new ProtocolError(`stream ${id}: window exceeded by ${-this.#open} bytes`)
    this.#held += bytes
  }

  /**
   * The reader took `bytes`; `rtt` is the link's round trip in milliseconds.
   * @returns the credit to give now, 0 where it is not yet worth a frame: credit goes out by quarters of the
   * window, so that the sender never runs dry while small reads do not each cost a frame.
   */
  read(bytes: number, now: number, rtt: number): number {
    this.#held -= bytes
    if (this.#finished) {
      this.#shrink()
      return 0
    }
    const idle = now - this.#grantedAt
    if (idle > IDLE && this.#size > STREAM_WINDOW) this.#shrink()
    const due = this.#size - this.#open - this.#held
    if (due < this.#size / 4) return 0
    // What this reader takes in two round trips is more than the window: the sender waits for credit.
    const grown = due * 2 * rtt > this.#size * idle && this.#held < this.#size / 4 ? this.#grow() : 0
    this.#grantedAt = now
    this.#open += due + grown
    return due + grown
  }

  /** Nothing more comes: growth goes back to the pool, apart from what the reader still holds of it. */
  finish(): void {
    this.#finished = true
    this.#open = 0
    this.#shrink()
  }

  /** Nothing more comes, and what is held will not be read: all growth goes back to the pool. */
  release(): void {
    this.#held = 0
    this.finish()
  }

  #grow(): number {
    const step = Math.min(this.#size, MAX_STREAM_WINDOW - this.#size)
    if (step === 0 || !this.#pool.take(step)) return 0
    this.#size += step
    return step
  }

  /** Growth can only be given back while the sender does not already hold it as credit. */
  #shrink(): void {
    const outstanding = this.#open + this.#held
    const target = Math.max(STREAM_WINDOW, outstanding)
    if (target >= this.#size) return
    this.#pool.give(this.#size - target)
    this.#size = target
  }
}
