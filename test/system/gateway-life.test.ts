/** A gateway from its ready line to its end, and what it leaves of each request. */

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { RawCaller } from '../helpers/engine-rig.js'
import type { RawExchange } from '../helpers/raw-agent.js'
import { type Answer, answerOf, ask, call, settled, spawnGateway, startGateway } from '../helpers/tunnel.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Tells what it was asked. */
const echo = (exchange: RawExchange): void => {
  void exchange.whole().then(() => {
    const { method, target, headers } = exchange.open
    exchange.respond(200, JSON.stringify({ method, target, headers, body: exchange.body }))
  })
}

t.test('an interim answer ends at the gateway', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const asked = call(`${site.url}/forward`)
  const exchange = await agent.next()
  exchange.stream.head({ status: 103, reason: null, headers: ['link', 'x'], body: null, end: false })
  exchange.respond(200, 'ok')
  t.match(await asked, { status: 200, body: 'ok' })
})

t.test("the caller's request id is used, except while it is in flight", async (t) => {
  const site = await startGateway(t, { inspect: false })
  const agent = await site.agent()
  const id = randomUUID()
  const ids = async (asked: Promise<Answer>) => {
    const exchange = await agent.next()
    exchange.respond()
    return [exchange.field('gw-request-id'), (await asked).headers['gw-request-id']]
  }
  const with_ = (value: string) => call(`${site.url}/forward`, { headers: { 'gw-request-id': value } })
  t.same(await ids(with_(id)), [id, id])
  const first = with_(id)
  const held = await agent.next()
  const [sent, echoed] = await ids(with_(id))
  t.equal(sent, echoed)
  t.not(sent, id)
  held.respond()
  t.equal((await first).headers['gw-request-id'], id)
  t.same(await ids(with_(id)), [id, id], 'free again')
  for (const junk of ['x', `${id}0`, '{}']) t.match(await ids(with_(junk)), [UUID, UUID], junk)
  t.equal((await call(`${site.url}/`, { headers: { 'gw-request-id': id } })).headers['gw-request-id'], id)
  t.equal((await call(`${site.url}/x`, { headers: { 'gw-request-id': id } })).headers['gw-request-id'], id)
})

t.test('each request leaves one access line', async (t) => {
  const site = await startGateway(t)
  await site.agent({ serve: echo })
  for (const path of ['/forward/a?private=1', '/health?private=1', '/x?private=1', '/connections'])
    await call(`${site.url}${path}`)
  await call(`${site.url}/ws`)
  const lines = site.log.lines.filter(({ msg }) => msg === 'request')
  t.match(lines, [
    { path: '/forward/a', status: 200, route: 'forward', method: 'GET', remote_address: '127.0.0.1' },
    { path: '/health', status: 200 },
    { path: '/x', status: 404, code: 'not_found' },
    { path: '/connections', status: 200 },
    { path: '/ws', status: 426, code: 'unsupported_protocol' },
  ])
  t.equal(lines.length, 5)
  t.notOk(JSON.stringify(site.log.lines).includes('private'))
})

t.test('an ambiguous request ends its connection', async (t) => {
  const site = await startGateway(t)
  await site.agent({ serve: echo })
  const next = 'GET /health HTTP/1.1\r\nhost: a\r\n\r\n'
  const heads = [
    'POST /forward HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\nabcde',
    'POST /forward HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n',
    'GET /forward HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n',
    'POST /forward HTTP/1.1\r\nhost: a\r\ncontent_length: 5\r\n\r\n',
  ]
  for (const head of heads) {
    const title = head.split('\r\n').slice(2).join(' ')
    t.match(await new RawCaller(site.port).send(head).all(), /^HTTP\/1\.1 400 /, title)
    const both = await new RawCaller(site.port).send(head + next).all()
    t.notMatch(both, /HTTP\/1\.1 200/, title)
  }
})

t.test('while it drains the port answers 503, what is in flight finishes', async (t) => {
  const site = await startGateway(t, { hold: 60_000 })
  const agent = await site.agent()
  const inflight = call(`${site.url}/forward`)
  const exchange = await agent.next()
  const held = call(`${site.url}/forward?purpose=none`)
  await settled(site)
  const stopped = site.gateway.stop()
  t.match(await held, { status: 503, code: 'draining', headers: { 'retry-after': '1' } })
  t.match(await call(`${site.url}/forward`), { status: 503, code: 'draining' })
  const health = await call(`${site.url}/health`)
  t.match(JSON.parse(health.body), { status: 'draining' })
  t.equal(health.status, 503)
  if (agent.goAways.length === 0) await once(agent, 'goAway')
  exchange.begin(200, [], 'to the ')
  exchange.stream.write(Buffer.from('end'))
  exchange.stream.end()
  t.match(await inflight, { status: 200, body: 'to the end', complete: true })
  t.equal(await stopped, 0)
  t.equal((await agent.ended()).code, 1001)
})

t.test('what the drain timeout cuts is counted', async (t) => {
  const site = await startGateway(t, { drainTimeout: 50 })
  const agent = await site.agent()
  const begun = ask(`${site.url}/forward`)
  begun.end()
  ;(await agent.next()).begin(200, [], 'half')
  const answer = answerOf(begun)
  const waiting = call(`${site.url}/forward`)
  await agent.next()
  t.equal(await site.gateway.stop(), 2)
  t.match(await waiting, { status: 503, code: 'draining' })
  t.match(await answer, { status: 200, body: 'half', complete: false })
  t.match(await site.log.find({ msg: 'streams were cut by the drain timeout' }), { streams: 2 })
})

t.test('the process: its ready line, its exit codes', async (t) => {
  const one = await spawnGateway(t)
  t.match(await call(`${one.url}/health`), { status: 200 })
  one.child.kill('SIGTERM')
  t.equal(await one.exited, 0)
  const { RawAgent } = await import('../helpers/raw-agent.js')
  const two = await spawnGateway(t)
  const agent = await RawAgent.connect(two.url)
  const asked = call(`${two.url}/forward`).catch(() => undefined)
  await agent.next()
  two.child.kill('SIGINT')
  await once(agent, 'goAway')
  two.child.kill('SIGTERM')
  t.equal(await two.exited, 1, 'a second signal ends it at once')
  await asked
  const taken = await startGateway(t)
  await t.rejects(spawnGateway(t, '--port', String(taken.port)), { message: /ended with 1/ })
  await t.rejects(spawnGateway(t, '--ping-interval', '1ms'), { message: /ended with 2/ })
})
