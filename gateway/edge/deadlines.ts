/**
 * One sweep for the timeouts of all exchanges instead of a timer for each: setting and clearing 40,000 timers a
 * second would cost more than looking at those in flight ten times a second.
 */
export interface Sweepable {
  /** `now`: milliseconds, monotonic. */
  sweep(now: number): void
}

/** Milliseconds; how late a deadline may be noticed. */
const EVERY = 100

export class Deadlines {
  readonly #watched = new Set<Sweepable>()
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined

  constructor(now: () => number) {
    this.#now = now
  }

  watch(one: Sweepable): void {
    this.#watched.add(one)
    this.#timer ??= setInterval(() => this.#sweep(), EVERY)
  }

  forget(one: Sweepable): void {
    this.#watched.delete(one)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#watched.clear()
  }

  #sweep(): void {
    if (this.#watched.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    const now = this.#now()
    for (const one of this.#watched) one.sweep(now)
  }
}
