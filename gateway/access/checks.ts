/** Checks that cost more than a lookup: few at once, few that wait, and one for all who ask the same meanwhile. */
import { Problem } from '../../shared/errors.js'

export interface ChecksBounds {
  readonly atOnce: number
  readonly waiting: number
}

export class Checks<T> {
  readonly #bounds: ChecksBounds
  readonly #underway = new Map<string, Promise<T>>()
  readonly #queue: (() => void)[] = []
  #running = 0

  constructor(bounds: ChecksBounds) {
    this.#bounds = bounds
  }

  /** Rejects as `work` does, or with Problem `overloaded` where too many wait. `key`: who asks what. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const same = this.#underway.get(key)
    if (same !== undefined) return same
    const { atOnce, waiting } = this.#bounds
    if (this.#running === atOnce && this.#queue.length === waiting)
      return Promise.reject(new Problem('overloaded', 'too many credentials wait to be checked'))
    const check = this.#check(work).finally(() => this.#underway.delete(key))
    this.#underway.set(key, check)
    return check
  }

  async #check(work: () => Promise<T>): Promise<T> {
    if (this.#running === this.#bounds.atOnce) await new Promise<void>((go) => this.#queue.push(go))
    else this.#running += 1
    try {
      return await work()
    } finally {
      // Its place goes to the next, or becomes free.
      const next = this.#queue.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }
}
