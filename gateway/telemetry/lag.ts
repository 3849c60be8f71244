/** How late the event loop is: a timer that measures its own delay. */

const EVERY = 100

/** Readings that are kept: the last two seconds. */
const KEPT = 20

export class LoopLag {
  readonly #now: () => number
  readonly #recent = new Float64Array(KEPT)
  #at = 0
  #due = 0
  #timer: NodeJS.Timeout | undefined

  /** `now`: milliseconds, monotonic. */
  constructor(now: () => number) {
    this.#now = now
  }

  start(): void {
    this.#due = this.#now() + EVERY
    this.#timer = setInterval(() => this.tick(), EVERY)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** The timer has come. */
  tick(): void {
    const now = this.#now()
    this.#recent[this.#at++ % KEPT] = Math.max(0, now - this.#due)
    this.#due = now + EVERY
  }

  /** The longest delay of the last two seconds; milliseconds. Also while the loop is late and has not ticked yet. */
  get ms(): number {
    return Math.max(this.#now() - this.#due, ...this.#recent, 0)
  }
}
