/** Every case three times: at the origin itself, under `/t/…`, and by host name. */
import type { Test } from 'tap'
import t from 'tap'
import { Agent } from '../../agent/index.js'
import { Gateway } from '../../gateway/gateway.js'
import { call, type Way } from './caller.js'
import { type Comparison, compared, received, type Seen } from './compare.js'
import { Marks } from './marks.js'
import { Origin } from './origin.js'
import type { Ask, Case, Engine, Limit } from './script.js'

export const TUNNEL = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'
const HOST = 'prod-550e8400-e29b-41d4-a716-446655440000.gw.test'
const PATIENCE = 20_000
/** Cases at once. */
const JOBS = 12

export interface Site {
  origin: Origin
  direct: Way
  path: Way
  host: Way
}

/** An origin, and a gateway with an agent in front of it. */
export async function site(t: Test, engine: Engine): Promise<Site> {
  const origin = await Origin.start()
  const gateway = await Gateway.start({ port: 0, engine, domain: ['gw.test'], accessLog: 'off', logLevel: 'error' })
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
export async function run(one: Case, way: Way, origin: Origin): Promise<Seen> {
  const key = `${++runs}`
  const marks = new Marks()
  const play = { marks, scripts: one.origin, requests: [] }
  origin.expect(key, play)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${one.title}, ${way.name}: stuck after ${marks}`)), PATIENCE)
  })
  try {
    const answers = await Promise.race([call(way, key, one.caller, marks, one.open === true), late])
    const requests = play.requests.map(received)
    return { answers, requests }
  } finally {
    clearTimeout(timer)
    origin.forget(key)
  }
}

const methodsOf = ({ caller }: Case): string[] =>
  caller.flatMap((step) => (typeof step === 'object' && !('fill' in step) && !('wait' in step) ? step : []))
    .map(({ method = 'GET' }: Ask) => method)

/** What is declared replaces what is seen directly. */
export function declared({ wanted }: Comparison, limit: Limit): Seen {
  const { answer, request } = limit
  return {
    answers: wanted.answers.map((each) => ({ ...each, ...answer })),
    requests: request === null ? [] : wanted.requests.map((each) => ({ ...each, ...request })),
  }
}

export async function check(t: Test, one: Case, { origin, direct, path, host }: Site, engine: Engine) {
  const ways = one.once ? [path] : [path, host]
  const [alone, ...through] = await Promise.all([direct, ...ways].map((way) => run(one, way, origin)))
  const limit = one.limit?.on === 'every' || one.limit?.on === engine ? one.limit : undefined
  ways.forEach((way, i) => {
    const facts = { way, origin: direct.host, tunnelId: TUNNEL, methods: methodsOf(one) }
    const comparison = compared(alone!, through[i]!, facts)
    const wanted = limit === undefined ? comparison.wanted : declared(comparison, limit)
    t.same(comparison.found, wanted, `${way.name}${limit === undefined ? '' : `: ${limit.name}`}`)
    t.same(comparison.faults, [], `${way.name}: the fields that gw sets`)
  })
}

export function suite(engine: Engine, cases: readonly Case[]): void {
  t.test(`through ${engine} an application notices nothing`, { jobs: JOBS }, async (t) => {
    const place = await site(t, engine)
    for (const one of cases) t.test(one.title, { buffered: true }, (t) => check(t, one, place, engine))
  })
}
