/** How a caller's WebSocket handshake is answered: by the upstream's own answer, or by what kept it from one. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { ServerOptions } from 'ws'
import { listen } from '../helpers/agent-rig.js'
import { type RawAgent, ResetCode, tunnelId } from '../helpers/raw-agent.js'
import { accepted, dial, open, refused, socketSite } from '../helpers/socket-site.js'
import { answerOf, ask, call, settled } from '../helpers/tunnel.js'

type Verify = (info: { req: IncomingMessage }, answer: Answer) => void
type Answer = (take: boolean, status?: number, body?: string, headers?: Record<string, string>) => void

const verifying = (verifyClient: Verify): ServerOptions => ({ verifyClient }) as ServerOptions

/** An upstream whose every answer to a handshake is the test's. @returns its port, and how many it got. */
async function answering(t: Test, answer: (socket: Socket, request: IncomingMessage) => void) {
  const seen: IncomingMessage[] = []
  const server = createServer((_, response) => response.end('plain'))
  server.on('upgrade', (request, socket: Socket) => {
    seen.push(request)
    // Who does not read does not notice an end.
    socket.on('error', () => {}).resume()
    answer(socket, request)
  })
  return { port: await listen(t, server), seen }
}

t.test('the upstream chooses the subprotocol, or none', async (t) => {
  const site = await socketSite(t, {
    echo: true,
    upstream: { websocket: { handleProtocols: (offered) => offered.has('b') && 'b' } },
  })
  for (const [offered, chosen] of [
    [['a', 'b', 'c'], 'b'],
    [['b'], 'b'],
    [[], ''],
  ] as const) {
    const caller = await open(site.base, { protocols: [...offered] })
    t.equal(caller.socket.protocol, chosen)
    t.match(await caller.trip('hi'), { binary: false })
    caller.socket.close(1000)
  }
  // A client that offers some and gets none gives up by itself; what it was told is what counts.
  const socket = dial(site.base, { protocols: ['x', 'y'] })
  const [head] = (await once(socket, 'upgrade')) as [IncomingMessage]
  t.equal(head.statusCode, 101)
  t.notOk('sec-websocket-protocol' in head.headers)
  await site.quiet(t)
})

t.test("the fields of the upstream's 101 reach the caller", async (t) => {
  const site = await socketSite(t)
  site.upstream.websockets.on('headers', (headers) => {
    headers.push('Set-Cookie: a=1; Path=/', 'Set-Cookie: b=2', 'X-Room: one', 'Gw-Tunnel-Id: mine')
  })
  const [caller] = await site.pair()
  const { headers } = caller.head
  t.same(headers['set-cookie'], ['a=1; Path=/', 'b=2'])
  t.equal(headers['x-room'], 'one')
  t.equal(headers['gw-tunnel-id'], site.tunnel.tunnelId)
  t.ok(headers['gw-request-id'])
  caller.socket.close(1000)
  await site.quiet(t)
})

t.test("the caller's fields reach the upstream", async (t) => {
  const site = await socketSite(t)
  const [caller] = await site.pair('/chat', {
    origin: 'https://elsewhere.test',
    headers: {
      cookie: 'a=1; b=2',
      authorization: 'Bearer x',
      'gw-hold': '1s',
      'x-forwarded-for': '203.0.113.1',
    },
  })
  const { headers } = site.upstream.requests[0]!
  t.match(headers, {
    origin: 'https://elsewhere.test',
    cookie: 'a=1; b=2',
    authorization: 'Bearer x',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-prefix': `/t/${site.tunnel.tunnelId}`,
    'gw-request-id': caller.head.headers['gw-request-id'],
  })
  t.notOk('gw-hold' in headers)
  caller.socket.close(1000)
  await site.quiet(t)
})

t.test("a refusal is the upstream's own", async (t) => {
  const site = await socketSite(t, {
    upstream: {
      websocket: verifying(({ req }, answer) =>
        answer(false, Number(req.url!.slice(1)), 'members only', { 'x-why': 'none of them' }),
      ),
    },
  })
  for (const status of [401, 404, 426, 500, 503]) {
    const { status: seen, body, head, code } = await refused(dial(`${site.base}/${status}`))
    t.same([seen, body, code], [status, 'members only', undefined])
    t.match(head.headers, {
      'x-why': 'none of them',
      'gw-tunnel-id': site.tunnel.tunnelId,
      'gw-request-id': String,
    })
    t.ok(await site.log.find({ request_id: head.headers['gw-request-id'], status }))
  }
  await site.quiet(t)
})

