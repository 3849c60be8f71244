/**
 * One sweep for the timeouts of all exchanges instead of a timer for each: setting and clearing 40,000 timers a
 * second would cost more than looking at those in flight ten times a second.
 */
import { DenseSet, type Placed } from '../../shared/dense-set.js'

export interface Sweepable extends Placed {
  readonly requestId: string
  /** `now`: milliseconds, monotonic. */
  sweep(now: number): void
  /** Ends it now: the gateway does. */
  destroy(): void
}

/** Milliseconds; how late a deadline may be noticed. */
const EVERY = 100

export class Deadlines {
  readonly #watched = new DenseSet<Sweepable>()
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined

  constructor(now: () => number) {
    this.#now = now
  }

  watch(one: Sweepable): void {
    this.#watched.add(one)
    this.#timer ??= setInterval(() => this.#sweep(), EVERY)
  }

  /** How many are watched: the exchanges in flight. */
  get size(): number {
    return this.#watched.size
  }

  some(test: (one: Sweepable) => boolean): boolean {
    return this.#watched.some(test)
  }

  /** Ends all of them. */
  destroy(): void {
    this.#watched.forEach((one) => {
      one.destroy()
    })
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
    this.#watched.forEach((one) => {
      one.sweep(now)
    })
  }
}
