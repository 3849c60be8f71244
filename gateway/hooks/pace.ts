/** To start a process takes a processor a millisecond or more; afterwards others have it this many times as long. */
const REST = 4

/**
 * Starts one thing after another, in order, so that starting alone takes at most a fifth of a processor. What waits
 * here is bounded by those who ask.
 */
export class Pace {
  readonly #waiting: (() => void)[] = []
  #busy = false

  /** Rejects with what `work` throws. */
  start<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(work())
        } catch (error) {
          reject(error)
        }
      })
      if (this.#busy) return
      this.#busy = true
      setImmediate(() => this.#next())
    })
  }

  #next(): void {
    const work = this.#waiting.shift()
    if (work === undefined) {
      this.#busy = false
      return
    }
    const begin = performance.now()
    work()
    setTimeout(() => this.#next(), REST * (performance.now() - begin))
  }
}
