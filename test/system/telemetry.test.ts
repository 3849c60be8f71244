/** What a gateway tells of itself: metrics, probes, status, access lines. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Agent, type AgentOptions } from '../../agent/index.js'
import { openAccess } from '../../gateway/access/database.js'
import type { GatewayConfig } from '../../gateway/gateway.js'
import { createLogger } from '../../shared/log.js'

import { folderOf } from '../helpers/agent-rig.js'
import { RawCaller } from '../helpers/engine-rig.js'
import { ENGINES } from '../helpers/engine-suite.js'
import { type Family, readExposition, samplesOf } from '../helpers/exposition.js'
import { ResetCode, tunnelId } from '../helpers/raw-agent.js'
import { ask, call, type LogLine, type Site, startGateway } from '../helpers/tunnel.js'

const promtool = spawnSync('promtool', ['--version']).status === 0

async function scrape(site: { url: string }, headers = {}): Promise<string> {
  const { status, headers: fields, body } = await call(`${site.url}/metrics`, { headers })
  if (status !== 200) throw new Error(`${status}: ${body}`)
  if (fields['content-type'] !== 'text/plain; version=0.0.4; charset=utf-8')
    throw new Error(`content type ${fields['content-type']}`)
  return body
}

/** Asks until it is so. */
async function until<T>(read: () => Promise<T>, is: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read()
    if (is(value)) return value
  }
}

const sampled = async (site: Site): Promise<Map<string, number>> => samplesOf(await scrape(site))

/** An agent of ours that is destroyed with the test. */
async function join_(t: Test, site: Site, options: Partial<AgentOptions> = {}): Promise<Agent> {
  const agent = new Agent({ gateway: site.url, tunnelId: tunnelId(), ...options })
  t.teardown(() => agent.destroy())
  await agent.start()
  return agent
}

/** The least that a streamed answer lasts after its first byte. */
const STREAM_MS = 60

async function fetch(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname.endsWith('/hang')) return new Promise(() => {})
  if (!pathname.endsWith('/stream')) return new Response((await request.text()).slice(0, 5) || 'hello')
  return new Response(
    new ReadableStream({
      async start(controller) {
        controller.enqueue(Buffer.from('one'))
        await new Promise((resolve) => setTimeout(resolve, STREAM_MS))
        controller.enqueue(Buffer.from('two'))
        controller.close()
      },
    }),
  )
}

/** Of every metric that the contract names, its type. */
const CONTRACT: Record<string, string> = {
  gw_connections: 'gauge',
  gw_requests_total: 'counter',
  gw_request_duration_seconds: 'histogram',
  gw_first_byte_seconds: 'histogram',
  gw_inflight_requests: 'gauge',
  gw_bytes_total: 'counter',
  gw_link_rtt_seconds: 'histogram',
  gw_links_total: 'counter',
  gw_errors_total: 'counter',
  gw_retries_total: 'counter',
  gw_held_requests: 'gauge',
  gw_rate_limited_total: 'counter',
  gw_event_loop_lag_seconds: 'gauge',
  gw_build_info: 'gauge',
  process_cpu_seconds_total: 'counter',
  process_resident_memory_bytes: 'gauge',
  process_start_time_seconds: 'gauge',
}