t.test('a long refusal is streamed', async (t) => {
  let finish = () => {}
  const body = 'x'.repeat(300_000)
  const { port } = await answering(t, (socket) => {
    socket.write(
      `HTTP/1.1 500 Out of order\r\nContent-Length: ${body.length + 3}\r\nConnection: close\r\n\r\n${body}`,
    )
    finish = () => void socket.end('end')
  })
  const site = await socketSite(t, { agent: { forward: port } })
  const socket = dial(site.base)
  const [, head] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  t.equal(head.statusCode, 500)
  let size = 0
  head.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size === body.length) finish()
  })
  await once(head, 'end')
  t.equal(size, body.length + 3, 'the rest only came once the first was here')
  await site.quiet(t)
})

t.test('a caller is not accepted before the upstream has', async (t) => {
  let accept = () => {}
  const asked = new Promise<void>((resolve) => {
    accept = resolve
  })
  let answer: Answer | undefined
  const site = await socketSite(t, {
    echo: true,
    upstream: {
      websocket: verifying((_, given) => {
        answer = given
        accept()
      }),
    },
  })
  const socket = dial(site.base)
  await asked
  await settled(site)
  await call(site.base)
  t.equal(socket.readyState, 0, 'it waits')
  const caller = accepted(socket)
  answer!(true)
  t.match(await (await caller).trip('hi'), { binary: false })
  socket.close(1000)
  await site.quiet(t)
})

t.test('an upstream that breaks the handshake is a 502', async (t) => {
  const lines = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
  for (const [name, answer] of [
    ['no accept', `${lines}\r\n`],
    ['another accept', `${lines}Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`],
    ['no HTTP', 'what?\r\n\r\n'],
    ['hangs up', ''],
  ] as const) {
    const { port, seen } = await answering(t, (socket) => socket.end(answer))
    const site = await socketSite(t, { agent: { forward: port } })
    await site.join({ forward: port, tunnelId: site.tunnel.tunnelId })
    t.match(await refused(dial(site.base)), { status: 502, code: 'agent_error' }, name)
    t.equal(seen.length, 1, 'an upgrade that was sent is not sent again')
    await site.quiet(t)
  }
})

t.test('an upgrade that was sent is not repeated when its agent goes', async (t) => {
  const first = await answering(t, () => {})
  const second = await answering(t, () => {})
  const site = await socketSite(t, { agent: { forward: first.port }, gateway: { policy: 'first' } })
  await site.join({ forward: second.port, tunnelId: site.tunnel.tunnelId })
  const answer = refused(dial(site.base))
  while (first.seen.length === 0) await call(site.base)
  site.tunnel.destroy()
  t.match(await answer, { status: 502, code: 'agent_disconnected' })
  t.equal(first.seen.length + second.seen.length, 1)
  await site.quiet(t)
})

t.test('an upgrade that no upstream got moves to a replica', async (t) => {
  const site = await socketSite(t, {
    echo: true,
    gateway: { policy: 'first' },
    // Nobody listens there.
    agent: { forward: 1, tunnelId: tunnelId() },
  })
  const socket = dial(site.base)
  t.match(await refused(socket), { status: 502, code: 'upstream_unreachable' })
  await site.join({ tunnelId: site.tunnel.tunnelId })
  const caller = await open(site.base)
  t.match(await caller.trip('hi'), { binary: false })
  t.equal(site.upstream.requests.length, 1)
  t.match(await site.log.find({ msg: 'exchange moved to another instance' }), {
    code: 'upstream_unreachable',
  })
  caller.socket.close(1000)
  await site.quiet(t)
})

t.test('an agent that refuses', async (t) => {
  const site = await socketSite(t, { echo: true, gateway: { policy: 'first' } })
  const id = tunnelId()
  const full = await site.agent({
    tunnelId: id,
    serve: (exchange) => exchange.refuse(ResetCode.refused, 'full'),
  })
  const base = `${site.url}/t/${id}`
  t.match(await refused(dial(base)), { status: 503, code: 'overloaded' }, 'alone')
  const other = await site.join({ tunnelId: id })
  const caller = await open(base)
  t.match(await caller.trip('hi'), { binary: false }, 'there is another')
  t.equal(site.upstream.requests.length, 1)
  caller.socket.close(1000)
  await full.kill()
  await site.quiet(t)
  t.equal(other.inFlight, 0)
})

