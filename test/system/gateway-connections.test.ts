/** Who is shown to be connected, at once and as it changes. */

import t from 'tap'
import { shown, stream } from '../helpers/event-stream.js'
import { tunnelId } from '../helpers/raw-agent.js'
import { call, type Site, startGateway } from '../helpers/tunnel.js'

t.test('who is connected is shown with all its facts', async (t) => {
  const site = await startGateway(t)
  const id = tunnelId()
  const agent = await site.agent({
    tunnelId: id,
    name: 'shop',
    labels: ['region', 'eu'],
    weight: 7,
    maxConcurrent: 9,
    link: 3,
    serve: (exchange) => exchange.whole().then(() => exchange.respond(200, 'four')) as unknown as undefined,
  })
  await site.agent({ tunnelId: tunnelId('test') })
  await call(`${site.url}/t/shop`, { method: 'POST', body: 'seven..' })
  const { count, connections } = await shown(site, '?name=shop')
  t.equal(count, 1)
  t.match(connections[0], {
    link_id: agent.linkId,
    tunnel_id: id,
    agent_id: id.slice(6, 42),
    purpose: 'prod',
    instance_id: agent.instance,
    link: 3,
    name: 'shop',
    labels: { region: 'eu' },
    weight: 7,
    state: 'ready',
    remote_address: '127.0.0.1',
    connected_at: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
    last_seen_at: /Z$/,
    inflight: 0,
    max_concurrent: 9,
    requests_total: 1,
    errors_total: 0,
    bytes_in: 7,
    bytes_out: 4,
    latency_ms: { p50: Number, p99: Number },
    protocol: 'gw.v1',
    agent_version: '0.0.1',
    node: null,
  })
  const other = (await shown(site, '?purpose=test')).connections[0]!
  t.same(Object.keys(other), Object.keys(connections[0]!))
  t.match(other, { name: null, labels: {}, latency_ms: { p50: null, p99: null } })
  const filters: [query: string, count: number][] = [
    ['', 2],
    ['?purpose=prod', 1],
    ['?purpose=', 0],
    [`?tunnel_id=${id.replace(id.slice(6, 42), id.slice(6, 42).toUpperCase())}`, 1],
    ['?label=region=eu', 1],
    ['?label=region=us', 0],
    ['?label=region=eu&purpose=test', 0],
    ['?name=none', 0],
  ]
  for (const [query, expected] of filters) {
    const { count, connections } = await shown(site, query)
    t.same([count, connections.length], [expected, expected], query)
  }
})

t.test('the entity tag changes with links and their states, not with counters', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent({ serve: (exchange) => exchange.respond(200, 'x') })
  const get = (tag?: string, method = 'GET') =>
    call(`${site.url}/connections`, { method, headers: tag === undefined ? {} : { 'if-none-match': tag } })
  const tag = (await get()).headers.etag!
  t.match(tag, /^"[\w-]{22}"$/)
  await call(`${site.url}/forward`)
  for (const sent of [tag, `W/${tag}`, `"x", ${tag}`, '*'])
    t.match(await get(sent), { status: 304, body: '', headers: { etag: tag } }, sent)
  t.equal((await get(tag, 'HEAD')).status, 304)
  t.equal((await get('"x"')).status, 200)
  const second = await site.agent()
  const two = await get(tag)
  t.equal(two.status, 200)
  t.not(two.headers.etag, tag)
  const held = call(`${site.url}/t/${second.tunnelId}`)
  await second.next()
  await call(`${site.url}/connections/${second.linkId}?drain=1`, { method: 'DELETE' })
  t.equal((await get(two.headers.etag)).status, 200, 'it drains')
  await call(`${site.url}/connections/${second.linkId}`, { method: 'DELETE' })
  t.equal((await get()).headers.etag, tag)
  await held
  await agent.kill()
  await site.log.find({ msg: 'agent disconnected', link_id: agent.linkId })
  t.not((await get()).headers.etag, tag)
})

