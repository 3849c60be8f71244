import t from 'tap'
import type { RawExchange } from '../helpers/raw-agent.js'
import { type Answer, type Asked, call, startGateway } from '../helpers/tunnel.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Tells what it was asked. */
const echo = (exchange: RawExchange): void => {
  void exchange.whole().then(() => {
    const { method, target, headers } = exchange.open
    exchange.respond(200, JSON.stringify({ method, target, headers, body: exchange.body }))
  })
}

interface Seen {
  method: string
  target: string
  headers: string[]
  body: string
}

const told = (answer: Answer): Seen => JSON.parse(Buffer.from(answer.body, 'latin1').toString()) as Seen

t.test('the surface', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent({ serve: echo, name: 'shop' })
  const cases: [path: string, asked: Asked, status: number, code: string | undefined, more?: object][] = [
    ['/', {}, 200, undefined],
    ['/health', {}, 200, undefined],
    ['/connections', {}, 200, undefined],
    ['/nothing', {}, 404, 'not_found'],
    ['/health', { method: 'POST', body: 'x' }, 405, 'method_not_allowed', { allow: 'GET, HEAD' }],
    ['/connections', { method: 'PUT' }, 405, 'method_not_allowed', { allow: 'GET, HEAD' }],
    ['/connections/x', {}, 405, 'method_not_allowed', { allow: 'DELETE' }],
    ['/connections/x', { method: 'DELETE' }, 404, 'not_found'],
    ['/connections?size=1', {}, 400, 'bad_request'],
    ['/connections?label=x', {}, 400, 'bad_request'],
    ['/connections?tunnel_id=x', {}, 400, 'invalid_tunnel_id'],
    ['/ws', {}, 426, 'unsupported_protocol', { upgrade: 'websocket', 'sec-websocket-protocol': 'gw.v1' }],
    ['/forward', { method: 'TRACE' }, 405, 'method_not_allowed'],
    ['/forward', { headers: { 'gw-policy': 'best' } }, 400, 'invalid_selector'],
    ['/forward', { headers: { 'gw-hold': 'soon' } }, 400, 'bad_request'],
    ['/forward', { headers: { 'gw-response-timeout': '-1' } }, 400, 'bad_request'],
    ['/forward', { headers: { 'gw-idle-timeout': 'x' } }, 400, 'bad_request'],
    ['/forward', { headers: { 'gw-tunnel-id': 'x' } }, 400, 'invalid_tunnel_id'],
    ['/forward', { headers: { 'content-length': '5', 'transfer-encoding': 'chunked' } }, 400, undefined],
    ['/forward', { headers: { 'x-big': 'x'.repeat(17_000) } }, 431, 'head_too_large'],
    ['/forward?purpose=none', {}, 503, 'no_agent', { 'retry-after': '1' }],
    ['/t/none/', {}, 503, 'no_agent', { 'retry-after': '1' }],
    ['/t/www/', {}, 400, 'invalid_tunnel_id'],
    ['/forward', {}, 200, undefined, { 'gw-tunnel-id': agent.tunnelId }],
  ]
  for (const [path, asked, status, code, more = {}] of cases) {
    const title = `${asked.method ?? 'GET'} ${path} ${JSON.stringify(asked.headers ?? '')}`
    const answer = await call(`${site.url}${path}`, asked)
    t.match(answer, { status, code, headers: more }, title)
    if (code !== undefined) {
      const problem = JSON.parse(answer.body) as Record<string, unknown>
      t.match(
        problem,
        {
          type: `urn:gw:problem:${code}`,
          status,
          code,
          title: String,
          detail: String,
          request_id: answer.headers['gw-request-id'],
        },
        title,
      )
    }
    if (status !== 400 || code !== undefined) t.match(answer.headers['gw-request-id'], UUID, title)
  }
  const json = async (path: string) => JSON.parse((await call(`${site.url}${path}`)).body) as unknown
  t.match(await json('/'), {
    status: 'ok',
    service: 'gw-gateway',
    version: /^\d/,
    uptime_s: Number,
    agents_connected: 1,
  })
  t.match(await json('/health'), {
    status: 'healthy',
    version: /^\d/,
    agents_connected: 1,
    sessions_active: 0,
  })
  for (const path of ['/', '/health', '/connections']) {
    const [get, head] = [
      await call(`${site.url}${path}`),
      await call(`${site.url}${path}`, { method: 'HEAD' }),
    ]
    t.same(
      [head.status, head.body, head.headers['content-type']],
      [200, '', get.headers['content-type']],
      path,
    )
    t.ok(Number(head.headers['content-length']) > 0)
  }
})

