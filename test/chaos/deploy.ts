/** Gateways and agents that are replaced while they serve: what is in flight ends well, and nobody is told of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { GET_SMALL, POST_SMALL } from '../helpers/chaos-ask.js'
import type { Call } from '../helpers/chaos-caller.js'
import { Ground, type Replica } from '../helpers/chaos-ground.js'
import { OpenLoop } from '../helpers/chaos-load.js'
import type { Run } from './scenario.js'

const FORMS = {
  short: { rolling: 10, rate: 500, restarts: 2 },
  long: { rolling: 120, rate: 500, restarts: 10 },
} as const
/** The longest that an agent is away in a restart. */
const AWAY = 1500

/** A new gateway takes the place of the old one: the old one finishes what it has. */
export async function gatewayDrains({ chance, tally, note }: Run): Promise<void> {
  await using ground = await Ground.make(tally)
  ground.add('a')
  ground.add('b')
  await ground.ready()

  const calls: Call[] = []
  const load = new OpenLoop(200, async () => {
    calls.push(await tally.count(ground.call(chance.oneIn(2) ? GET_SMALL : POST_SMALL)))
  })
  const heads: Promise<void>[] = []
  const long = Array.from({ length: 5 }, () => {
    let came = (): void => {}
    heads.push(new Promise((resolve) => (came = resolve)))
    const shape = { ...GET_SMALL, down: 300_000, chunked: true, pieces: 30, every: 100 }
    return tally.count(ground.call(shape, { onHead: came }))
  })
  await Promise.all(heads)
  await sleep(300)
  const signalledAt = performance.now()
  ground.outages.push({ from: signalledAt, to: Number.POSITIVE_INFINITY, killed: false })
  ground.gateway.signal('SIGTERM')
  const { code, signal } = await ground.gateway.ends()
  const exitAt = performance.now()
  await load.stop()
  if (code !== 0) tally.breach(`the gateway drained and ended with ${signal ?? code}`)
  for (const { ending } of await Promise.all(long))
    if (ending.kind !== 'answer' || ending.status !== 200)
      tally.breach(`cut by a drain: ${JSON.stringify(ending)}`)

  let drained = 0
  for (const { ending, ms, startedAt } of calls) {
    const refused = ending.kind === 'answer' && ending.code === 'draining'
    if (refused) drained++
    // A connection may break only as the process ends; none may before it was told to.
    if (startedAt + ms < signalledAt && !(ending.kind === 'answer' && ending.status === 200))
      tally.breach(`before the drain: ${JSON.stringify(ending)}`)
    else if (startedAt + ms < exitAt - 500 && ending.kind !== 'answer')
      tally.breach(`in the drain: ${JSON.stringify(ending)}`)
  }
  if (drained === 0) tally.breach('no request was told that the gateway drains')
  note(`the gateway drained in ${Math.round(exitAt - signalledAt)} ms and refused ${drained} requests`)
  await ground.account()
}

/** Two replicas are replaced in turn, again and again. */
export async function agentsRoll(run: Run): Promise<void> {
  const { tally, note } = run
  const { rate, rolling } = FORMS[run.form]
  await using ground = await Ground.make(tally)
  ground.add('a')
  ground.add('b')
  await ground.ready()
  const load = new OpenLoop(rate, () => flawless(run, ground))
  const until = performance.now() + (run.seconds ?? rolling) * 1000
  let restarts = 0
  await sleep(500)
  while (performance.now() < until) {
    for (const replica of ground.replicas) {
      await restart(run, ground, replica, 0)
      restarts++
    }
  }
  await load.stop()
  note(`${restarts} restarts of two replicas`)
  await ground.account()
}

/** The only agent is replaced: callers wait for it. */
export async function agentRestarts(run: Run): Promise<void> {
  const { chance, tally } = run
  const { restarts } = FORMS[run.form]
  await using ground = await Ground.make(tally, { gateway: ['--hold', '10s'] })
  const replica = ground.add('a')
  await ground.ready()
  const load = new OpenLoop(200, () => flawless(run, ground))
  await sleep(300)
  for (let n = 0; n < restarts; n++) await restart(run, ground, replica, chance.whole(0, AWAY - 500))
  await load.stop()
  await ground.account()
}

async function restart({ tally }: Run, ground: Ground, replica: Replica, rest: number): Promise<void> {
  replica.child.signal('SIGTERM')
  const { code, signal } = await replica.child.ends()
  if (code !== 0) tally.breach(`agent ${replica.name} drained and ended with ${signal ?? code}`)
  await sleep(rest)
  await replica.start().printed(/"connected"/)
  await ground.ready()
}

async function flawless({ chance, tally }: Run, ground: Ground): Promise<void> {
  const shape = { ...(chance.oneIn(2) ? GET_SMALL : POST_SMALL), delay: chance.oneIn(5) ? 30 : 0 }
  const { ending, id } = await tally.count(ground.call(shape))
  if (ending.kind !== 'answer' || ending.status !== 200)
    tally.breach(`lost to a restart: ${JSON.stringify(ending)} (${id})`)
}
