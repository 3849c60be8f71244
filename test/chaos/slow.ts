/** Callers who take their time: who says nothing, a head or a body drop by drop is sent away, and costs nobody else theirs. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { askPath, GET_SMALL } from '../helpers/chaos-ask.js'
import { until } from '../helpers/chaos-child.js'
import { Ground } from '../helpers/chaos-ground.js'
import { closedLoop } from '../helpers/chaos-load.js'
import { heldConnections } from '../helpers/descriptors.js'
import { compare, small } from './beside.js'
import type { Run } from './scenario.js'

const FORMS = {
  short: { callers: 50, silent: 0, requests: 400, honest: false },
  long: { callers: 1000, silent: 15_000, requests: 4000, honest: true },
} as const
/** Who is slow is gone by then: the deadline of a head, and what the engines' timers add. */
const GONE = 15_000
/** A minimum upload rate is looked at over 10 s; then there is the answer, and its connection lingers. */
const ANSWERED = 20_000
/** Between two drops: less than any deadline, so that it is the sum that counts. */
const DROP = 1000
/** Connections made at once: below what a listener keeps waiting. */
const CONNECTING = 200

export async function slow(run: Run): Promise<void> {
  const { tally, note } = run
  const { callers, silent, requests, honest } = FORMS[run.form]
  await using ground = await Ground.make(tally, {
    gateway: ['--access-log', 'off', '--max-connections', '20000'],
  })
  ground.add('a')
  await ground.ready()
  await small(ground, run, requests / 4)
  const alone = await small(ground, run, requests)

  note(`${callers} callers whose heads never end`)
  const heads = await crowd(ground, callers, 'GET / HTTP/1.1\r\nhost: gw\r\n', 'x: 1\r\n')
  note(`${callers} callers whose bodies hardly move`)
  const path = ground.base + askPath(ground.ask({ ...GET_SMALL, method: 'POST', up: 8192 }))
  const bodies = await crowd(
    ground,
    callers,
    `POST ${path} HTTP/1.1\r\nhost: gw\r\ncontent-length: 8192\r\n\r\n`,
    'x',
  )
  const beside = await small(ground, run, requests)
  compare(run, alone, beside, `${2 * callers} slow callers`)
  const lasted = await Promise.all([gone(heads), gone(bodies)])
  tally.figure(`slow heads were gone after ${seconds(lasted[0])}, slow bodies after ${seconds(lasted[1])}`)
  if (lasted[0] > GONE) tally.breach(`a slow head lasted ${seconds(lasted[0])}`)
  if (lasted[1] > ANSWERED) tally.breach(`a slow body lasted ${seconds(lasted[1])}`)
  const refused = bodies.filter(({ said }) => said.startsWith('HTTP/1.1 408 '))
  tally.figure(`${refused.length} of ${callers} slow bodies were answered 408`)
  if (refused.length < callers) tally.breach(`${callers - refused.length} slow bodies were not answered 408`)

  if (silent > 0) {
    note(`${silent} callers who say nothing`)
    const crowded = await crowd(ground, silent, '', '')
    const last = await gone(crowded)
    tally.figure(`${silent} silent callers were gone after ${seconds(last)}`)
    if (last > GONE) tally.breach(`a silent caller lasted ${seconds(last)}`)
  }
  ground.agent.destroy()
  // One is the agent's link.
  await until('every connection is given back', 30_000, async () => heldConnections(ground.port) <= 1)
  if (honest) await patience(ground, run)
}

interface Slow {
  readonly socket: Socket
  readonly since: number
  said: string
  goneAt: number | undefined
}

/** So many callers who say `first`, then `drop` every second. */
async function crowd(ground: Ground, count: number, first: string, drop: string): Promise<Slow[]> {
  const all: Slow[] = []
  await closedLoop(CONNECTING, () => (all.length >= count ? undefined : join()))
  return all

  async function join(): Promise<void> {
    const socket = connect(ground.port, '127.0.0.1')
    const one: Slow = { socket, since: performance.now(), said: '', goneAt: undefined }
    all.push(one)
    socket.on('error', () => {})
    socket.on('data', (chunk) => (one.said += chunk.toString('latin1')))
    socket.on('close', () => (one.goneAt = performance.now()))
    await Promise.race([once(socket, 'connect'), once(socket, 'close')])
    if (first !== '') socket.write(first)
    if (drop === '') return
    const timer = setInterval(() => socket.write(drop), DROP)
    socket.on('close', () => clearInterval(timer))
  }
}

/** @returns how long the last of them lasted, in milliseconds. */
async function gone(all: readonly Slow[]): Promise<number> {
  await until('slow callers are sent away', 60_000, () => all.every(({ goneAt }) => goneAt !== undefined))
  return Math.max(...all.map(({ since, goneAt }) => goneAt! - since))
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

const RATE = 1024
const UPLOAD = 60
const PAUSE = 60_000
const DOWN = 8 * 1024 * 1024

/** Who is slow and honest is served to the end: an upload of 1 KB a second, and a reader who stands still for a minute. */
async function patience(ground: Ground, { tally, note }: Run): Promise<void> {
  note('an upload of 1 KB a second, and a reader who stands still for a minute')
  const upload = async (): Promise<void> => {
    const path = ground.base + askPath(ground.ask({ ...GET_SMALL, method: 'POST', up: RATE * UPLOAD }))
    const [one] = await crowd(
      ground,
      1,
      `POST ${path} HTTP/1.1\r\nhost: gw\r\nconnection: close\r\ncontent-length: ${RATE * UPLOAD}\r\n\r\n`,
      '',
    )
    for (let i = 0; i < UPLOAD && one!.goneAt === undefined; i++) {
      one!.socket.write(Buffer.alloc(RATE))
      await sleep(1000)
    }
    await gone([one!])
    if (!one!.said.startsWith('HTTP/1.1 200 '))
      tally.breach(`a slow but honest upload got ${one!.said.slice(0, 60)}`)
  }
  const reader = async (): Promise<void> => {
    const socket = connect(ground.port, '127.0.0.1')
    socket.on('error', () => {})
    const path = ground.base + askPath(ground.ask({ ...GET_SMALL, down: DOWN }))
    socket.write(`GET ${path} HTTP/1.1\r\nhost: gw\r\nconnection: close\r\n\r\n`)
    await once(socket, 'readable')
    await sleep(PAUSE)
    let bytes = 0
    socket.on('data', (chunk) => (bytes += chunk.length))
    await once(socket, 'close')
    if (bytes < DOWN) tally.breach(`a reader who stood still for a minute got ${bytes} bytes of ${DOWN}`)
  }
  await Promise.all([upload(), reader()])
}
