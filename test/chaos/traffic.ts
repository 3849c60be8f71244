/** Every kind of traffic beside random faults; then quiet, in which everything that was taken is given back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { GET_SMALL } from '../helpers/chaos-ask.js'
import type { Call } from '../helpers/chaos-caller.js'
import { until } from '../helpers/chaos-child.js'
import { Ground } from '../helpers/chaos-ground.js'
import { closedLoop } from '../helpers/chaos-load.js'
import { ChaosProxy } from '../helpers/chaos-proxy.js'
import { Faults } from './faults.js'
import { type Footprint, footprint, isBack } from './footprint.js'
import { callerOf } from './model.js'
import type { Run } from './scenario.js'

const FORMS = {
  short: { seconds: 10, warm: 150, every: [300, 900] },
  long: { seconds: 300, warm: 600, every: [500, 4000] },
} as const
const WIDTH = 24
const REPLICAS = ['a', 'b', 'c']
const TERMS = [
  ...['--ping-interval', '1s', '--ping-timeout', '2s', '--hold', '5s', '--drain-timeout', '2s'],
  ...['--response-timeout', '10s', '--idle-timeout', '10s', '--queue-timeout', '5s'],
]
const REST = 200
/** How long everything may take to be as before. */
const QUIET = 15_000

export async function traffic(run: Run): Promise<void> {
  const { chance, tally, note } = run
  const form = FORMS[run.form]
  await using ground = await Ground.make(tally, { gateway: TERMS })
  for (const name of REPLICAS) {
    const proxy = await ChaosProxy.start(ground.port)
    ground.proxies.push(proxy)
    ground.add(name, proxy.port)
  }
  await ground.ready()

  const model = callerOf(chance.fork())
  let warm = 0
  await closedLoop(WIDTH, () => (warm++ < form.warm ? tally.count(ground.call(...model())) : undefined))
  if (tally.of('ok') + tally.of('left') !== tally.ended) tally.breach(`without a fault: ${tally.summary}`)
  const base = await quiet(ground)
  note(`base: ${describe(base)}`)

  const faults = new Faults(ground, chance.fork(), run)
  const end = performance.now() + (run.seconds ?? form.seconds) * 1000
  const faulting = (async () => {
    while (performance.now() < end) {
      await sleep(chance.within(form.every))
      faults.next()
    }
    await faults.settled()
  })()
  await closedLoop(WIDTH, () =>
    performance.now() < end ? patient(tally.count(ground.call(...model()))) : undefined,
  )
  await faulting

  await ground.ready()
  for (let n = 0; n < 50; n++) {
    const { ending } = await tally.count(ground.call(GET_SMALL))
    if (ending.kind !== 'answer' || ending.status !== 200)
      tally.breach(`after all faults: ${JSON.stringify(ending)}`)
  }
  let last = base
  await until('everything is given back', QUIET, async () =>
    isBack(base, (last = await quiet(ground))),
  ).catch(() => tally.breach(`not given back: ${describe(last)}; before: ${describe(base)}`))
  note(`after: ${describe(last)}`)
  tally.figure(`${faults.count} faults, ${await ground.account()} moves`)
}

/** Who is told no comes again a little later. */
async function patient(made: Promise<Call>): Promise<void> {
  const { ending } = await made
  if (ending.kind === 'broken' || (ending.kind === 'answer' && ending.status !== 200)) await sleep(REST)
}

/** No stream is left anywhere; then what processes hold. */
async function quiet(ground: Ground): Promise<readonly Footprint[]> {
  ground.agent.destroy()
  let left = ''
  await until('no stream is left', QUIET, async () => {
    const connections = await ground.connections()
    const { active } = await ground.report()
    left = `${JSON.stringify(connections)}; the origin has ${active}`
    return active === 0 && connections.every(({ inflight }) => inflight === 0)
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${left}`)
  })
  return footprint([ground.gateway, ...ground.replicas.map(({ child }) => child)])
}

const describe = (all: readonly Footprint[]): string =>
  all
    .map(({ name, descriptors, rss }) => `${name} ${descriptors} fds ${Math.round(rss / 2 ** 20)} MiB`)
    .join(', ')
