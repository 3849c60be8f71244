import type { Mark } from './script.js'

/** What has happened so far at both ends of one run of a case, and who waits for more of it. */
export class Marks {
  readonly #counts = new Map<Mark, number>()
  #waiting: { mark: Mark; count: number; done: () => void }[] = []

  add(mark: Mark, count = 1): void {
    const now = (this.#counts.get(mark) ?? 0) + count
    this.#counts.set(mark, now)
    const due = this.#waiting.filter((one) => one.mark === mark && one.count <= now)
    this.#waiting = this.#waiting.filter((one) => !due.includes(one))
    for (const { done } of due) done()
  }

  get(mark: Mark): number {
    return this.#counts.get(mark) ?? 0
  }

  reach(mark: Mark, count: number): Promise<void> {
    if (this.get(mark) >= count) return Promise.resolve()
    return new Promise((done) => this.#waiting.push({ mark, count, done }))
  }

  toString(): string {
    return [...this.#counts].map(([mark, count]) => `${mark} ${count}`).join(', ') || 'nothing'
  }
}
