import { ratio } from '../figure.js'
import { atMost, type Scenario } from '../scenario.js'
import { ratioOf } from './comparisons.js'

const idle = (name: string, links: number): Scenario => ({
  name,
  about: `${links.toLocaleString('en-US')} idle agents in one gateway, pinged every 2 s`,
  origin: 'none',
  subjects: ['gateway'],
  work: { kind: 'idle', links },
  plots: ['memory of a link', 'CPU of a handshake', 'CPU of a ping'],
  rounds: 3,
  comparisons: [],
  goals: [atMost('gateway/memory of a link', 4, 'P6')],
})

const WAYS = ['by id', 'to any'] as const
const MANY = 'links-15000'

/** Many agents at one gateway. */
export const LINKS: readonly Scenario[] = [
  { ...idle('idle', 2_000), quick: { subjects: ['gateway'], rounds: 3 } },
  idle('idle-15000', 15_000),
  {
    name: 'crowd',
    about: 'GET, 13 bytes, 64 kept connections, with 1, 64 and 15,000 links that answer by themselves',
    origin: 'none',
    subjects: ['links-1', 'links-64', MANY],
    work: { kind: 'crowd', connections: 64 },
    plots: WAYS.map((way) => `gateway CPU ${way}`),
    rounds: 3,
    comparisons: WAYS.flatMap((way) =>
      ['links-1', 'links-64'].map((few) =>
        ratio(
          `${MANY} : ${few}, gateway CPU ${way}`,
          'lower',
          [`${MANY}/gateway CPU ${way}`],
          [`${few}/gateway CPU ${way}`],
        ),
      ),
    ),
    goals: WAYS.map((way) => atMost(ratioOf(`${MANY} : links-1, gateway CPU ${way}`), 1.1, 'P7')),
  },
  {
    name: 'restart',
    about: 'a gateway with 15,000 agents stops, and another one starts on its port',
    origin: 'none',
    subjects: ['address'],
    work: { kind: 'restart', links: 15_000 },
    plots: ['half back', 'all back', 'loop lag max'],
    rounds: 3,
    comparisons: [],
    goals: [],
  },
  {
    name: 'core',
    about: 'codec and mux alone, in one process',
    origin: 'none',
    subjects: ['core'],
    work: { kind: 'core' },
    plots: [],
    rounds: 3,
    comparisons: [],
    goals: [],
  },
]
