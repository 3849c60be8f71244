/** How agents come in, and how they are watched. */

import { randomUUID } from 'node:crypto'
import t from 'tap'
import { baseUrl } from '../../gateway/base-url.js'
import type { GatewayConfig } from '../../gateway/gateway.js'
import { Encoder } from '../../shared/codec.js'
import { type Frame, Kind } from '../../shared/frames.js'
import { shown, stream } from '../helpers/event-stream.js'
import { HELLO, linkUrl, ResetCode, refusal, tunnelId } from '../helpers/raw-agent.js'
import { GET } from '../helpers/tape.js'
import { call, startGateway } from '../helpers/tunnel.js'

t.test('a handshake is refused with a problem', async (t) => {
  const site = await startGateway(t)
  await site.agent({ name: 'shop' })
  const id = tunnelId()
  const cases: [url: string, protocols: string[], status: number, code: string][] = [
    [linkUrl(site.url, {}), ['gw.v1'], 400, 'invalid_tunnel_id'],
    [linkUrl(site.url, { tunnelId: 'agent_x_prod' }), ['gw.v1'], 400, 'invalid_tunnel_id'],
    [linkUrl(site.url, { tunnelId: id, instance: 'x' }), ['gw.v1'], 400, 'bad_request'],
    [linkUrl(site.url, { tunnelId: id, link: 64 }), ['gw.v1'], 400, 'bad_request'],
    [linkUrl(site.url, { tunnelId: id, name: 'www' }), ['gw.v1'], 400, 'bad_request'],
    [linkUrl(site.url, { tunnelId: id, name: 'shop' }), ['gw.v1'], 409, 'conflict'],
    [linkUrl(site.url, { tunnelId: id }), ['gw.v9'], 426, 'unsupported_protocol'],
    [linkUrl(site.url, { tunnelId: id }), [], 426, 'unsupported_protocol'],
    [linkUrl(site.url, { tunnelId: id }).replace('/ws', '/nothing'), ['gw.v1'], 404, 'not_found'],
  ]
  for (const [url, protocols, status, code] of cases) {
    const { headers, ...rest } = await refusal(url, protocols)
    t.same(rest, { status, code }, `${url.slice(url.indexOf('?'))} ${protocols}`)
    t.match(headers['gw-request-id'], /^[0-9a-f-]{36}$/)
    if (status === 426) t.match(headers, { upgrade: 'websocket', 'sec-websocket-protocol': 'gw.v1' })
  }
  const drained = site.gateway.stop()
  const late = await refusal(linkUrl(site.url, { tunnelId: id })).catch(() => undefined)
  if (late !== undefined) t.match(late, { status: 503, code: 'draining', headers: { 'retry-after': '1' } })
  await drained
})

t.test('an agent is told URLs that lead here', async (t) => {
  const told = async (options: GatewayConfig, host?: string): Promise<readonly string[]> => {
    const { agent, port } = await startGateway(t, {
      allowUnauthenticated: true,
      allowedHosts: ['gw.test'],
      ...options,
    })
    const { welcome, tunnelId } = await agent(host === undefined ? {} : { headers: { host } })
    return welcome!.urls.map((url) => url.replace(`:${port}/`, ':PORT/').replace(tunnelId, 'ID'))
  }
  t.same(await told({}), ['http://127.0.0.1:PORT/t/ID'])
  const publicUrl = 'https://gw.example.com/base'
  t.same(await told({ host: '0.0.0.0', publicUrl }), [`${publicUrl}/t/ID`])
  // The address that is listened on is none to go to: the one that was dialled is.
  t.same(await told({ host: '0.0.0.0' }, 'gw.test:81'), ['http://gw.test:81/t/ID'])
  t.same(await told({ host: '0.0.0.0' }), ['http://localhost:PORT/t/ID'], 'nor is it one to dial')
  const any = baseUrl(undefined, 'https://[::]:8443')
  t.same(
    [any('gw.example.com:8443'), any('['), any(`${'a'.repeat(300)}.com`), any()],
    ['https://gw.example.com:8443', ...Array(3).fill('https://localhost:8443')],
  )
  t.equal(baseUrl(undefined, 'http://[fe80::1%eth0]:80')('a'), 'http://[fe80::1%eth0]:80')
})

