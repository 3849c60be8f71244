/** Time as the sessions need it, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /**
   * Does `work` once, after `ms`; 0 is after what the loop has ready. A process need not stay for what is done in the
   * `background`. @returns a function that takes it back.
   */
  after(ms: number, work: () => void, background?: boolean): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, work, background = false) {
    if (ms <= 0) {
      const immediate = setImmediate(work)
      return () => clearImmediate(immediate)
    }
    const timer = setTimeout(work, ms)
    if (background) timer.unref()
    return () => clearTimeout(timer)
  },
}
