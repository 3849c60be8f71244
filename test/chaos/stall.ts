/** Readers that stand still cost bounded memory, and nobody else's time. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { askPath, GET_SMALL } from '../helpers/chaos-ask.js'
import { until } from '../helpers/chaos-child.js'
import { Ground } from '../helpers/chaos-ground.js'
import { compare, small } from './beside.js'
import type { Run } from './scenario.js'

const FORMS = { short: { readers: 20, requests: 600 }, long: { readers: 100, requests: 10_000 } } as const
const MIB = 1024 * 1024
const GIB = 1024 * MIB
/** Each stream may hold its window; the rest is what runtimes take. */
const bound = (streams: number): number => (streams * MIB) / 4 + 64 * MIB
const ROUNDS = 3

export async function stall(run: Run): Promise<void> {
  const { tally } = run
  const { readers, requests } = FORMS[run.form]
  // Nothing is to be cut while it is looked at.
  await using ground = await Ground.make(tally, { gateway: ['--idle-timeout', '10m'] })
  const replica = ground.add('a')
  await ground.ready()
  await small(ground, run, requests)

  // In turn, so that what else happens on the machine happens to both.
  const alone: number[] = []
  const beside: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(...(await small(ground, run, requests / ROUNDS)))
    const reader = await stalled(ground)
    await full(ground, 1)
    beside.push(...(await small(ground, run, requests / ROUNDS)))
    reader.destroy()
    await idle(ground)
  }
  compare(run, alone, beside, 'a stalled reader')

  const processes = { gateway: ground.gateway, agent: replica.child }
  const base = { gateway: processes.gateway.rss, agent: processes.agent.rss }
  const all = await Promise.all(Array.from({ length: readers }, () => stalled(ground)))
  await full(ground, readers)
  for (const name of ['gateway', 'agent'] as const) {
    const grown = processes[name].rss - base[name]
    tally.figure(`${readers} stalled readers: ${name} +${(grown / MIB).toFixed(1)} MiB`)
    if (grown > bound(readers)) tally.breach(`${name} grew by more than ${bound(readers) / MIB} MiB`)
  }
  for (const { ending } of await Promise.all(
    Array.from({ length: 50 }, () => tally.count(ground.call(GET_SMALL))),
  ))
    if (ending.kind !== 'answer' || ending.status !== 200)
      tally.breach('a small request beside stalled readers failed')
  for (const reader of all) reader.destroy()
  await idle(ground)
}

/** A caller that asks for a GiB, sees the head, and reads no more. */
async function stalled(ground: Ground): Promise<Socket> {
  const socket = connect(ground.port, '127.0.0.1')
  socket.on('error', () => {})
  const path = ground.base + askPath(ground.ask({ ...GET_SMALL, down: GIB }))
  socket.write(`GET ${path} HTTP/1.1\r\nhost: gw\r\n\r\n`)
  await once(socket, 'readable')
  return socket
}

/** Every buffer on the way is full: no byte moves any more. */
async function full(ground: Ground, streams: number): Promise<void> {
  let last = -1
  let still = 0
  await until(`${streams} streams stand still`, 60_000, async () => {
    const connections = (await ground.connections()) as readonly { inflight: number }[]
    const { rss } = ground.gateway
    const moved = Math.abs(rss - last) > MIB / 4
    last = rss
    still = moved || connections[0]?.inflight !== streams ? 0 : still + 1
    return still > 25
  })
}

const idle = (ground: Ground): Promise<void> =>
  until('no stream is left', 10_000, async () =>
    (await ground.connections()).every(({ inflight }) => inflight === 0),
  )
