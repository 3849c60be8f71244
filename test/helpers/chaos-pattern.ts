/**
 * Bodies that tell on themselves: both ends know every byte of them by the request's key and the body's length. One
 * that is cut, shifted, repeated or another request's does not match, however little of it came.
 */
import { createHash } from 'node:crypto'

/** A prime, so that no piece that a tunnel cuts is a multiple of it: a lost or doubled piece shifts all that follows. */
const PERIOD = 4093
/** Compared and sent at once. */
const STRETCH = 16

export class Pattern {
  readonly length: number
  readonly #unit: Buffer
  #stretch: Buffer | undefined

  private constructor(length: number, unit: Buffer) {
    this.length = length
    this.#unit = unit
  }

  /** Begins with the key and the length; what follows is a hash of both, again and again. */
  static bytes(key: string, length: number): Pattern {
    const mark = `${key} ${length} `
    const hash = createHash('shake256', { outputLength: Math.max(1, Math.min(length, PERIOD) - mark.length) })
    return new Pattern(length, Buffer.concat([Buffer.from(mark), hash.update(mark).digest()]))
  }

  /** An event stream of `count` events. */
  static events(key: string, count: number): Pattern {
    const text = Array.from({ length: count }, (_, n) => `id: ${n}\ndata: ${key} ${n} of ${count}\n\n`).join(
      '',
    )
    return new Pattern(text.length, Buffer.from(text))
  }

  /** The bytes from `at` on: at least one where there is one, at most `most`. Not to be written to. */
  slice(at: number, most: number): Buffer {
    const from = at % this.#unit.length
    return this.#source(most).subarray(from, from + Math.min(most, this.length - at))
  }

  /** Whether `chunk` is what stands at `at`. */
  matches(chunk: Uint8Array, at: number): boolean {
    if (at + chunk.length > this.length) return false
    for (let i = 0; i < chunk.length; ) {
      const expected = this.slice(at + i, chunk.length - i)
      if (!expected.equals(chunk.subarray(i, i + expected.length))) return false
      i += expected.length
    }
    return true
  }

  #source(bytes: number): Buffer {
    const unit = this.#unit
    if (this.length <= unit.length || (bytes <= unit.length && this.#stretch === undefined)) return unit
    this.#stretch ??= Buffer.concat(Array.from({ length: STRETCH }, () => unit))
    return this.#stretch
  }
}
