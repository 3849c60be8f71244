/** What others cost those who ask for little: small requests by themselves, and beside whoever is in the way. */
import { GET_SMALL } from '../helpers/chaos-ask.js'
import type { Ground } from '../helpers/chaos-ground.js'
import { closedLoop, quantile } from '../helpers/chaos-load.js'
import type { Run } from './scenario.js'

/** Requests at a time: enough to keep everyone busy, so that a wait shows. */
const WIDTH = 8

/** @returns how long each of `count` took, in milliseconds; one that fails is a breach. */
export async function small(ground: Ground, { tally }: Run, count: number): Promise<readonly number[]> {
  const times: number[] = []
  let begun = 0
  await closedLoop(WIDTH, () => {
    if (begun++ >= count) return undefined
    return tally.count(ground.call(GET_SMALL)).then(({ ending, ms }) => {
      if (ending.kind === 'answer' && ending.status === 200) times.push(ms)
      else tally.breach(`a small request failed: ${JSON.stringify(ending)}`)
    })
  })
  return times
}

/** `who`: beside whom, as in "beside 20 slow callers". */
export function compare(
  { form, tally }: Run,
  alone: readonly number[],
  beside: readonly number[],
  who: string,
): void {
  const p99 = { alone: quantile(alone, 0.99), beside: quantile(beside, 0.99) }
  tally.figure(
    `p99 of small requests ${p99.alone.toFixed(1)} ms alone, ${p99.beside.toFixed(1)} ms beside ${who}`,
  )
  // The short form has too few for a tail.
  if (form === 'long' && p99.beside > 2 * p99.alone) tally.breach(`beside ${who} the p99 of others doubles`)
}
