/** Proxied WebSockets: each side as fast as the other, bounds, many at once, and the whole way by a real gateway. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import { Agent } from '../../agent/index.js'
import { ResetCode } from '../../shared/frames.js'
import { ID, rig } from '../helpers/agent-rig.js'
import type { FakeLink } from '../helpers/fake-gateway.js'
import { FakeSocket } from '../helpers/fake-socket.js'
import { closed, SocketUpstream } from '../helpers/socket-upstream.js'
import { startGateway } from '../helpers/tunnel.js'

const MIB = 1024 * 1024
const PIECE = Buffer.alloc(64 * 1024, 'p')
const PIECES = 1024

/** Round trips of another socket: what was to move has moved. */
async function turns(link: FakeLink, count = 50): Promise<void> {
  const socket = await FakeSocket.open(link, { target: '/echo' })
  for (let i = 0; i < count; i++) {
    socket.send('turn')
    await socket.next()
  }
  socket.close(1000)
  await socket.ended()
}

async function echoing(t: Parameters<typeof SocketUpstream.start>[0]): Promise<SocketUpstream> {
  const upstream = await SocketUpstream.start(t)
  upstream.on('socket', (socket, request) => {
    if (request.url === '/echo') socket.on('message', (data, binary) => socket.send(data, { binary }))
  })
  return upstream
}

t.test('a caller that does not read holds its upstream back, and nobody else', async (t) => {
  const upstream = await echoing(t)
  const { link } = await rig(t, { forward: upstream.port })
  const [socket, server] = await Promise.all([FakeSocket.open(link, { hold: true }), upstream.socket()])
  let left = 0
  const flood = (): void => {
    if (left++ < PIECES) server.send(PIECE, flood)
  }
  flood()
  await turns(link)
  t.ok(socket.bytes <= 512 * 1024, `${socket.bytes} bytes came`)
  t.ok(left * PIECE.length < 24 * MIB, `${left} messages left the upstream`)
  socket.release()
  for (let i = 0; i < PIECES; i++) await socket.next()
  socket.close(1000)
  await socket.ended()
})

t.test('an upstream that does not read holds its caller back, and nobody else', async (t) => {
  const upstream = await echoing(t)
  const { link } = await rig(t, { forward: upstream.port })
  const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
  server.pause()
  let sent = 0
  const sending = (async () => {
    for (; sent < PIECES; sent++) await socket.sendPatiently(PIECE)
  })()
  await turns(link)
  t.ok(sent * PIECE.length < 24 * MIB, `${sent} messages were taken`)
  let seen = 0
  const all = new Promise<void>((resolve) => {
    server.on('message', () => {
      if (++seen === PIECES) resolve()
    })
  })
  server.resume()
  await Promise.all([sending, all])
})

t.test('a message larger than any window passes while nothing is complete', async (t) => {
  const upstream = await echoing(t)
  const { link } = await rig(t, { forward: upstream.port })
  const socket = await FakeSocket.open(link, { target: '/echo' })
  const large = Buffer.alloc(24 * MIB, 'l')
  await socket.sendPatiently(large)
  t.ok((await socket.next()).payload.equals(large))
})

t.test('bounds and broken frames', async (t) => {
  const upstream = await echoing(t)
  const { link, agent } = await rig(t, { forward: upstream.port })
  // The header of a message of 300 MiB says enough.
  const header = [0x82, 127, 0, 0, 0, 0, 0x12, 0xc0, 0, 0]
  await t.test('a message of the caller past the bound', async (t) => {
    const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
    const told = closed(server)
    socket.stream.write(Buffer.from(header))
    t.match(await socket.ended(), { code: 1009, reason: /268435456 bytes/ })
    t.match(await told, { code: 1009 })
  })
  await t.test('a message of the upstream past the bound', async (t) => {
    const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
    const told = closed(server)
    ;(server as unknown as { _socket: Socket })._socket.write(Buffer.from(header))
    t.match(await socket.ended(), { code: 1009, reason: /268435456 bytes/ })
    t.match(await told, { code: 1009 })
  })
  const faults: [name: string, bytes: number[]][] = [
    ['masked', [0x81, 0x81, 0, 0, 0, 0, 0x61]],
    ['a ping', [0x89, 0]],
    ['a reserved bit', [0xc1, 0]],
  ]
  for (const [name, bytes] of faults) {
    const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
    const told = closed(server)
    socket.stream.write(Buffer.from(bytes))
    t.match(await socket.ended(), { kind: 'peer', code: ResetCode.failed }, name)
    t.equal((await told).code, 1006)
  }
  const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
  const told = closed(server)
  socket.stream.end()
  t.match(await socket.ended(), { kind: 'peer', code: ResetCode.failed, message: /without a close frame/ })
  t.equal((await told).code, 1006)
  t.equal(agent.inFlight, 0)
})

t.test('a thousand sockets at once', async (t) => {
  const upstream = await SocketUpstream.echo(t)
  const { link, agent } = await rig(t, { forward: upstream.port, maxConcurrent: 1000 })
  const sockets = await Promise.all(Array.from({ length: 1000 }, () => FakeSocket.open(link)))
  t.equal(agent.inFlight, 1000)
  sockets.forEach((socket, i) => void socket.send(String(i)))
  const answers = await Promise.all(sockets.map(async (socket) => (await socket.next()).payload.toString()))
  t.ok(answers.every((text, i) => text === String(i)))
  for (const socket of sockets) socket.close(1000)
  await Promise.all(sockets.map((socket) => socket.ended()))
  t.equal(agent.inFlight, 0)
})

t.test('by way of a real gateway, over several links', async (t) => {
  const upstream = await SocketUpstream.echo(t)
  const site = await startGateway(t)
  const agent = new Agent({ gateway: site.url, tunnelId: ID, forward: upstream.port, links: 3 })
  t.teardown(() => agent.destroy())
  await agent.start()
  for (let i = 0; i < 3; i++) await site.log.find({ msg: 'agent connected', link: i })
  const sockets = Array.from(
    { length: 30 },
    () => new WebSocket(`${site.url}/t/${ID}/a?b`.replace('http', 'ws'), ['one']),
  )
  await Promise.all(sockets.map((socket) => once(socket, 'open')))
  const { connections } = (await (await fetch(`${site.url}/connections`)).json()) as {
    connections: { link: number; requests_total: number }[]
  }
  t.same(connections.map(({ link, requests_total: count }) => [link, count]).sort(), [
    [0, 10],
    [1, 10],
    [2, 10],
  ])
  const [socket, other, third] = sockets as [WebSocket, WebSocket, WebSocket]
  for (const message of ['text', Buffer.alloc(5 * MIB, 'b')]) {
    socket.send(message)
    const [data, binary] = await once(socket, 'message')
    t.ok(Buffer.from(message as string).equals(data))
    t.equal(binary, typeof message !== 'string')
  }
  const seen = closed(upstream.sockets[0]!)
  sockets[0]!.close(4001, 'bye')
  t.same(await closed(socket), { code: 4001, reason: 'bye' })
  await seen
  const told = Promise.all([closed(other), closed(third)])
  for (const server of upstream.sockets) server.close(4002, 'over')
  t.same(await told, [
    { code: 4002, reason: 'over' },
    { code: 4002, reason: 'over' },
  ])
  t.equal(upstream.requests[0]?.url, '/a?b')
})
