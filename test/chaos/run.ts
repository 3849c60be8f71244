/** A scenario from its seed to its verdict. */
import { Chance } from '../helpers/chaos-chance.js'
import { Tally } from '../helpers/chaos-tally.js'
import { agentRestarts, agentsRoll, gatewayDrains } from './deploy.js'
import { kill } from './kill.js'
import type { Run, Scenario } from './scenario.js'
import { slow } from './slow.js'
import { stall } from './stall.js'
import { supervision } from './supervision.js'
import { traffic } from './traffic.js'

/** Each in parts, which stand on grounds of their own. */
export const SCENARIOS = {
  kill: [kill],
  traffic: [traffic],
  deploy: [gatewayDrains, agentsRoll, agentRestarts],
  stall: [stall],
  slow: [slow],
  supervision: [supervision],
} as const satisfies Record<string, readonly Scenario[]>
export type ScenarioName = keyof typeof SCENARIOS

export interface Verdict {
  readonly figures: readonly string[]
  readonly breaches: readonly string[]
}

export async function runScenario(
  name: ScenarioName,
  seed: number,
  options: Pick<Run, 'form' | 'seconds' | 'note'>,
): Promise<Verdict> {
  const figures: string[] = []
  const breaches: string[] = []
  for (const part of SCENARIOS[name]) {
    const tally = new Tally()
    try {
      await part({ ...options, chance: new Chance(seed), tally })
    } catch (error) {
      tally.breach(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    figures.push(...tally.figures, ...(tally.started > 0 ? [tally.summary] : []))
    breaches.push(...tally.breaches)
  }
  return { figures, breaches }
}
