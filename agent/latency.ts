/** Durations on a logarithmic scale: percentiles within 10 %, in constant room. */
const STEPS_PER_DOUBLING = 4
const BUCKETS = 96
/** Upper edge of the first bucket, in milliseconds. */
const SMALLEST = 0.05

export class Latency {
  readonly #counts = new Uint32Array(BUCKETS)
  #total = 0

  add(milliseconds: number): void {
    const step = Math.ceil(Math.log2(Math.max(milliseconds, SMALLEST) / SMALLEST) * STEPS_PER_DOUBLING)
    const bucket = Math.min(step, BUCKETS - 1)
    this.#counts[bucket] = this.#counts[bucket]! + 1
    this.#total++
  }

  /** Milliseconds below which the given share (0 to 1) lies; 0 without any. */
  percentile(share: number): number {
    let rest = share * this.#total
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      rest -= this.#counts[bucket]!
      if (rest <= 0 && this.#total > 0) return SMALLEST * 2 ** ((bucket - 0.5) / STEPS_PER_DOUBLING)
    }
    return 0
  }
}
