/** What callers say to a run while it runs, in order, for one reader. Ends with the run. */
import { Problem } from '../errors.js'
import { MAX_ANSWERS } from './bounds.js'

export class InputQueue implements AsyncIterable<unknown> {
  readonly #waiting: unknown[] = []
  readonly #most: number
  readonly #taken: () => void
  #over = false
  #wake: (() => void) | undefined

  /** `taken` is told of each that was read. */
  constructor(most = MAX_ANSWERS, taken = (): void => {}) {
    this.#most = most
    this.#taken = taken
  }

  get size(): number {
    return this.#waiting.length
  }

  /** @throws Problem `overloaded` where the run does not read what came before. */
  push(data: unknown): void {
    if (this.#over) return
    if (this.#waiting.length >= this.#most)
      throw new Problem('overloaded', `the run has not read ${this.#most} inputs that came before`)
    this.#waiting.push(data)
    this.#stir()
  }

  /** What waits is read still. Idempotent. */
  end(): void {
    this.#over = true
    this.#stir()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    for (;;) {
      while (this.#waiting.length > 0) {
        const data = this.#waiting.shift()
        this.#taken()
        yield data
      }
      if (this.#over) return
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #stir(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
