import type { Chance } from '../helpers/chaos-chance.js'
import type { Tally } from '../helpers/chaos-tally.js'

export interface Run {
  /** `short` runs with every test run; `long` takes minutes. */
  readonly form: 'short' | 'long'
  /** How long traffic and faults go on, where the scenario leaves a choice. */
  readonly seconds: number | undefined
  readonly chance: Chance
  readonly tally: Tally
  /** What happens, as it happens. */
  note(sentence: string): void
}

export type Scenario = (run: Run) => Promise<void>