t.test('browsers get a page', async (t) => {
  const site = await startGateway(t)
  const page = await call(`${site.url}/forward`, { headers: { accept: 'text/html,*/*' } })
  t.match(page, { status: 503, headers: { 'content-type': 'text/html; charset=utf-8', 'retry-after': '1' } })
  t.match(page.body, page.headers['gw-request-id'] as string)
  t.match(page.body, 'no_agent')
  const head = await call(`${site.url}/forward`, { method: 'HEAD', headers: { accept: 'text/html' } })
  t.match(head, { status: 503, body: '' })
})

t.test('what the agent sees, by each way to it', async (t) => {
  const site = await startGateway(t, { domain: ['gw.test', 'deep.gw.test'] })
  const agent = await site.agent({ serve: echo, name: 'shop', labels: ['region', 'eu'] })
  const { tunnelId } = agent
  const host = `prod-${tunnelId.slice(6, 42)}.gw.test`
  const cases: [path: string, headers: Record<string, string>, target: string, prefix?: string][] = [
    ['/forward', {}, '/'],
    ['/forward/a/b?x=1&purpose=prod&labels=region%3Deu&policy=first', {}, '/a/b?x=1'],
    ['/forward//a/../%2e%2F;x?', { 'gw-purpose': 'prod' }, '//a/../%2e%2F;x?'],
    ['/forward?purpose=other', { 'gw-name': 'shop' }, '/?purpose=other'],
    [`/t/${tunnelId}`, {}, '/', `/t/${tunnelId}`],
    [`/t/${tunnelId}/a?tunnel_id=x`, {}, '/a?tunnel_id=x', `/t/${tunnelId}`],
    ['/t/shop/', {}, '/', '/t/shop'],
    ['/health?a=1', { host }, '/health?a=1'],
    ['/', { host: 'SHOP.gw.test.' }, '/'],
    ['/', { host: 'shop.deep.gw.test:80' }, '/'],
  ]
  for (const [path, headers, target, prefix] of cases) {
    const answer = await call(`${site.url}${path}`, { headers })
    const { target: seen, headers: sent } = told(answer)
    t.equal(seen, target, `${path} ${headers.host ?? ''}`)
    t.equal(
      sent[sent.indexOf('x-forwarded-prefix') + 1] === prefix ||
        (prefix === undefined && !sent.includes('x-forwarded-prefix')),
      true,
    )
    t.notOk(sent.some((name, i) => i % 2 === 0 && name.startsWith('gw-') && name !== 'gw-request-id'))
    t.equal(answer.headers['gw-tunnel-id'], tunnelId)
  }
  t.match(await call(`${site.url}/`, { headers: { host: 'a.b.gw.test' } }), { code: 'not_found' })
  t.match(await call(`${site.url}/`, { headers: { host: 'other.gw.test' } }), { code: 'no_agent' })
  const odd = await call(`${site.url}/forward`, {
    method: 'REPORT',
    body: 'what',
    headers: {
      te: 'trailers',
      connection: 'close, x-hop',
      'x-hop': '1',
      'x-own': 'caf\xe9s',
      'x-forwarded-for': '1.1.1.1',
    },
  })
  const { method, body, headers } = told(odd)
  t.same([method, body], ['REPORT', 'what'])
  t.same(
    ['te', 'connection', 'x-hop'].filter((name) => headers.includes(name)),
    [],
  )
  t.equal(headers[headers.indexOf('x-own') + 1], 'caf\xe9s')
  t.equal(headers[headers.indexOf('x-forwarded-for') + 1], '127.0.0.1')
  t.equal(headers[headers.indexOf('x-forwarded-port') + 1], String(site.port))
})

t.test('the real answer goes back', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const asked = call(`${site.url}/forward`)
  const exchange = await agent.next()
  exchange.begin(
    418,
    [
      'set-cookie',
      'a=1',
      'set-cookie',
      'b=2',
      'location',
      '/x',
      'connection',
      'x-hop',
      'x-hop',
      '1',
      'gw-tunnel-id',
      'lie',
      'x-raw',
      'caf\u00e9',
    ],
    'a',
  )
  exchange.stream.write(Buffer.from('b'))
  exchange.stream.end()
  const answer = await asked
  t.match(answer, {
    status: 418,
    body: 'ab',
    complete: true,
    headers: {
      'set-cookie': ['a=1', 'b=2'],
      location: '/x',
      'x-hop': undefined,
      'gw-tunnel-id': agent.tunnelId,
      'x-raw': 'caf\u00e9',
    },
  })
  for (const [status, method] of [
    [204, 'GET'],
    [304, 'GET'],
    [200, 'HEAD'],
  ] as const) {
    const bare = call(`${site.url}/forward`, { method })
    ;(await agent.next()).respond(status, '', status === 204 ? [] : ['content-length', '7'])
    t.match(
      await bare,
      { status, body: '', headers: { 'content-length': status === 204 ? undefined : '7' } },
      `${method} ${status}`,
    )
  }
})
