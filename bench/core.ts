import type { Reading } from './figure.js'
import { resultOf } from './load.js'
import type { Trial } from './trial.js'

/** What the process that runs the code is told: the root of a build. */
export interface CoreOrder {
  readonly root: string
}

export interface CoreReport {
  readonly name: string
  readonly perSecond: number
  /** Bytes of the JavaScript heap taken by one, garbage included. */
  readonly allocated: number
}

/** V8's young generation so large that what a piece of work allocates can be read before it is collected. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=256', '--min-semi-space-size=256']
const LIMIT_SECONDS = 30

/** Codec and mux by themselves: no socket, one process, as fast as they go. */
export async function measureCore({ ground, build }: Trial): Promise<Reading[]> {
  const order: CoreOrder = { root: build.root }
  const running = ground.startModule('core', 'core-work.js', order, FLAGS)
  const reports = await resultOf<readonly CoreReport[]>(running, LIMIT_SECONDS)
  return reports.flatMap(({ name, perSecond, allocated }) => [
    { name, unit: '1/s', value: perSecond },
    { name: `${name}, allocated`, unit: 'B', value: allocated },
  ])
}
