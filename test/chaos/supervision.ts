/** An agent that stands still is shown as such, given up, and taken back; nothing it says late is believed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { GET_SMALL, POST_SMALL } from '../helpers/chaos-ask.js'
import { until } from '../helpers/chaos-child.js'
import { type Connection, Ground } from '../helpers/chaos-ground.js'
import { OpenLoop } from '../helpers/chaos-load.js'
import type { Run } from './scenario.js'

const HEARTBEAT = ['--ping-interval', '500ms', '--ping-timeout', '1s']
const GIVEN_UP = 1500
/** A busy machine notices late. */
const SLACK = 5000

export async function supervision(run: Run): Promise<void> {
  const { tally } = run
  const rounds = run.form === 'short' ? 1 : 5
  await using ground = await Ground.make(tally, { gateway: HEARTBEAT, originPorts: 2 })
  const still = ground.add('still')
  ground.add('other', undefined, 1)
  await ground.ready()
  const of = (all: readonly Connection[], name: string) => all.find(({ labels }) => labels.replica === name)
  const shows = async (state: string | undefined): Promise<boolean> =>
    of(await ground.connections(), 'still')?.state === state
  const otherPort = String(ground.originPorts[1])

  for (let round = 1; round <= rounds; round++) {
    const before = of(await ground.connections(), 'still')!
    // In flight at both while one of them stops: each is answered by whoever can, and a POST by one or none.
    const load = new OpenLoop(200, () =>
      tally.count(ground.call({ ...(run.chance.oneIn(2) ? GET_SMALL : POST_SMALL), delay: 100 })),
    )
    await sleep(500)
    const stoppedAt = performance.now()
    still.child.signal('SIGSTOP')
    await until('the agent is unresponsive', GIVEN_UP + SLACK, () => shows('unresponsive'))
    run.note(`unresponsive after ${Math.round(performance.now() - stoppedAt)} ms`)

    const meanwhile = await Promise.all(
      Array.from({ length: 50 }, () => tally.count(ground.call(POST_SMALL))),
    )
    for (const { ending, port } of meanwhile) {
      if (ending.kind !== 'answer' || ending.status !== 200 || port !== otherPort)
        tally.breach(`with one agent unresponsive: ${JSON.stringify(ending)} from ${port}`)
    }
    await until('the agent is gone', GIVEN_UP + SLACK, () => shows(undefined))
    run.note(`gone after ${Math.round(performance.now() - stoppedAt)} ms`)
    await sleep(500)

    still.child.signal('SIGCONT')
    await until('the agent is back', 20_000, () => shows('ready'))
    run.note(`back after ${Math.round(performance.now() - stoppedAt)} ms`)
    const after = of(await ground.connections(), 'still')!
    if (after.link_id === before.link_id) tally.breach('the link that was given up is back')
    if (after.instance_id !== before.instance_id) tally.breach('the agent came back as another')
    await load.stop()
  }

  let served = 0
  await until('the agent serves again', 10_000, async () => {
    const { port } = await tally.count(ground.call(GET_SMALL))
    return port === String(ground.originPorts[0]) && ++served > 0
  })
  if (tally.of('broken') + tally.of('cut') > 0) tally.breach('a small answer was cut, or none came')
  tally.figure(`${await ground.account()} moves`)
}