t.test('an agent without a free place', async (t) => {
  const site = await socketSite(t, {
    echo: true,
    agent: { maxConcurrent: 1 },
    gateway: { queueTimeout: 100 },
  })
  const first = await open(site.base)
  t.match(await refused(dial(site.base)), { status: 503, code: 'overloaded' })
  const waiting = open(site.base)
  await settled(site)
  first.socket.close(1000)
  t.match(await (await waiting).trip('hi'), { binary: false }, 'the place is free again')
  ;(await waiting).socket.close(1000)
  await site.quiet(t)
})

t.test('without an agent', async (t) => {
  const site = await socketSite(t, { echo: true })
  const id = tunnelId()
  const { status, code, head, body } = await refused(dial(`${site.url}/t/${id}`))
  t.same([status, code, head.headers['retry-after']], [503, 'no_agent', '1'])
  t.equal(JSON.parse(body).request_id, head.headers['gw-request-id'])
  const waiting = open(`${site.url}/t/${id}`, { headers: { 'gw-hold': '30s' } })
  await settled(site)
  await site.join({ tunnelId: id })
  const caller = await waiting
  t.match(await caller.trip('hi'), { binary: false }, 'held until one came')
  caller.socket.close(1000)
  await site.quiet(t)
})

t.test('an upstream that does not answer', async (t) => {
  const closed: Promise<unknown>[] = []
  const { port, seen } = await answering(t, (socket) => closed.push(once(socket, 'end')))
  const site = await socketSite(t, { agent: { forward: port } })
  const headers = { 'gw-response-timeout': '100ms' }
  t.match(await refused(dial(site.base, { headers })), { status: 504, code: 'response_timeout' })
  t.equal(seen.length, 1)
  await Promise.all(closed)
  await site.quiet(t)
})

t.test('a caller that leaves during the handshake', async (t) => {
  const left: Promise<unknown>[] = []
  const { port, seen } = await answering(t, (socket) => left.push(once(socket, 'end')))
  const site = await socketSite(t, { agent: { forward: port } })
  const socket = dial(site.base)
  while (seen.length === 0) await call(site.base)
  socket.terminate()
  t.match(await site.log.find({ code: 'aborted' }), { status: 0 })
  await Promise.all(left)
  t.equal(left.length, 1, "the upstream's connection ended")

  const held = dial(`${site.url}/t/${tunnelId()}`, { headers: { 'gw-hold': '30s' } })
  await settled(site)
  held.terminate()
  while (site.log.lines.filter(({ code }) => code === 'aborted').length < 2) await once(site.log, 'line')
  await site.quiet(t)
})

t.test('what is no handshake is an ordinary request', async (t) => {
  const site = await socketSite(t)
  const good = {
    connection: 'keep-alive, Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  }
  const bad: [name: string, method: string, headers: Record<string, string | undefined>][] = [
    ['version 8', 'GET', { ...good, 'sec-websocket-version': '8' }],
    ['no version', 'GET', { ...good, 'sec-websocket-version': undefined }],
    ['no key', 'GET', { ...good, 'sec-websocket-key': undefined }],
    ['a short key', 'GET', { ...good, 'sec-websocket-key': 'abc=' }],
    ['a key that is none', 'GET', { ...good, 'sec-websocket-key': 'x'.repeat(24) }],
    ['POST', 'POST', { ...good, 'content-length': '0' }],
    ['another protocol', 'GET', { ...good, upgrade: 'h2c' }],
    ['no Upgrade', 'GET', { ...good, upgrade: undefined }],
    ['no Connection', 'GET', { ...good, connection: 'keep-alive' }],
  ]
  for (const [name, method, fields] of bad) {
    const headers = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
    const request = ask(site.base, { method, headers: headers as Record<string, string> })
    request.end()
    t.match(await answerOf(request), { status: 200, body: 'plain' }, name)
  }
  t.equal(site.upstream.requests.length, 0, 'the upstream saw no upgrade')
  await site.quiet(t)
})

t.test('an agent that accepts what was no upgrade', async (t) => {
  const site = await socketSite(t)
  const agent: RawAgent = await site.agent()
  const asked = call(`${site.url}/t/${agent.tunnelId}`)
  ;(await agent.next()).begin(101)
  t.match(await asked, { status: 502, code: 'agent_error' })
  await site.quiet(t)
})

t.test('a message right behind the handshake', async (t) => {
  const site = await socketSite(t)
  site.upstream.on('socket', (socket) => socket.send('welcome'))
  const [caller] = await site.pair()
  t.match(await caller.next(), { data: Buffer.from('welcome') })
  caller.socket.close(1000)
  await site.quiet(t)
})
