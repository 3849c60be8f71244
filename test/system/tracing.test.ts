/** Traces: what passes through untouched, and the spans of a gateway and an agent as a collector gets them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { folderOf, httpUpstream, listen } from '../helpers/agent-rig.js'
import { ENGINES } from '../helpers/engine-suite.js'
import { RawAgent, type RawExchange, ResetCode } from '../helpers/raw-agent.js'
import { packages, SpanCollector } from '../helpers/span-collector.js'
import { type Answer, call, type LogLine, startGateway } from '../helpers/tunnel.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'
const TRACEPARENT = `00-${TRACE}-${CALLER}-01`
const ID = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'

interface Program {
  child: ChildProcess
  lines: LogLine[]
  /** Resolves with the first line that is so, now or later. */
  line(is: (line: LogLine) => boolean): Promise<LogLine>
  /** Ends it with SIGTERM. @returns its exit code. */
  end(): Promise<number | null>
}

function program(t: Test, main: 'gateway' | 'agent', args: string[], env: NodeJS.ProcessEnv): Program {
  const path = fileURLToPath(new URL(`../../${main}/main.js`, import.meta.url))
  const child = spawn(process.execPath, [path, '--log-format', 'json', ...args], {
    cwd: folderOf('tracing'),
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const lines: LogLine[] = []
  const reader = createInterface(child.stdout)
  reader.on('line', (text) => lines.push(JSON.parse(text)))
  const line: Program['line'] = async (is) => {
    for (;;) {
      const found = lines.find(is)
      if (found !== undefined) return found
      await Promise.race([once(reader, 'line'), once(child, 'exit').then(() => Promise.reject(lines))])
    }
  }
  const end = async (): Promise<number | null> => {
    child.kill('SIGTERM')
    return ((await once(child, 'exit')) as [number | null])[0]
  }
  return { child, lines, line, end }
}

interface Programs {
  gateway: Program
  agent: Program
  url: string
}

async function gatewayOf(t: Test, env: NodeJS.ProcessEnv, engine = ENGINES[0]!) {
  const gateway = program(t, 'gateway', ['--port', '0', '--policy', 'first', '--engine', engine], env)
  const { msg } = await gateway.line(({ msg }) => msg.startsWith('listening on'))
  return { gateway, url: msg.slice('listening on '.length) }
}

async function programs(t: Test, upstream: number, env: NodeJS.ProcessEnv): Promise<Programs> {
  const { gateway, url } = await gatewayOf(t, env)
  const args = ['--gateway', url, '--tunnel-id', ID, '--forward', `127.0.0.1:${upstream}`]
  const agent = program(t, 'agent', args, env)
  await agent.line(({ msg }) => msg === 'connected')
  return { gateway, agent, url }
}

/** An agent in this process. */
async function agentOf(t: Test, url: string, serve: (exchange: RawExchange) => void = tells): Promise<void> {
  const agent = await RawAgent.connect(url, { tunnelId: ID, serve })
  t.teardown(() => void agent.socket.terminate())
}

/** Tells what trace it was asked in. */
const tells = (exchange: RawExchange): void => {
  const [traceparent, tracestate] = [exchange.field('traceparent'), exchange.field('tracestate')]
  exchange.respond(200, JSON.stringify({ traceparent, tracestate }))
}

/** The same as a server. */
const upstream = (t: Test): Promise<number> =>
  httpUpstream(t, ({ headers, url }, response) => {
    if (url === '/fails') response.writeHead(500)
    response.end(JSON.stringify({ traceparent: headers.traceparent, tracestate: headers.tracestate }))
  })

const asked = ({ body }: Answer): { traceparent?: string; tracestate?: string } => JSON.parse(body)

const traced = (traceparent: string, tracestate = 'a=1,b=2') => ({ headers: { traceparent, tracestate } })

for (const engine of ENGINES) {
  t.test(`${engine}: without an endpoint a trace passes as it came, also one that is none`, async (t) => {
    const site = await startGateway(t, { engine })
    await site.agent({ serve: tells })
    for (const traceparent of [TRACEPARENT, `cc-${TRACE}-${CALLER}-ff-more`, 'not a trace', '00-0-0-0']) {
      const answer = await call(`${site.url}/forward`, traced(traceparent))
      t.same(asked(answer), { traceparent, tracestate: 'a=1,b=2' })
    }
    t.same(asked(await call(`${site.url}/forward`)), {}, 'none is made')
  })
}

t.test('caller, gateway, agent and upstream stand in one trace', async (t) => {
  const collector = await SpanCollector.start(t)
  const { gateway, agent, url } = await programs(t, await upstream(t), collector.env())
  const told = asked(await call(`${url}/t/${ID}/x?secret=hidden`, traced(TRACEPARENT)))
  const request = await collector.find(({ name }) => name === 'gw.request')
  const served = await collector.find(({ name }) => name === 'gw.upstream')
  t.same([request.traceId, request.parentSpanId, request.service], [TRACE, CALLER, 'gw-gateway'])
  t.same([served.traceId, served.parentSpanId, served.service], [TRACE, request.spanId, 'gw-agent'])
  t.same(told, { traceparent: `00-${TRACE}-${served.spanId}-01`, tracestate: 'a=1,b=2' })
  t.match(request, {
    kind: 2,
    error: false,
    events: ['gw.sent', 'gw.first_byte'],
    attributes: {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.path': `/t/${ID}/x`,
      'url.scheme': 'http',
      'network.peer.address': '127.0.0.1',
      'gw.route': 'tunnel',
      'gw.tunnel_id': ID,
      'gw.request_id': served.attributes['gw.request_id'],
    },
  })
  t.match(served, {
    kind: 3,
    error: false,
    attributes: {
      'http.response.status_code': 200,
      'url.path': '/x',
      'gw.tunnel_id': ID,
      'gw.kind': 'http',
    },
  })
  t.ok(request.duration >= served.duration - 2 && request.duration < 60_000, `${request.duration}`)

  const malformed = asked(await call(`${url}/forward/y`, traced('00-nonsense')))
  t.match(malformed.traceparent, /^00-(?!0af7)[0-9a-f]{32}-[0-9a-f]{16}-01$/, 'a trace of its own')
  t.equal(malformed.tracestate, undefined, 'without the state of one that was not understood')

  await call(`${url}/forward/fails`)
  const failed = await collector.find((span) => span.name === 'gw.request' && span.error)
  t.match(failed.attributes, { 'http.response.status_code': 500, 'error.type': '500' })
  await collector.find((span) => span.name === 'gw.upstream' && span.error)

  await call(`${url}/t/agent_x`)
  const refused = await collector.find(({ attributes }) => attributes['url.path'] === '/t/agent_x')
  t.match(refused, {
    error: false,
    attributes: { 'error.type': 'invalid_tunnel_id', 'gw.route': 'tunnel' },
  })
  await call(`${url}/health`)

  // What has not been sent yet goes out at the end.
  await call(`${url}/forward/last`)
  t.same([await agent.end(), await gateway.end()], [0, 0])
  const paths = collector.spans.map(({ name, attributes }) => `${name} ${attributes['url.path']}`)
  t.ok(paths.includes('gw.request /forward/last') && paths.includes('gw.upstream /last'), paths.join())
  t.notOk(paths.includes('gw.request /health'), 'what the gateway serves itself makes none')
  t.notMatch(JSON.stringify(collector.spans), 'hidden')
})

t.test('a move is told, and names are taken from the environment', async (t) => {
  const collector = await SpanCollector.start(t)
  const { url } = await gatewayOf(t, collector.env({ OTEL_SERVICE_NAME: 'edge-1' }), ENGINES.at(-1))
  await agentOf(t, url, (exchange) => exchange.refuse(ResetCode.refused))
  await agentOf(t, url)
  const { traceparent } = asked(await call(`${url}/forward`, traced(TRACEPARENT)))
  const request = await collector.find(({ name }) => name === 'gw.request')
  t.match(request, { service: 'edge-1', events: ['gw.moved', 'gw.sent', 'gw.first_byte'], error: false })
  t.equal(traceparent, `00-${TRACE}-${request.spanId}-01`)
})

t.test('what is not sampled is not sent, and still passes on', async (t) => {
  const collector = await SpanCollector.start(t)
  const { gateway, url } = await gatewayOf(t, collector.env({ OTEL_TRACES_SAMPLER: 'always_off' }))
  await agentOf(t, url)
  const { traceparent } = asked(await call(`${url}/forward`, traced(TRACEPARENT)))
  t.match(traceparent, new RegExp(`^00-${TRACE}-(?!${CALLER})[0-9a-f]{16}-00$`))
  t.equal(await gateway.end(), 0)
  t.equal(collector.asked, 0)
})

t.test('an endpoint that fails costs spans, which are counted, and one warning', async (t) => {
  const collector = await SpanCollector.start(t)
  collector.status = 400
  const { gateway, url } = await gatewayOf(t, collector.env())
  await agentOf(t, url)
  for (let i = 0; i < 2; i++) {
    const next = collector.next()
    t.equal((await call(`${url}/forward`)).status, 200)
    await next
  }
  const warning = await gateway.line(({ msg }) => msg === 'spans are lost: the endpoint fails')
  t.equal(warning.level, 'warn')
  collector.status = 200
  await call(`${url}/forward`)
  const again = await gateway.line(({ msg }) => msg === 'spans are taken again')
  t.equal(again.lost, 2)
  t.match((await call(`${url}/metrics`)).body, 'gw_dropped_total{what="spans"} 2\n')
  t.equal(gateway.lines.filter(({ level }) => level === 'warn').length, 1)
})

t.test('an endpoint where nobody answers keeps no gateway from ending', async (t) => {
  const silent = await listen(t, createServer())
  const { gateway, url } = await gatewayOf(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${silent}`,
    NODE_OPTIONS: `--import=${packages('fake')}`,
  })
  await agentOf(t, url)
  t.equal((await call(`${url}/forward`)).status, 200)
  t.equal(await gateway.end(), 0)
})

t.test('without the packages it serves all the same, and says once how to get them', async (t) => {
  const NODE_OPTIONS = `--import=${packages('none')}`
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', NODE_OPTIONS }
  const { gateway, agent, url } = await programs(t, await upstream(t), env)
  t.same(asked(await call(`${url}/forward`, traced(TRACEPARENT))).traceparent, TRACEPARENT)
  for (const { lines } of [gateway, agent]) {
    const warnings = lines.filter(({ level }) => level === 'warn')
    t.equal(warnings.length, 1)
    t.match(warnings[0]!.msg, /OTEL_EXPORTER_OTLP_ENDPOINT.*npm install @opentelemetry\/api@\d/)
  }
})
