/** Chance that can be played again: one seed, one sequence (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number, both bounds included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  within([min, max]: readonly [number, number]): number {
    return this.whole(min, max)
  }

  oneIn(n: number): boolean {
    return this.whole(1, n) === 1
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.whole(0, list.length - 1)]!
  }

  /** A sequence of its own, so that what one part draws does not move what another gets. */
  fork(): Chance {
    return new Chance(this.whole(0, 2 ** 32 - 1))
  }
}