for (const engine of ENGINES) {
  t.test(`${engine}: known traffic is counted as what it was`, async (t) => {
    const dataDir = folderOf('telemetry')
    const site = await startGateway(t, { engine, domain: ['gw.test'], pingInterval: 20, dataDir })
    const agent = await join_(t, site, { fetch })
    const uuid = agent.tunnelId.slice('agent_'.length, -'_prod'.length)
    const base = `${site.url}/t/${agent.tunnelId}`
    for (let i = 0; i < 2; i++)
      t.equal((await call(`${site.url}/forward/x`, { method: 'POST', body: '0123456789' })).body, '01234')
    t.equal((await call(`${base}/x?q=1`)).status, 200)
    t.equal((await call(`${site.url}/x`, { headers: { host: `prod-${uuid}.gw.test` } })).status, 200)
    t.equal((await call(`${site.url}/health`)).status, 200)
    t.equal((await call(`${site.url}/nothing`)).status, 404)
    t.equal((await call(`${site.url}/dashboard`)).status, 200)
    t.equal((await call(`${site.url}/api/v1/sessions`)).status, 200)
    t.equal((await call(`${site.url}/ws`)).status, 426)
    t.equal((await call(`${site.url}/t/agent_x`)).code, 'invalid_tunnel_id')
    t.equal((await call(`${site.url}/forward?labels=`)).code, 'invalid_selector')
    t.equal((await call(`${site.url}/forward?labels=no=one`)).code, 'no_agent')
    const before = await sampled(site)
    t.equal((await call(`${base}/stream`)).body, 'onetwo')
    const after = await sampled(site)
    const gone = ask(`${base}/hang`)
    gone.end()
    await until(
      () => sampled(site),
      (now) => now.get('gw_inflight_requests') === 1,
    )
    gone.destroy()
    const left = 'gw_requests_total{code="0",route="tunnel"}'
    // A ping's answer too is awaited here.
    const text = await until(
      () => scrape(site),
      (now) => /gw_requests_total\{code="0"/.test(now) && !/gw_link_rtt_seconds_count 0\n/.test(now),
    )
    const families = readExposition(text)
    for (const [name, type] of Object.entries(CONTRACT)) t.equal(families.get(name)?.type, type, name)
    const found = samplesOf(text)
    const expected = {
      'gw_requests_total{code="200",route="forward"}': 2,
      'gw_requests_total{code="400",route="forward"}': 1,
      'gw_requests_total{code="503",route="forward"}': 1,
      'gw_requests_total{code="200",route="tunnel"}': 2,
      'gw_requests_total{code="400",route="tunnel"}': 1,
      [left]: 1,
      'gw_requests_total{code="200",route="host"}': 1,
      'gw_requests_total{code="404",route="api"}': 1,
      'gw_requests_total{code="200",route="dashboard"}': 1,
      'gw_requests_total{code="200",route="sessions"}': 1,
      'gw_requests_total{code="426",route="ws"}': 1,
      'gw_requests_total{code="101",route="ws"}': 1,
      'gw_errors_total{code="invalid_tunnel_id"}': 1,
      'gw_errors_total{code="invalid_selector"}': 1,
      'gw_errors_total{code="no_agent"}': 1,
      'gw_errors_total{code="not_found"}': 1,
      'gw_errors_total{code="aborted"}': undefined,
      'gw_bytes_total{direction="in"}': 20,
      gw_connections: 1,
      gw_inflight_requests: 0,
      gw_held_requests: 0,
      gw_retries_total: 0,
      'gw_links_total{event="connected"}': 1,
      'gw_links_total{event="refused"}': 1,
      'gw_links_total{event="disconnected"}': 0,
    }
    for (const [name, value] of Object.entries(expected)) t.equal(found.get(name), value, name)
    t.match(text, new RegExp(`^gw_build_info\\{version="[^"]+",engine="${engine}",node="v`, 'm'))
    const rose = (name: string): number => after.get(name)! - before.get(name)!
    // The scrape in front of it has ended by then.
    t.equal(rose('gw_requests_total{code="200",route="tunnel"}'), 1)
    t.equal(rose('gw_request_duration_seconds_count'), 2)
    const streamed = rose('gw_request_duration_seconds_sum') - rose('gw_first_byte_seconds_sum')
    t.ok(streamed >= (STREAM_MS - 1) / 1000, `${streamed}: the first byte is before the last`)
    t.ok(rose('gw_bytes_total{direction="out"}') > 6, 'a stream of 6 bytes, and a scrape')
    t.notMatch(text, uuid, 'no tunnel id in a label')
    const { status, stdout, stderr } = promtool
      ? spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
      : { status: 0, stdout: '', stderr: '' }
    t.equal(`${status} ${stdout}${stderr}`.trim(), '0', 'promtool')
  })

  t.test(`${engine}: links come, go, and are replaced; requests move and wait`, async (t) => {
    const site = await startGateway(t, { engine, hold: 60_000, policy: 'first' })
    const held = call(`${site.url}/forward`)
    const waiting = await until(
      () => sampled(site),
      (now) => now.get('gw_held_requests') === 1,
    )
    t.equal(waiting.get('gw_inflight_requests'), 1)
    const id = tunnelId()
    let refusing = false
    const first = await site.agent({
      tunnelId: id,
      serve: (exchange) => (refusing ? exchange.refuse(ResetCode.refused) : exchange.respond(200, 'came')),
    })
    t.equal((await held).body, 'came')
    refusing = true
    await site.agent({ tunnelId: id, serve: (exchange) => exchange.respond(200, 'moved') })
    t.equal((await call(`${site.url}/forward`)).body, 'moved')
    const { instance } = first
    const second = await site.agent({ tunnelId: id, instance })
    await first.ended()
    await second.kill()
    const now = await until(
      () => sampled(site),
      (each) => each.get('gw_connections') === 1,
    )
    t.match(Object.fromEntries(now), {
      gw_retries_total: 1,
      gw_held_requests: 0,
      gw_inflight_requests: 0,
      'gw_links_total{event="connected"}': 3,
      'gw_links_total{event="replaced"}': 1,
      'gw_links_total{event="disconnected"}': 1,
    })
  })
}

t.test('what is refused for its rate is counted', async (t) => {
  const rate = { rateLimit: { count: 1, per: 60_000 }, rateLimitBurst: 0 }
  const site = await startGateway(t, { ...rate, trustedProxies: ['127.0.0.1'] })
  const flood = { headers: { 'x-forwarded-for': '192.0.2.1' } }
  t.equal((await call(`${site.url}/forward`, flood)).code, 'no_agent')
  t.equal((await call(`${site.url}/forward`, flood)).code, 'rate_limited')
  t.equal((await call(`${site.url}/readyz`, flood)).status, 200, 'probes are not limited')
  t.match(Object.fromEntries(await sampled(site)), {
    gw_rate_limited_total: 1,
    'gw_requests_total{code="429",route="forward"}': 1,
    'gw_errors_total{code="rate_limited"}': 1,
  })
})

t.test('with --metrics-per-tunnel each tunnel has its own', async (t) => {
  const site = await startGateway(t, { metricsPerTunnel: true })
  const { tunnelId: id } = await join_(t, site, { fetch })
  await call(`${site.url}/t/${id}/x`)
  const now = await sampled(site)
  t.equal(now.get(`gw_tunnel_requests_total{tunnel_id="${id}",code="2xx"}`), 1)
  t.equal(now.get('gw_tunnel_requests_dropped_total'), 0)
})

const ROOT = 'the-root-secret-of-this-test'
const root = { authorization: `Bearer ${ROOT}` }

const guarded = (t: Test, options: GatewayConfig = {}): Promise<Site> =>
  startGateway(t, { auth: ['token'], token: ROOT, dataDir: folderOf('telemetry'), ...options })

t.test('a gateway whose loop is late is not ready, and says why to those who may know', async (t) => {
  const site = await guarded(t)
  t.same(JSON.parse((await call(`${site.url}/readyz`)).body), { status: 'ready' })
  const blocked = performance.now() + 300
  while (performance.now() < blocked);
  const ready = await call(`${site.url}/readyz`, { headers: root })
  t.equal(ready.status, 503)
  t.match(JSON.parse(ready.body), { reasons: [/^the event loop is \d{3,} ms late$/] })
  const plain = await call(`${site.url}/readyz`)
  t.same([plain.status, JSON.parse(plain.body)], [503, { status: 'not ready' }])
  t.same(JSON.parse((await call(`${site.url}/healthz`)).body), { status: 'alive' }, 'it lives all the same')
  t.ok(samplesOf(await scrape(site, root)).get('gw_event_loop_lag_seconds')! >= 0.2)
})

t.test('a gateway whose store fails is not ready until it is well again', async (t) => {
  const dataDir = folderOf('telemetry')
  const site = await guarded(t, { dataDir })
  const made = (await site.gateway.verbs['token.create']!({ role: 'operator' })) as {
    token: string
    id: string
  }
  const other = { authorization: `Bearer ${made.token}` }
  t.equal((await call(`${site.url}/status`, { headers: other })).status, 200)
  const database = openAccess(join(dataDir, 'access.db'))
  t.teardown(() => database.close())
  // Another process revokes the token and breaks the table that would tell of it.
  database.exec('UPDATE credential SET revoked_at = 1; ALTER TABLE change RENAME TO gone')
  const ready = await until(
    () => call(`${site.url}/readyz`, { headers: root }),
    ({ status }) => status === 503,
  )
  t.match(JSON.parse(ready.body), { reasons: ['the store of credentials does not answer'] })
  t.match(JSON.parse((await call(`${site.url}/status`, { headers: root })).body), {
    store: { answers: { credentials: false } },
  })
  database.exec('ALTER TABLE gone RENAME TO change')
  await until(
    () => call(`${site.url}/readyz`),
    ({ status }) => status === 200,
  )
  t.equal((await call(`${site.url}/status`, { headers: other })).status, 401, 'the revocation was not missed')
})

t.test('while it drains it lives and is not ready', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const asked = call(`${site.url}/forward`)
  const exchange = await agent.next()
  const stopping = site.gateway.stop()
  t.equal((await call(`${site.url}/healthz`)).status, 200)
  const ready = await call(`${site.url}/readyz`)
  t.same([ready.status, JSON.parse(ready.body)], [503, { status: 'not ready', reasons: ['draining'] }])
  t.match(JSON.parse((await call(`${site.url}/status`)).body), { status: 'draining' })
  exchange.respond(200, 'in time')
  t.equal((await asked).body, 'in time')
  t.equal(await stopping, 0)
})