t.test('a link that breaks the protocol ends alone', async (t) => {
  const site = await startGateway(t)
  const good = await site.agent({ serve: (exchange) => exchange.respond() })
  const packed = (...frames: Frame[]): Buffer => {
    const encoder = new Encoder()
    for (const frame of frames) encoder.add(frame)
    return Buffer.from(encoder.take())
  }
  const open = { kind: Kind.open, id: 1, ...GET } as const
  const cases: [title: string, message: Buffer | string, code: number][] = [
    ['text', 'hello', 1003],
    ['no msgpack', Buffer.from([0xc1]), 4400],
    ['an empty message', Buffer.alloc(0), 4400],
    ['half a frame', packed({ kind: Kind.ping, nonce: 100_000 }).subarray(0, 4), 4400],
    ['hello twice', packed(HELLO), 4400],
    ['an opened stream', packed(open), 4400],
    [
      'a head before any stream',
      packed({ kind: Kind.head, id: 1, status: 200, reason: null, headers: [], body: null, end: true }),
      4400,
    ],
    ['a status below 100', Buffer.from([0x97, 7, 1, 99, 0xc0, 0x90, 0xc0, 0xc3]), 4400],
    ['too large a message', Buffer.alloc(300 * 1024), 1006],
  ]
  for (const [title, message, code] of cases) {
    const agent = await site.agent()
    agent.raw(message)
    const ended = await agent.ended()
    t.ok(
      ended.code === code || (code === 1006 && ended.code === 1009),
      `${title}: ${ended.code} ${ended.reason}`,
    )
    t.match(await call(`${site.url}/t/${good.tunnelId}`), { status: 200 }, title)
  }
  t.equal((await shown(site)).count, 1)
})

t.test('a link that says no hello ends alone', async (t) => {
  const site = await startGateway(t, { helloTimeout: 1000 })
  const good = await site.agent({ serve: (exchange) => exchange.respond() })
  const silent = await site.agent({ hello: false })
  t.equal((await silent.ended()).code, 4408)
  t.match(await call(`${site.url}/t/${good.tunnelId}`), { status: 200 })
})

t.test('a link that resets streams which are over ends', async (t) => {
  const site = await startGateway(t, { maxResets: 10 })
  const agent = await site.agent({ serve: (exchange) => exchange.respond() })
  await call(`${site.url}/forward`)
  agent.send(
    ...Array.from(
      { length: 11 },
      () => ({ kind: Kind.reset, id: 1, code: ResetCode.failed, message: '' }) as const,
    ),
  )
  t.equal((await agent.ended()).code, 1008)
})

t.test('a silent agent is shown unresponsive, then is gone', async (t) => {
  const site = await startGateway(t, { pingInterval: 100, pingTimeout: 2000, queueTimeout: 10_000 })
  const agent = await site.agent({ serve: (exchange) => exchange.respond() })
  const events = await stream(site)
  t.equal((await events.next()).event, 'snapshot')
  agent.mute = true
  t.match(await events.until('changed'), { state: 'unresponsive' })
  const waiting = call(`${site.url}/forward`)
  const replica = await site.agent({
    tunnelId: agent.tunnelId,
    serve: (exchange) => exchange.respond(200, 'replica'),
  })
  t.match(await waiting, { status: 200, body: 'replica' }, 'ready ones go first')
  t.match(await events.until('disconnected'), { link_id: agent.linkId })
  t.same(
    (await shown(site)).connections.map(({ instance_id }) => instance_id),
    [replica.instance],
  )
  agent.mute = false
  await agent.ended()
})

t.test('an unresponsive agent that is heard again serves what waited', async (t) => {
  const site = await startGateway(t, { pingInterval: 100, pingTimeout: 2000 })
  const agent = await site.agent({ serve: (exchange) => exchange.respond() })
  const events = await stream(site)
  agent.mute = true
  await events.until('changed')
  const waiting = call(`${site.url}/forward`)
  agent.mute = false
  agent.send({ kind: Kind.pong, nonce: 0 })
  t.match(await waiting, { status: 200 })
})

t.test('the same tunnel id, instance and link number replaces its predecessor at once', async (t) => {
  const site = await startGateway(t)
  const instance = randomUUID()
  const id = tunnelId()
  const old = await site.agent({ tunnelId: id, instance })
  const get = call(`${site.url}/t/${id}/get`)
  const post = call(`${site.url}/t/${id}/post`, { method: 'POST', body: 'once' })
  for (let i = 0; i < 2; i++) await old.next()
  const next = await site.agent({ tunnelId: id, instance })
  t.equal((await old.ended()).code, 4409)
  const moved = await next.next()
  t.equal(moved.open.target, '/get')
  moved.respond(200, 'moved')
  t.match(await get, { status: 200, body: 'moved' })
  t.match(await post, { status: 502, code: 'agent_disconnected' })
  t.equal(next.pending, 0)
  t.same(
    (await shown(site)).connections.map(({ link_id }) => link_id),
    [next.linkId],
  )
  await site.agent({ tunnelId: id })
  await site.agent({ tunnelId: id, instance, link: 1 })
  t.equal((await shown(site)).count, 3)
})
