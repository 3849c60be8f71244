/**
 * A sliding window over what happened, in two buckets: the current one and the one before. Of the earlier one counts
 * what is still inside the window, as if it had come evenly between its first and its last; one burst, and a steady
 * flow, are counted exactly. All times in milliseconds of one monotonic clock; `width` is the same in every call.
 */
export class Window {
  #start = 0
  #last = 0
  #count = 0
  #earlierStart = 0
  #earlierLast = 0
  #earlier = 0

  /** How many came within the last `width`. */
  count(now: number, width: number): number {
    const inside = remaining(this.#count, this.#start, this.#last, now - width)
    return inside === this.#count
      ? inside + remaining(this.#earlier, this.#earlierStart, this.#earlierLast, now - width)
      : inside
  }

  /** One came. */
  add(now: number, width: number): void {
    if (this.#count > 0 && now - this.#start >= width) {
      this.#earlier = this.#count
      this.#earlierStart = this.#start
      this.#earlierLast = this.#last
      this.#count = 0
    }
    if (this.#count === 0) this.#start = now
    this.#count++
    this.#last = now
  }

  clear(): void {
    this.#count = this.#earlier = 0
  }

  /** Milliseconds until fewer than `most` count, where none comes; 0: they do now. `most` is 1 or more. */
  wait(now: number, width: number, most: number): number {
    const spare = most - 1 - this.#count
    const at =
      spare >= 0
        ? leaves(this.#earlier, this.#earlierStart, this.#earlierLast, spare)
        : leaves(this.#count, this.#start, this.#last, most - 1)
    return Math.max(0, at + width - now)
  }

  /** Milliseconds until the current bucket ends. */
  left(now: number, width: number): number {
    return this.#count === 0 ? width : Math.max(0, this.#start + width - now)
  }
}

/** Of `count` spread evenly from `first` to `last`: how many came after `then`. */
function remaining(count: number, first: number, last: number, then: number): number {
  if (count === 0 || then >= last) return 0
  if (then < first) return count
  return count - 1 - Math.floor(((then - first) * (count - 1)) / (last - first))
}

/** When the one comes after which `keep` are left. */
function leaves(count: number, first: number, last: number, keep: number): number {
  if (count <= keep) return Number.NEGATIVE_INFINITY
  return count === 1 ? last : first + ((count - 1 - keep) * (last - first)) / (count - 1)
}
