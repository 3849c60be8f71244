/**
 * Streams by id: open addressing with linear probing. Ids grow by one, so that nearly every stream has a slot of
 * its own; why not a `Map` is told in `dense-set.ts`.
 */
import type { Stream } from './stream.js'

const SMALLEST = 8

export class StreamTable {
  /** Empty until the first stream: most links of a large fleet are idle. */
  #slots: (Stream | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  get(id: number): Stream | undefined {
    const mask = this.#slots.length - 1
    if (mask < 0) return undefined
    for (let at = id & mask; ; at = (at + 1) & mask) {
      const stream = this.#slots[at]
      if (stream === undefined || stream.id === id) return stream
    }
  }

  /** Its id is not here yet. */
  add(stream: Stream): void {
    if (2 * (this.#size + 1) > this.#slots.length) this.#grow()
    this.#place(stream)
    this.#size++
  }

  /** @returns whether it was here. */
  delete(stream: Stream): boolean {
    const slots = this.#slots
    const mask = slots.length - 1
    if (mask < 0) return false
    let at = stream.id & mask
    while (slots[at] !== stream) {
      if (slots[at] === undefined) return false
      at = (at + 1) & mask
    }
    // Those behind that probed past this slot move up, so that a probe never ends too early.
    let hole = at
    for (let next = (at + 1) & mask; slots[next] !== undefined; next = (next + 1) & mask) {
      const home = slots[next]!.id & mask
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        slots[hole] = slots[next]
        hole = next
      }
    }
    slots[hole] = undefined
    this.#size--
    return true
  }

  /** A copy: the streams may end while it is walked. */
  values(): Stream[] {
    return this.#slots.filter((stream) => stream !== undefined)
  }

  #grow(): void {
    const old = this.values()
    this.#slots = new Array<Stream | undefined>(Math.max(SMALLEST, 2 * this.#slots.length)).fill(undefined)
    for (const stream of old) this.#place(stream)
  }

  #place(stream: Stream): void {
    const mask = this.#slots.length - 1
    let at = stream.id & mask
    while (this.#slots[at] !== undefined) at = (at + 1) & mask
    this.#slots[at] = stream
  }
}
