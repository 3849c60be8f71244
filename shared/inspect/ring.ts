/**
 * The last exchanges, in memory only and within a bound of number and of bytes: the oldest makes room. An array that
 * is written round and round: a busy `Map` would keep dead tables alive and have everything promoted.
 */
import { headBytes, type Recording } from './recording.js'

export const MOST_EXCHANGES = 500
export const MOST_BYTES = 64 * 1024 * 1024

/** `changed`: a head, more of a body, or the end is there. */
export type RingChange = { readonly kind: 'begun' | 'changed' | 'ended'; readonly recording: Recording }

/** A place in the ring. */
export interface Held {
  recording: Recording
  bytes: number
  /** Its place in order of arrival. */
  number: number
}

export class Ring {
  /** By number, modulo the length. */
  readonly #held = new Array<Held | undefined>(MOST_EXCHANGES).fill(undefined)
  readonly #listeners = new Set<(change: RingChange) => void>()
  /** The oldest that is held, and the next to come. */
  #oldest = 0
  #next = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#next - this.#oldest
  }

  get(requestId: string): Recording | undefined {
    for (let number = this.#next - 1; number >= this.#oldest; number--) {
      const { recording } = this.#held[number % MOST_EXCHANGES]!
      if (recording.requestId === requestId) return recording
    }
    return undefined
  }

  /** Newest first. */
  recordings(): Recording[] {
    const found: Recording[] = []
    for (let number = this.#next - 1; number >= this.#oldest; number--)
      found.push(this.#held[number % MOST_EXCHANGES]!.recording)
    return found
  }

  /** @returns what `grew` and `ended` are told with. */
  begin(recording: Recording): Held {
    if (this.size === MOST_EXCHANGES) this.#drop()
    const held = { recording, bytes: headBytes(recording), number: this.#next++ }
    this.#held[held.number % MOST_EXCHANGES] = held
    this.#bytes += held.bytes
    this.#trim()
    if (this.#listeners.size > 0) this.#tell({ kind: 'begun', recording })
    return held
  }

  /** `bytes` more of it are kept; it does not matter whether it still is. */
  grew(held: Held, bytes: number): void {
    if (held.number < this.#oldest) return
    held.bytes += bytes
    this.#bytes += bytes
    this.#trim()
    if (this.#listeners.size > 0) this.#tell({ kind: 'changed', recording: held.recording })
  }

  ended(held: Held): void {
    if (this.#listeners.size > 0 && held.number >= this.#oldest)
      this.#tell({ kind: 'ended', recording: held.recording })
  }

  /** @returns how to stop. */
  listen(listener: (change: RingChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #trim(): void {
    while (this.#bytes > MOST_BYTES && this.size > 0) this.#drop()
  }

  #drop(): void {
    const at = this.#oldest++ % MOST_EXCHANGES
    this.#bytes -= this.#held[at]!.bytes
    this.#held[at] = undefined
  }

  #tell(change: RingChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}
