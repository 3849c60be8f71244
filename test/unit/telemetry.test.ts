/** What the gateway counts, how it tells it, and the trace that a request stands in. */
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import type { Ended } from '../../gateway/edge/ended.js'
import type { RequestHead } from '../../gateway/edge/engine.js'
import { Durations } from '../../gateway/telemetry/durations.js'
import { Exposition } from '../../gateway/telemetry/exposition.js'
import { History, STEP_MS } from '../../gateway/telemetry/history.js'
import { LoopLag } from '../../gateway/telemetry/lag.js'
import { type Gauges, renderMetrics } from '../../gateway/telemetry/metrics.js'
import { faultsOf } from '../../gateway/telemetry/readiness.js'
import { Telemetry } from '../../gateway/telemetry/telemetry.js'
import { createLogger } from '../../shared/log.js'
import { openTracer } from '../../shared/tracing/environment.js'
import { PACKAGES } from '../../shared/tracing/opentelemetry.js'
import { remoteParent, withTraceparent } from '../../shared/tracing/trace-context.js'
import { readExposition } from '../helpers/exposition.js'
import { requestHead } from '../helpers/heads.js'

const HEAD: RequestHead = requestHead()
const ENDED: Ended = {
  requestId: 'the-id',
  route: 'forward',
  status: 200,
  code: undefined,
  tunnelId: 'agent_x',
  bytesIn: 1,
  bytesOut: 2,
  duration: 4,
  queued: 0.1,
  firstByte: 3,
  moves: 0,
}

const GAUGES: Gauges = {
  version: '1.2.3',
  engine: 'uws',
  links: () => 2,
  sockets: () => 9,
  inflight: () => 1,
  held: () => 0,
  rateLimited: () => 5,
  loopLag: () => 0.001,
  dropped: () => ({ hooks: 7 }),
}

/** `name{labels} value` lines by name and labels, once each. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const at = line.lastIndexOf(' ')
    if (found.has(line.slice(0, at))) throw new Error(`twice: ${line}`)
    found.set(line.slice(0, at), Number(line.slice(at + 1)))
  }
  return found
}

t.test('the exposition is what Prometheus reads', async (t) => {
  const telemetry = new Telemetry(() => 0, true)
  telemetry.ended(HEAD, ENDED)
  telemetry.ended(HEAD, { ...ENDED, status: 502, code: 'agent_error', moves: 2 })
  telemetry.ended(HEAD, { ...ENDED, status: 0, code: 'aborted', firstByte: undefined })
  telemetry.ended(HEAD, { ...ENDED, route: 'ws', status: 401, code: 'unauthorized', tunnelId: undefined })
  telemetry.ended(HEAD, { ...ENDED, route: 'ws', status: 101, tunnelId: undefined })
  telemetry.rtt.add(1.5)
  const text = renderMetrics(telemetry, GAUGES)
  const found = samples(text)
  const expected: Record<string, number> = {
    'gw_requests_total{code="200",route="forward"}': 1,
    'gw_requests_total{code="502",route="forward"}': 1,
    'gw_requests_total{code="0",route="forward"}': 1,
    'gw_requests_total{code="401",route="ws"}': 1,
    'gw_errors_total{code="agent_error"}': 1,
    'gw_errors_total{code="unauthorized"}': 1,
    'gw_links_total{event="refused"}': 1,
    gw_retries_total: 2,
    gw_rate_limited_total: 5,
    gw_inflight_requests: 1,
    gw_connections: 2,
    'gw_bytes_total{direction="in"}': 3,
    'gw_bytes_total{direction="out"}': 6,
    'gw_request_duration_seconds_bucket{le="0.0025"}': 0,
    'gw_request_duration_seconds_bucket{le="0.005"}': 3,
    'gw_request_duration_seconds_bucket{le="+Inf"}': 3,
    gw_request_duration_seconds_count: 3,
    gw_first_byte_seconds_count: 2,
    'gw_link_rtt_seconds_bucket{le="0.001"}': 0,
    'gw_link_rtt_seconds_bucket{le="0.0025"}': 1,
    'gw_dropped_total{what="hooks"}': 7,
    'gw_tunnel_requests_total{tunnel_id="agent_x",code="5xx"}': 1,
    gw_tunnel_requests_dropped_total: 0,
  }
  for (const [name, value] of Object.entries(expected)) t.equal(found.get(name), value, name)
  t.match(text, /^gw_build_info\{version="1\.2\.3",engine="uws",node="v\d+[^"]*"\} 1$/m)
  t.match(text, /^process_open_fds \d+$/m)
  // Each family once, with its help and type before its first sample.
  const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name]) => name!)
  t.equal(new Set(families).size, families.length)
  for (const name of found.keys()) {
    const base = name.replace(/\{.*/, '')
    t.ok(families.includes(base) || families.includes(base.replace(/_(bucket|sum|count)$/, '')), name)
  }
  t.match(text, /\n$/)
})

