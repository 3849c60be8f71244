/** Replicas are killed, or stopped and continued, and come back, while small requests go on. */
import { setTimeout as sleep } from 'node:timers/promises'
import { GET_SMALL, POST_SMALL } from '../helpers/chaos-ask.js'
import type { Chance } from '../helpers/chaos-chance.js'
import { Ground } from '../helpers/chaos-ground.js'
import { closedLoop } from '../helpers/chaos-load.js'
import type { Run } from './scenario.js'

const FORMS = {
  short: { requests: 3000, seconds: 60, every: [300, 800], away: [200, 900], stopped: [300, 1800] },
  long: { requests: 100_000, seconds: 600, every: [1000, 4000], away: [200, 3000], stopped: [300, 5000] },
} as const
const WIDTH = 32
const HEARTBEAT = ['--ping-interval', '500ms', '--ping-timeout', '1s']

export async function kill(run: Run): Promise<void> {
  const { chance, tally } = run
  const form = FORMS[run.form]
  await using ground = await Ground.make(tally, { gateway: HEARTBEAT })
  for (const name of ['a', 'b', 'c']) ground.add(name)
  await ground.ready()

  const ended = new AbortController()
  const until = performance.now() + (run.seconds ?? form.seconds) * 1000
  const faults = faulting(ground, run, chance.fork(), ended.signal)
  const shapes = chance.fork()
  // Fewer at a time in the short form: it has to last for some faults.
  const pause = run.form === 'short' ? 45 : 0
  await closedLoop(WIDTH, () => {
    if (tally.started >= form.requests || performance.now() > until) return undefined
    const made = ground.call(shapeOf(shapes))
    return pause === 0 ? tally.count(made) : Promise.all([tally.count(made), sleep(pause)])
  })
  ended.abort()
  const count = await faults
  await ground.ready()

  if (tally.of('broken') + tally.of('cut') > 0) tally.breach('a small answer was cut, or none came')
  const failed = tally.calls.filter(({ ending }) => ending.kind !== 'answer' || ending.status !== 200)
  const gets = failed.filter(({ ask }) => ask.method === 'GET').length
  tally.figure(
    `${count} faults, ${await ground.account()} moves; not answered: ${gets} GET, ${failed.length - gets} POST`,
  )
}

const shapeOf = (chance: Chance) => ({
  ...(chance.oneIn(2) ? GET_SMALL : POST_SMALL),
  down: chance.whole(40, 2000),
  delay: chance.oneIn(4) ? chance.whole(1, 50) : 0,
})

/** One replica stays as it is at any time. @returns how many faults there were. */
async function faulting(ground: Ground, run: Run, chance: Chance, ended: AbortSignal): Promise<number> {
  const { every, away, stopped } = FORMS[run.form]
  const [a, b, c] = ground.replicas
  const bad = new Set<string>()
  const going: Promise<void>[] = []
  let count = 0
  for (;;) {
    await sleep(chance.within(every))
    if (ended.aborted) break
    const victim = chance.pick([a!, b!, c!])
    const kills = chance.oneIn(2)
    const ms = kills ? chance.within(away) : chance.within(stopped)
    if (bad.has(victim.name) || bad.size === 2) continue
    bad.add(victim.name)
    count++
    run.note(`${kills ? 'kill' : 'stop'} ${victim.name} for ${ms} ms`)
    const { child } = victim
    const hurt = async (): Promise<void> => {
      if (kills) await child.kill()
      else child.signal('SIGSTOP')
      await sleep(ms)
      if (kills) await victim.start().printed(/"connected"/)
      else child.signal('SIGCONT')
      bad.delete(victim.name)
    }
    going.push(hurt())
  }
  await Promise.all(going)
  return count
}