t.test('the status tells what runs, and what passed in the last minute', async (t) => {
  const site = await guarded(t, { policy: 'round-robin' })
  await site.agent({ headers: root, serve: (exchange) => exchange.respond(200, 'hello') })
  t.equal((await call(`${site.url}/status`)).status, 401)
  await call(`${site.url}/forward`, { headers: root })
  const { body, headers } = await call(`${site.url}/status`, { headers: root })
  t.equal(headers['cache-control'], 'no-store')
  t.match(JSON.parse(body), {
    status: 'healthy',
    version: /^\d+\.\d+\.\d+/,
    uptime_s: Number,
    node: /^[0-9a-f-]{36}$/,
    engine: /^(uws|node)$/,
    runtime: process.version,
    configuration: { auth: ['token'], policy: 'round-robin', inspect: false, access_log: 'on' },
    counts: { links: 1, connections: Number, inflight: 0, held: 0, sessions: 0, requests_total: Number },
    rates: { requests_per_s: Number, errors_per_s: Number, bytes_in_per_s: Number, bytes_out_per_s: Number },
    store: { directory: String, answers: { credentials: true } },
    loop_lag_ms: Number,
  })
  t.notMatch(body, ROOT)
  const history = JSON.parse((await call(`${site.url}/status?history=1`, { headers: root })).body)
  t.equal(history.interval_s, 10)
  t.equal(history.points.length, 90)
  const served = (history.points as { requests: number }[]).reduce((sum, point) => sum + point.requests, 0)
  t.ok(served >= 1, `${served}`)
  const odd = await call(`${site.url}/status?history=2`, { headers: root })
  t.match(odd, { status: 400, code: 'bad_request', body: /history/ })
  const rated = await call(`${site.url}/metrics`)
  t.equal(rated.status, 401, 'metrics are not for everybody')
})