t.test('labels are escaped', async (t) => {
  const out = new Exposition()
  out.gauge('a', 'b', [[{ x: 'q"\\\n' }, 1]])
  t.match(String(out), 'a{x="q\\"\\\\\\n"} 1\n')
})

t.test('ten thousand tunnels make a bounded number of series', async (t) => {
  const telemetry = new Telemetry(() => 0, true)
  for (let i = 0; i < 10_000; i++) telemetry.ended(HEAD, { ...ENDED, tunnelId: `agent_${i}` })
  const found = samples(renderMetrics(telemetry, GAUGES))
  t.ok(found.size < 1200, `${found.size} series`)
  t.equal(found.get('gw_tunnel_requests_dropped_total'), 9000)
  const plain = new Telemetry(() => 0, false)
  for (let i = 0; i < 10_000; i++) plain.ended(HEAD, { ...ENDED, tunnelId: `agent_${i}` })
  t.notMatch(renderMetrics(plain, GAUGES), /agent_/)
})

t.test('durations fall into their buckets', async (t) => {
  const durations = new Durations()
  for (const ms of [0, 1, 1.001, 60_000, 60_001]) durations.add(ms)
  t.same([durations.counts[0], durations.counts[1], durations.counts[14], durations.counts[15]], [2, 1, 1, 1])
  t.equal(durations.sum.toFixed(6), (120.003001).toFixed(6))
})

t.test('the last quarter of an hour', async (t) => {
  let now = 1_000 * STEP_MS
  const history = new History(() => now)
  for (let i = 1; i <= 100; i++) history.add({ ...ENDED, firstByte: i })
  history.add({ ...ENDED, firstByte: undefined, duration: 1e9, code: 'no_agent' })
  now += STEP_MS
  history.add({ ...ENDED, code: 'aborted' })
  let points = history.points()
  t.equal(points.length, 90)
  const [before, last] = points.slice(-2)
  t.match(before, { requests: 101, errors: { no_agent: 1 }, bytes_in: 101, bytes_out: 202 })
  t.ok(Math.abs(before!.p50_ms! - 50) < 4, `${before!.p50_ms}`)
  t.ok(Math.abs(before!.p99_ms! - 100) < 7, `${before!.p99_ms}`)
  t.match(last, { requests: 1, errors: {}, time: new Date(now).toISOString() })
  t.match(points[0], { requests: 0, p50_ms: null })
  t.same(history.lastMinute(), { requests: 101, errors: 1, bytesIn: 101, bytesOut: 202 })
  now += 200 * STEP_MS
  points = history.points()
  t.equal(
    points.reduce((sum, { requests }) => sum + requests, 0),
    0,
    'what is old falls out',
  )
  for (let i = 0; i < 300; i++) {
    now += STEP_MS
    history.add(ENDED)
  }
  t.equal(
    history.points().reduce((sum, { requests }) => sum + requests, 0),
    90,
  )
})

t.test('a late loop is seen while it is late and for two seconds', async (t) => {
  let now = 0
  const lag = new LoopLag(() => now)
  lag.start()
  t.teardown(() => lag.stop())
  now = 350
  t.equal(lag.ms, 250, 'before the timer comes')
  lag.tick()
  t.equal(lag.ms, 250)
  for (let i = 0; i < 19; i++) {
    now += 100
    lag.tick()
  }
  t.equal(lag.ms, 250)
  now += 100
  lag.tick()
  t.equal(lag.ms, 0)
})

t.test('what keeps a gateway from serving well', async (t) => {
  t.same(faultsOf({ lag: () => 199, stores: () => ({ credentials: true }) }), [])
  t.same(faultsOf({ lag: () => 200.4, stores: () => ({ credentials: true, sessions: false }) }), [
    'the event loop is 200 ms late',
    'the store of sessions does not answer',
  ])
})

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

