/** Full jitter (AWS architecture blog, 2015): a uniform delay below a ceiling that doubles. */
export interface BackoffOptions {
  /** First ceiling in milliseconds. */
  base: number
  /** Highest ceiling in milliseconds. */
  max: number
  /** Uniform in [0, 1). */
  random(): number
}

export class Backoff {
  readonly #options: BackoffOptions
  #attempt = 0

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  /** Milliseconds to wait before the next attempt; `advised` replaces the own ceiling, not the jitter. */
  next(advised?: number): number {
    const { base, max, random } = this.#options
    const ceiling = Math.min(max, base * 2 ** Math.min(this.#attempt++, 30))
    return advised === undefined ? random() * ceiling : advised * (0.5 + random())
  }

  /** The connection proved healthy. */
  reset(): void {
    this.#attempt = 0
  }
}