const lines = (site: Site): LogLine[] => site.log.lines.filter(({ msg }) => msg === 'request')

t.test('each mode of the access log leaves what it says', async (t) => {
  for (const [accessLog, statuses] of [
    ['on', [200, 404, 503]],
    ['errors', [404, 503]],
    ['off', []],
  ] as const) {
    const site = await startGateway(t, { accessLog })
    for (const path of ['/health', '/nothing', '/forward/x?token=hidden']) await call(`${site.url}${path}`)
    t.same(
      lines(site).map(({ status }) => status),
      statuses,
      accessLog,
    )
    t.notMatch(JSON.stringify(site.log.lines), 'hidden')
  }
})

for (const engine of ENGINES) {
  t.test(
    `${engine}: nothing secret is logged, and no byte of a request makes a line of its own`,
    async (t) => {
      let said = ''
      const log = createLogger({ level: 'debug', write: (chunk) => void (said += chunk) })
      const site = await guarded(t, { engine, log })
      await call(`${site.url}/forward/a?api_key=hidden-1`, {
        method: 'POST',
        headers: { ...root, cookie: 'a=hidden-2', 'x-api-key': 'hidden-3' },
        body: 'hidden-4',
      })
      await call(`${site.url}/status`, { headers: { authorization: 'Bearer hidden-5' } })
      // What an engine does not refuse by itself reaches the line.
      for (const path of ['/%0a%1b[31m"\\', '/a\x7fb', '/\xc3\xa9\xc2\x85'])
        await new RawCaller(site.port).send(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`).response()
      await until(
        () => call(`${site.url}/health`),
        () => said.includes('"path":"/health"'),
      )
      const told = said.split('\n').slice(0, -1)
      const paths = told.map((line) => (JSON.parse(line) as LogLine).path)
      t.ok(paths.includes('/forward/a') && paths.includes('/status'))
      t.ok(paths.includes('/%0a%1b[31m"\\'))
      t.notMatch(said, /hidden|the-root-secret/)
      t.notMatch(told.join(''), /[^\x20-\x7e]/)
    },
  )
}

const empty: Map<string, Family> = new Map()
t.test('the reader of these tests is strict', async (t) => {
  t.same(
    readExposition('# HELP a b\n# TYPE a gauge\n'),
    new Map([['a', { type: 'gauge', help: 'b', samples: empty }]]),
  )
  for (const [text, rule] of [
    ['# HELP a b\n# TYPE a gauge\na 1', /no end/],
    ['# HELP a b\n# TYPE a gauge\na 1\na 2\n', /twice/],
    ['# HELP a b\n# TYPE a counter\n', /_total/],
    ['# TYPE a gauge\na 1\n', /without its help/],
    ['# HELP a b\n# TYPE a gauge\nb 1\n', /another family/],
    ['# HELP a b\n# TYPE a gauge\na{x="\n"} 1\n', /no sample/],
    [
      '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
      /grow/,
    ],
    ['# HELP a b\n# TYPE a histogram\na_bucket{le="+Inf"} 1\na_sum 1\na_count 2\n', /agree/],
  ] as const)
    t.throws(() => readExposition(text), rule)
})
