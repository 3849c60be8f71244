/** The last exchanges, in memory only and within a bound of number and of bytes: the oldest makes room. */
import { headBytes, type Recording } from './recording.js'

export const MOST_EXCHANGES = 500
export const MOST_BYTES = 64 * 1024 * 1024

/** `changed`: a head, more of a body, or the end is there. */
export type RingChange = { readonly kind: 'begun' | 'changed' | 'ended'; readonly recording: Recording }

export class Ring {
  /** In order of arrival. */
  readonly #held = new Map<string, { recording: Recording; bytes: number }>()
  readonly #listeners = new Set<(change: RingChange) => void>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#held.size
  }

  get(requestId: string): Recording | undefined {
    return this.#held.get(requestId)?.recording
  }

  /** Newest first. */
  recordings(): Recording[] {
    return Array.from(this.#held.values(), ({ recording }) => recording).reverse()
  }

  begin(recording: Recording): void {
    this.#drop(recording.requestId)
    const bytes = headBytes(recording)
    this.#held.set(recording.requestId, { recording, bytes })
    this.#bytes += bytes
    this.#trim()
    this.#tell({ kind: 'begun', recording })
  }

  /** `bytes` more of it are kept; it does not matter whether it still is. */
  grew(recording: Recording, bytes: number): void {
    const held = this.#held.get(recording.requestId)
    if (held?.recording !== recording) return
    held.bytes += bytes
    this.#bytes += bytes
    this.#trim()
    this.#tell({ kind: 'changed', recording })
  }

  ended(recording: Recording): void {
    if (this.get(recording.requestId) === recording) this.#tell({ kind: 'ended', recording })
  }

  /** @returns how to stop. */
  listen(listener: (change: RingChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #trim(): void {
    for (const requestId of this.#held.keys()) {
      if (this.#held.size <= MOST_EXCHANGES && this.#bytes <= MOST_BYTES) return
      this.#drop(requestId)
    }
  }

  #drop(requestId: string): void {
    const held = this.#held.get(requestId)
    if (held === undefined) return
    this.#held.delete(requestId)
    this.#bytes -= held.bytes
  }

  #tell(change: RingChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}
