/** The handshake of a proxied WebSocket: what an upstream sees of it, and what becomes of its answers. */
import { once } from 'node:events'
import { createServer as createTcp, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { ResetCode } from '../../shared/frames.js'
import { folderOf, listen, rawUpstream, rig } from '../helpers/agent-rig.js'
import { CERTIFICATE } from '../helpers/certificate.js'
import { FakeSocket } from '../helpers/fake-socket.js'
import { SocketUpstream } from '../helpers/socket-upstream.js'

const OFFER = ['host', 'caller.test', 'sec-websocket-protocol']

t.test('the handshake that an upstream sees, and its answer', async (t) => {
  const upstream = await SocketUpstream.start(t, {
    websocket: { handleProtocols: (offered) => (offered.has('b') ? 'b' : false) },
  })
  upstream.websockets.on('headers', (headers) =>
    headers.push('Set-Cookie: a=1', 'Set-Cookie: b=2', 'X-Up: é', 'Keep-Alive: timeout=5'),
  )
  const { link } = await rig(t, { forward: upstream.port })
  const target = '/p/../q?z=%7e&&'
  const fields = [
    'x-a',
    '1',
    'x-a',
    '2',
    'cookie',
    'c=1',
    'connection',
    'x-b',
    'x-b',
    '2',
    'origin',
    'http://o',
  ]
  const headers = [...OFFER, 'a, b, b', ...fields, 'sec-websocket-key', 'theirs', 'content-length', '0']
  const socket = await FakeSocket.open(link, { target, headers })
  const { url, headers: seen } = upstream.requests[0]!
  t.equal(url, target)
  t.match(seen, {
    host: `localhost:${upstream.port}`,
    'sec-websocket-protocol': 'a,b',
    'x-a': '1, 2',
    cookie: 'c=1',
    origin: 'http://o',
    'sec-websocket-version': '13',
  })
  t.not(seen['sec-websocket-key'], 'theirs')
  for (const name of ['x-b', 'content-length', 'sec-websocket-extensions']) t.notOk(name in seen, name)
  t.same(socket.headers, [
    ...['set-cookie', 'a=1', 'set-cookie', 'b=2', 'x-up', Buffer.from('é').toString('latin1')],
    ...['sec-websocket-protocol', 'b'],
  ])

  const none = await FakeSocket.open(link, { headers: [...OFFER, 'c'] })
  t.equal(none.field('sec-websocket-protocol'), undefined, 'the upstream chose none')
  const broken = await new FakeSocket(link, { headers: [...OFFER, 'a b'] }).answered()
  t.equal(broken.status, 400, 'a subprotocol that is no token')
})

t.test('the Host that an upstream sees', async (t) => {
  const upstream = await SocketUpstream.start(t)
  for (const [hostHeader, host] of [
    ['rewrite', `localhost:${upstream.port}`],
    ['preserve', 'tunnel.test'],
    ['literal.test', 'literal.test'],
  ]) {
    const { link } = await rig(t, { forward: upstream.port, hostHeader })
    await FakeSocket.open(link)
    t.equal(upstream.requests.at(-1)?.headers.host, host)
  }
})

t.test('to a unix socket, to either family of localhost, by TLS', async (t) => {
  const path = join(folderOf('socket'), 'u.sock')
  await SocketUpstream.echo(t, { where: { path } })
  const secure = await SocketUpstream.echo(t, { tls: CERTIFICATE })
  const trusted = { ca: [CERTIFICATE.cert] }
  const six = await SocketUpstream.echo(t, { where: { host: '::1', port: 0, ipv6Only: true } }).catch(
    () => undefined,
  )
  const targets: [forward: string, upstreamTls?: object][] = [
    [`unix:${path}`],
    [`https://localhost:${secure.port}`, trusted],
    [`https://127.0.0.1:${secure.port}`, trusted],
    [`https://localhost:${secure.port}`, { insecure: true }],
    ...(six === undefined ? [] : ([[String(six.port)]] as [string][])),
  ]
  for (const [forward, upstreamTls] of targets) {
    const { link } = await rig(t, { forward, upstreamTls })
    const socket = await FakeSocket.open(link)
    socket.send('hi')
    t.match(await socket.next(), { payload: Buffer.from('hi') }, forward)
  }
  const { link } = await rig(t, { forward: `https://localhost:${secure.port}` })
  t.match(
    await new FakeSocket(link, {}).ended(),
    { code: ResetCode.unreachable },
    'a certificate nobody trusts',
  )
})

const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n'

t.test('upstreams that do not upgrade', async (t) => {
  await t.test('a refusal passes with its body', async (t) => {
    const body = 'x'.repeat(300_000)
    const head =
      'HTTP/1.1 401 Who Are You\r\nwww-authenticate: Basic\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n'
    for (const framing of [
      `content-length: ${body.length}\r\n\r\n${body}`,
      `connection: close\r\n\r\n${body}`,
    ]) {
      const port = await rawUpstream(t, head + framing, (socket) => void socket.end())
      const { link } = await rig(t, { forward: port })
      const socket = await new FakeSocket(link, {}).completed()
      t.equal(socket.status, 401)
      t.equal(socket.field('www-authenticate'), 'Basic')
      t.equal(socket.headers.filter((text) => text === 'set-cookie').length, 2)
      t.equal(socket.text, body)
    }
  })
  await t.test('a server without WebSockets', async (t) => {
    const port = await rawUpstream(t, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi', () => {})
    const { link } = await rig(t, { forward: port })
    t.match(await new FakeSocket(link, {}).completed(), { status: 200, text: 'hi' })
  })
  const faults: [name: string, answer: string][] = [
    ['closes without a word', ''],
    ['garbage', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['no accept', `${ACCEPTED}\r\n`],
    ['a wrong accept', `${ACCEPTED}sec-websocket-accept: bm8=\r\n\r\n`],
    ['no upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a head of 64 KiB', `HTTP/1.1 401 No\r\nx: ${'a'.repeat(65_536)}\r\n\r\n`],
    ['a refusal that is cut', 'HTTP/1.1 401 No\r\ncontent-length: 9\r\n\r\nhell'],
  ]
  for (const [name, answer] of faults) {
    const port = await rawUpstream(t, answer, (socket) => void socket.end())
    const { link } = await rig(t, { forward: port })
    const ended = await new FakeSocket(link, {}).ended()
    t.match(ended, { kind: 'peer', code: ResetCode.failed, message: /^upstream http:/ }, name)
  }
  const server = createTcp()
  const port = await listen(t, server)
  server.close()
  await once(server, 'close')
  for (const forward of [`127.0.0.1:${port}`, `localhost:${port}`, 'unix:/no/such/socket']) {
    const { link } = await rig(t, { forward })
    t.match(
      await new FakeSocket(link, {}).ended(),
      { code: ResetCode.unreachable, message: /upstream/ },
      forward,
    )
  }
})

t.test('a caller who leaves during the handshake', async (t) => {
  const server = createTcp()
  const { link, agent } = await rig(t, { forward: await listen(t, server) })
  const connected = once(server, 'connection')
  const socket = new FakeSocket(link, {})
  const [upstream] = (await connected) as [Socket]
  await once(upstream, 'data')
  const gone = once(upstream, 'close')
  socket.leave()
  await gone
  t.equal(agent.inFlight, 0)
  t.equal(socket.status, 0)
})
