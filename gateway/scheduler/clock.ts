export interface Now {
  /** Milliseconds since the epoch. It may jump. */
  readonly wall: number
  /** Milliseconds; only grows, at the pace of time. */
  readonly monotonic: number
}

/** Handed in, so that a test can play a year. */
export interface Clock {
  now(): Now
  /** Calls `work` after `ms`. @returns gives it up. */
  wake(ms: number, work: () => void): () => void
}

export const systemClock: Clock = {
  now: () => ({ wall: Date.now(), monotonic: performance.now() }),
  wake(ms, work) {
    const timer = setTimeout(work, ms)
    return () => clearTimeout(timer)
  },
}