t.test('the trace of a request is read as strictly as its standard says', async (t) => {
  const read = (...values: string[]) => remoteParent(values.flatMap((value) => ['traceparent', value]))
  t.match(read(`00-${TRACE}-${SPAN}-01`), { traceId: TRACE, spanId: SPAN, traceFlags: 1 })
  t.match(read(`00-${TRACE}-${SPAN}-fe`), { traceFlags: 0xfe }, 'flags that are not known yet')
  t.match(read(`01-${TRACE}-${SPAN}-00`), { traceFlags: 0 })
  t.match(read(`01-${TRACE}-${SPAN}-00-more`), { spanId: SPAN }, 'a version to come')
  for (const bad of [
    '',
    '00',
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01 `,
    `01-${TRACE}-${SPAN}-01more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-1`,
  ])
    t.equal(read(bad), undefined, bad)
  t.equal(read(`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`), undefined, 'two')
  t.equal(remoteParent(['host', 'x']), undefined)
  const fields = ['tracestate', 'a=1', 'traceparent', `00-${TRACE}-${SPAN}-01`, 'x', 'y', 'tracestate', 'b=2']
  t.match(remoteParent(fields), { tracestate: 'a=1,b=2' })
  const context = { traceId: TRACE, spanId: '1111111111111111', traceFlags: 0 }
  const sent = ['traceparent', `00-${TRACE}-1111111111111111-00`]
  t.same(withTraceparent(fields, context, true), [
    'tracestate',
    'a=1',
    'x',
    'y',
    'tracestate',
    'b=2',
    ...sent,
  ])
  t.same(withTraceparent(fields, context, false), ['x', 'y', ...sent])
})

t.test('spans are made only where they are asked for, and what is asked badly is told', async (t) => {
  let said = ''
  const log = createLogger({ write: (chunk) => void (said += chunk) })
  const opened = async (env: Record<string, string>): Promise<string> => {
    said = ''
    t.equal(await openTracer({ service: 'gw-x', version: '1', env, log }), undefined)
    log.flush()
    return said
  }
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:4318'
  t.equal(await opened({}), '')
  t.equal(await opened({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), '')
  t.equal(await opened({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }), '')
  t.equal(await opened({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }), '')
  for (const endpoint of ['localhost:4318', '127.0.0.1:4318', 'grpc://x'])
    t.match(
      await opened({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint }),
      /OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no http or https URL/,
    )
})

/** As `npm test -- --snapshot` writes it. */
function metricsTable(): string {
  const telemetry = new Telemetry(() => 0, true)
  telemetry.ended(HEAD, { ...ENDED, status: 502, code: 'agent_error' })
  const rows = [...readExposition(renderMetrics(telemetry, GAUGES))].map(
    ([name, { type, help, samples }]) => {
      const [first = ''] = samples.keys()
      const labels = [...first.matchAll(/(\w+)="/g)].map(([, label]) => `\`${label}\``)
      return `| \`${name}\` | ${type} | ${type === 'histogram' ? '' : labels.join(', ')} | ${help} |\n`
    },
  )
  return `| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n${rows.join('')}`
}

t.test('docs/operations.md tells every metric, and how to get what sends spans', async (t) => {
  const page = new URL('../../../docs/operations.md', import.meta.url)
  let text = readFileSync(page, 'utf8')
  for (const [mark, expected] of [
    ['metrics', metricsTable()],
    ['opentelemetry', `\n    npm install ${PACKAGES.join(' ')}\n\n`],
  ] as const) {
    const from = text.indexOf(`<!-- ${mark} -->`) + `<!-- ${mark} -->`.length
    const to = text.indexOf(`<!-- /${mark} -->`, from)
    if (process.env.TAP_SNAPSHOT === '1') text = `${text.slice(0, from)}\n${expected}${text.slice(to)}`
    else t.equal(text.slice(from, to), `\n${expected}`, mark)
  }
  if (process.env.TAP_SNAPSHOT === '1') writeFileSync(page, text)
})

t.test('both packages name what sends spans as optional peers', async (t) => {
  for (const room of ['gateway', 'agent']) {
    const manifest = JSON.parse(readFileSync(`${room}/package.json`, 'utf8'))
    for (const pinned of PACKAGES) {
      const at = pinned.lastIndexOf('@')
      const name = pinned.slice(0, at)
      t.equal(manifest.peerDependencies[name], pinned.slice(at + 1), `${room}: ${name}`)
      t.equal(manifest.peerDependenciesMeta[name].optional, true)
    }
  }
})
