/** Every case three times: at the origin itself, under `/t/…`, and by host name. */
import type { Test } from 'tap'
import t from 'tap'
import { Agent } from '../../agent/index.js'
import { Gateway } from '../../gateway/gateway.js'
import { ENGINES } from '../helpers/engine-suite.js'
import { call, methodsOf, type Way } from './caller.js'
import { compared, received, type Seen } from './compare.js'
import type { Engine } from './limits.js'
import { Marks } from './marks.js'
import { Origin } from './origin.js'
import { type Answer, type Case, type Effect, type Limit, sized } from './script.js'

export const TUNNEL = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'
const HOST = 'prod-550e8400-e29b-41d4-a716-446655440000.gw.test'
const PATIENCE = 20_000
/** For a large one, on a machine that does other things too. */
const PATIENCE_ONCE = 60_000
/** Cases at once. */
const JOBS = 12

export interface Site {
  origin: Origin
  direct: Way
  path: Way
  host: Way
}

/** An origin, and a gateway with an agent in front of it. */
async function site(t: Test, engine: Engine): Promise<Site> {
  const origin = await Origin.start()
  const gateway = await Gateway.start({
    port: 0,
    engine,
    domain: ['gw.test'],
    accessLog: 'off',
    logLevel: 'error',
  })
  const agent = new Agent({ gateway: gateway.url, tunnelId: TUNNEL, forward: `127.0.0.1:${origin.port}` })
  t.teardown(async () => {
    agent.destroy()
    await gateway.destroy()
    origin.stop()
  })
  await agent.start()
  const port = Number(new URL(gateway.url).port)
  return {
    origin,
    direct: { name: 'direct', port: origin.port, prefix: '', host: `127.0.0.1:${origin.port}` },
    path: { name: 'path', port, prefix: `/t/${TUNNEL}`, host: `127.0.0.1:${port}` },
    host: { name: 'host', port, prefix: '', host: HOST },
  }
}

let runs = 0

/** One case one way. */
async function run(one: Case, way: Way, origin: Origin): Promise<Seen> {
  const key = `${++runs}`
  const marks = new Marks()
  const play = { marks, scripts: one.origin, requests: [] }
  origin.expect(key, play)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${one.title}, ${way.name}: stuck after ${marks}`)),
      one.once ? PATIENCE_ONCE : PATIENCE,
    )
  })
  const settled = async () => {
    for (let i = 0; i < 2; i++) await run(ROUND_TRIP, way, origin)
  }
  try {
    const calling = call(way, { key, steps: one.caller, marks, settled })
    const { answers, notes } = await Promise.race([calling, late])
    if (one.leaves) for (const answer of answers) Object.assign(answer, { bytes: 0, hash: '' })
    return { answers, notes, requests: play.requests.map(received) }
  } finally {
    clearTimeout(timer)
    origin.forget(key)
  }
}

const ROUND_TRIP: Case = { title: 'a round trip', caller: [{}], origin: [sized('200 OK', '')] }

const NOTHING: Answer = {
  interims: [],
  status: '',
  fields: [],
  bytes: 0,
  hash: '',
  trailers: [],
  ending: 'truncated',
}

/** What is declared replaces what is seen directly. */
function declared({ answers, notes, requests }: Seen, effect: Effect): Seen {
  const { served = answers.length } = effect
  return {
    answers: answers.map((each, i) => (i < served ? { ...each, ...effect.answer } : NOTHING)),
    notes: effect.notes ?? notes,
    requests: requests.slice(0, served).map((each) => ({ ...each, ...effect.request })),
  }
}

const isDue = ({ on, here = true }: Limit, engine: Engine): boolean =>
  (on === 'every' || on === engine) && here

async function check(t: Test, one: Case, { origin, direct, path, host }: Site, engine: Engine) {
  const ways = one.once ? [path] : [path, host]
  const [alone, ...through] = await Promise.all([direct, ...ways].map((way) => run(one, way, origin)))
  const limits = one.limits?.filter((limit) => isDue(limit, engine)) ?? []
  const refusal = limits.find(({ refused }) => refused !== undefined)
  ways.forEach((way, i) => {
    const facts = { way, origin: direct.host, tunnelId: TUNNEL, methods: methodsOf(one.caller) }
    const { wanted, found, faults } = compared(alone!, through[i]!, facts)
    const title = `${way.name}: ${limits.map(({ name }) => name).join(', ') || 'the same'}`
    if (refusal !== undefined) {
      t.same(
        found.answers.map(({ status }) => status),
        [refusal.refused],
        title,
      )
      const whole = found.requests.filter(({ ending }) => ending === 'complete')
      if (refusal.late !== true) t.same(whole, [], `${way.name}: it does not reach the origin`)
      return
    }
    t.same(found, limits.reduce(declared, wanted), title)
    t.same(faults, [], `${way.name}: the fields that gw sets`)
  })
}

export function suite(engine: Engine, cases: readonly Case[]): void {
  if (!ENGINES.includes(engine)) {
    t.test(`through ${engine}`, { skip: 'other engines were asked for' }, async () => {})
    return
  }
  t.test(`through ${engine} an application notices nothing`, { jobs: JOBS }, async (t) => {
    const place = await site(t, engine)
    for (const one of cases) t.test(one.title, { buffered: true }, (t) => check(t, one, place, engine))
  })
}
