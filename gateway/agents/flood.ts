/** Counts what a peer does too much of, second by second. */
export class Flood {
  readonly #most: number
  #second = 0
  #count = 0

  /** `most`: how often a second; 0: any number. */
  constructor(most: number) {
    this.#most = most
  }

  /** One more, at `now` (milliseconds). @returns whether that is too many. */
  count(now: number): boolean {
    const second = Math.floor(now / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#count = 0
    }
    return this.#most > 0 && ++this.#count > this.#most
  }
}