t.test('a link is closed, or drained, on request', async (t) => {
  const site = await startGateway(t)
  const [one, two] = [await site.agent(), await site.agent()]
  const del = (id: string, query = '') => call(`${site.url}/connections/${id}${query}`, { method: 'DELETE' })
  const lost = call(`${site.url}/t/${one.tunnelId}`, { method: 'POST' })
  await one.next()
  t.match(await del(one.linkId), { status: 200, body: '{"closed":true}\n' })
  t.equal((await one.ended()).code, 1001)
  t.match(await lost, { code: 'agent_disconnected' })
  t.match(await del(one.linkId), { status: 404, code: 'not_found' })
  const kept = call(`${site.url}/t/${two.tunnelId}`)
  const exchange = await two.next()
  t.match(await del(two.linkId, '?drain=2'), { status: 400, code: 'bad_request' })
  t.match(await del(two.linkId, '?drain=1'), { status: 202, body: '{"state":"draining"}\n' })
  t.equal((await shown(site)).connections[0]!.state, 'draining')
  t.match(await call(`${site.url}/t/${two.tunnelId}`), { code: 'no_agent' }, 'no match any more')
  exchange.respond(200, 'finished')
  t.match(await kept, { status: 200, body: 'finished' })
  t.equal((await two.ended()).code, 1001)
})

t.test('changes are streamed as events', async (t) => {
  const site = await startGateway(t)
  const first = await site.agent({ serve: (exchange) => exchange.respond(200, 'x') })
  const all = await stream(site)
  t.match(all.response, {
    statusCode: 200,
    headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' },
  })
  const snapshot = await all.next()
  t.match(snapshot, { event: 'snapshot', data: { count: 1, connections: [{ link_id: first.linkId }] } })
  const filtered = await stream(site, '?purpose=test')
  t.match(await filtered.next(), { event: 'snapshot', data: { count: 0, connections: [] } })
  const second = await site.agent({ tunnelId: tunnelId('test') })
  const connected = await all.next()
  t.match(connected, { event: 'connected', data: { link_id: second.linkId, state: 'ready' } })
  t.match(await filtered.next(), { event: 'connected', data: { link_id: second.linkId } })
  const started = performance.now()
  for (let i = 0; i < 5; i++) await call(`${site.url}/t/${first.tunnelId}`)
  let counters: Record<string, unknown>
  do counters = await all.until('changed')
  while (counters.requests_total !== 5)
  t.match(counters, { link_id: first.linkId, bytes_out: 5 })
  t.ok(performance.now() - started < 10_000)
  await call(`${site.url}/connections/${second.linkId}?drain=1`, { method: 'DELETE' })
  const gone = await filtered.until('disconnected')
  t.match(gone, { link_id: second.linkId })
  const last = await (async () => {
    for (;;) {
      const one = await all.next()
      t.ok(one.id > connected.id && connected.id > snapshot.id)
      if (one.event === 'disconnected') return one
    }
  })()
  t.match(last.data, { link_id: second.linkId })
  filtered.close()
  await site.gateway.stop()
  t.equal(await all.closed, true, 'the gateway ends it in form')
})

t.test('counters come at most once a second, and only where they moved', async (t) => {
  const busy = await startGateway(t, { pingInterval: 100, pingTimeout: 10_000 })
  const idle = await startGateway(t)
  await busy.agent({ serve: (exchange) => exchange.respond() })
  const [many, few] = [await count(busy), await count(idle)]
  await idle.agent()
  const stop = Date.now() + 2500
  while (Date.now() < stop) await call(`${busy.url}/forward`)
  t.ok(many() >= 1 && many() <= 3, `${many()} in 2.5 s, with a ping each 100 ms`)
  t.ok(few() <= 1, 'the round trip may be told once')
})

/** Counts the `changed` events of a gateway from now on. */
async function count(site: Site): Promise<() => number> {
  const events = await stream(site)
  await events.next()
  let changes = 0
  void (async () => {
    for (;;) {
      await events.until('changed')
      changes++
    }
  })()
  return () => changes
}
