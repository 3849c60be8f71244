/** Counters of durations in the buckets that the metrics tell: 1 ms to 60 s. */
import type { HistogramCounts } from './exposition.js'

/** Seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const BOUNDS_MS = BOUNDS.map((bound) => bound * 1000)

export class Durations implements HistogramCounts {
  readonly bounds = BOUNDS
  readonly counts = new Float64Array(BOUNDS.length + 1)
  #sumMs = 0

  /** Seconds. */
  get sum(): number {
    return this.#sumMs / 1000
  }

  add(ms: number): void {
    let at = 0
    while (at < BOUNDS_MS.length && ms > BOUNDS_MS[at]!) at++
    this.counts[at]!++
    this.#sumMs += ms
  }
}
