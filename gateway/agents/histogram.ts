/**
 * Latencies of the last five minutes as log-scale counters: 3 steps per doubling from 0.05 ms to 100 s, told by
 * their middle, so that a percentile is about an eighth off at the most. One slot a minute; what is older than five
 * falls out.
 */
const STEPS = 64
const SLOTS = 5
const SLOT_MS = 60_000
const FIRST = 0.05
const PER_DOUBLING = 3

export class Histogram {
  readonly #counts = new Uint32Array(STEPS * SLOTS)
  #slot: number

  constructor(now: number) {
    this.#slot = Math.floor(now / SLOT_MS)
  }

  /** `ms` was measured at `now` (milliseconds, monotonic). */
  add(ms: number, now: number): void {
    this.#turn(now)
    const step = ms <= FIRST ? 0 : Math.min(STEPS - 1, Math.ceil(Math.log2(ms / FIRST) * PER_DOUBLING))
    const at = (this.#slot % SLOTS) * STEPS + step
    this.#counts[at] = this.#counts[at]! + 1
  }

  /** The values below which the given shares (0 to 1) of the measurements lie; null without any. */
  percentiles(shares: readonly number[], now: number): (number | null)[] {
    this.#turn(now)
    const sums = new Array<number>(STEPS).fill(0)
    let total = 0
    for (let i = 0; i < this.#counts.length; i++) {
      sums[i % STEPS]! += this.#counts[i]!
      total += this.#counts[i]!
    }
    return shares.map((share) => {
      if (total === 0) return null
      let left = Math.max(1, Math.ceil(share * total))
      const step = sums.findIndex((count) => (left -= count) <= 0)
      return round(FIRST * 2 ** ((step - 0.5) / PER_DOUBLING))
    })
  }

  /** Empties the slots that have come round again. */
  #turn(now: number): void {
    const slot = Math.floor(now / SLOT_MS)
    const passed = Math.min(SLOTS, slot - this.#slot)
    for (let i = 1; i <= passed; i++) {
      const at = ((this.#slot + i) % SLOTS) * STEPS
      this.#counts.fill(0, at, at + STEPS)
    }
    if (slot > this.#slot) this.#slot = slot
  }
}

/** Two significant places are what the steps can promise. */
const round = (ms: number): number => Number(ms.toPrecision(2))
