/**
 * Timers by the thousand under one of Node's: a binary heap, by the time at which each is due. A timer of Node's for
 * each of 15,000 idle links is 220 bytes a link; here it is a slot, and what stands in its owner.
 */
export interface Timed {
  /** Milliseconds of `performance.now()`; the queue's affair, and so is `place`: -1 while in none. */
  dueAt: number
  place: number
  /** Its time has come, and it is in no queue any more. */
  due(): void
}

export class TimerQueue {
  readonly #heap: Timed[] = []
  #timer: NodeJS.Timeout | undefined
  /** When `#timer` fires. */
  #armedFor = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#heap.length
  }

  /** `timed` is due in `delay` milliseconds, whatever was said before. */
  set(timed: Timed, delay: number): void {
    this.clear(timed)
    timed.dueAt = performance.now() + delay
    this.#rise(timed, this.#heap.length)
    if (timed.dueAt < this.#armedFor) this.#arm()
  }

  /** Nothing happens where it is in none. */
  clear(timed: Timed): void {
    const { place } = timed
    if (place < 0) return
    timed.place = -1
    const last = this.#heap.pop()!
    if (last !== timed) this.#settle(last, place)
    if (this.#heap.length === 0) this.#arm()
  }

  #fire(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    const now = performance.now()
    try {
      for (let first = this.#heap[0]; first !== undefined && first.dueAt <= now; first = this.#heap[0]) {
        this.clear(first)
        first.due()
      }
    } finally {
      // One that throws keeps the others waiting for a turn, and no longer.
      this.#arm()
    }
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const first = this.#heap[0]
    this.#armedFor = first?.dueAt ?? Number.POSITIVE_INFINITY
    if (first === undefined) return
    this.#timer = setTimeout(() => this.#fire(), Math.max(1, Math.ceil(first.dueAt - performance.now())))
  }

  /** Puts it where it belongs, from `place` on up or down. */
  #settle(timed: Timed, place: number): void {
    const parent = this.#heap[(place - 1) >> 1]
    if (place > 0 && parent!.dueAt > timed.dueAt) this.#rise(timed, place)
    else this.#sink(timed, place)
  }

  #rise(timed: Timed, from: number): void {
    let place = from
    while (place > 0) {
      const parent = this.#heap[(place - 1) >> 1]!
      if (parent.dueAt <= timed.dueAt) break
      this.#put(parent, place)
      place = (place - 1) >> 1
    }
    this.#put(timed, place)
  }

  #sink(timed: Timed, from: number): void {
    const heap = this.#heap
    let place = from
    for (let child = 2 * place + 1; child < heap.length; child = 2 * place + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.dueAt < heap[child]!.dueAt) child++
      if (heap[child]!.dueAt >= timed.dueAt) break
      this.#put(heap[child]!, place)
      place = child
    }
    this.#put(timed, place)
  }

  #put(timed: Timed, place: number): void {
    this.#heap[place] = timed
    timed.place = place
  }
}
