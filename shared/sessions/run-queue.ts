/** The runs of one session: one runs, the others wait their turn. */
import { Problem } from '../errors.js'
import { MAX_QUEUED_RUNS } from './bounds.js'
import type { Run } from './run.js'

export class RunQueue {
  /** The first is the one that runs. */
  readonly #runs: Run[] = []

  get size(): number {
    return this.#runs.length
  }

  get current(): Run | undefined {
    return this.#runs[0]
  }

  /** From the last to the first, so that ending one does not start another that is to end as well. */
  get backwards(): Run[] {
    return [...this.#runs].reverse()
  }

  find(id: string): Run | undefined {
    return this.#runs.find((run) => run.id === id)
  }

  /** @throws Problem `overloaded` */
  check(): void {
    if (this.#runs.length > MAX_QUEUED_RUNS)
      throw new Problem('overloaded', `${MAX_QUEUED_RUNS} runs of this session wait already`)
  }

  add(run: Run): void {
    this.#runs.push(run)
  }

  delete(run: Run): void {
    this.#runs.splice(this.#runs.indexOf(run), 1)
  }
}
