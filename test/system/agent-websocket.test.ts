/** Proxied WebSockets, seen from the gateway and from an upstream that is a real server. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { ResetCode } from '../../shared/frames.js'
import { rig } from '../helpers/agent-rig.js'
import { FakeSocket } from '../helpers/fake-socket.js'
import { closed, SocketUpstream } from '../helpers/socket-upstream.js'

t.test('messages of every size come back as they were', async (t) => {
  const upstream = await SocketUpstream.echo(t)
  const { link } = await rig(t, { forward: upstream.port })
  t.same(link.hello?.capabilities, ['websocket'])
  const socket = await FakeSocket.open(link)
  for (const size of [0, 1, 125, 126, 16_383, 65_535, 65_536, 1024 * 1024, 16 * 1024 * 1024]) {
    const binary = Buffer.alloc(size, 'b\0ü')
    await socket.sendPatiently(binary)
    const echoed = await socket.next()
    t.ok(echoed.binary && echoed.payload.equals(binary), `${size} bytes`)
    await socket.sendPatiently('é'.repeat(size / 2))
    const text = await socket.next()
    t.ok(!text.binary && text.payload.toString() === 'é'.repeat(size / 2), `${size} bytes of text`)
  }
  const random = createHash('shake256', { outputLength: 300_000 }).digest()
  await socket.sendPatiently(random)
  t.ok((await socket.next()).payload.equals(random))
})

t.test('many small messages keep their order and boundaries', async (t) => {
  const upstream = await SocketUpstream.echo(t)
  const { link } = await rig(t, { forward: upstream.port })
  const socket = await FakeSocket.open(link)
  const count = 20_000
  const sending = (async () => {
    for (let i = 0; i < count; i++) await socket.sendPatiently(i % 2 === 0 ? String(i) : Buffer.from([i]))
  })()
  for (let i = 0; i < count; i++) {
    const { payload, binary } = await socket.next()
    const wanted = i % 2 === 0 ? payload.toString() === String(i) : payload[0] === i % 256
    if (!wanted || binary === (i % 2 === 0)) return t.fail(`message ${i} is ${payload}`)
  }
  await sending
  t.equal(socket.inbox.length, 0)
})

t.test('what an upstream sends in fragments is one message; its pings are answered here', async (t) => {
  const upstream = await SocketUpstream.start(t)
  const { link } = await rig(t, { forward: upstream.port })
  const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
  server.send('one ', { fin: false })
  server.send('two ', { fin: false })
  server.ping('are you there')
  const pong = once(server, 'pong')
  server.send('', { fin: false })
  server.send('three', { fin: true })
  t.match(await socket.next(), { payload: Buffer.from('one two three'), binary: false })
  t.equal(String((await pong)[0]), 'are you there')
})

t.test('close codes and reasons', async (t) => {
  const upstream = await SocketUpstream.start(t)
  const { link } = await rig(t, { forward: upstream.port })
  const cases: [code: number, reason: string][] = [
    [1000, ''],
    [1000, 'done'],
    [1001, 'going'],
    [1011, 'grüezi'],
    [3000, 'x'.repeat(123)],
    [4999, ''],
    [1005, ''],
  ]
  for (const [code, reason] of cases) {
    await t.test(`${code} ${reason.slice(0, 9)}`, async (t) => {
      const [first, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
      const told = closed(server)
      first.close(code, reason)
      t.same(await told, { code, reason }, 'from the caller')
      t.same(await first.ended(), { code, reason }, 'and the answer')

      const [second, other] = await Promise.all([FakeSocket.open(link), upstream.socket()])
      if (code === 1005) other.close()
      else other.close(code, reason)
      t.same(await second.ended(), { code, reason }, 'from the upstream')
    })
  }
})

t.test('messages on their way when a side closes arrive before its close', async (t) => {
  const upstream = await SocketUpstream.start(t)
  const { link } = await rig(t, { forward: upstream.port })
  const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
  const seen: string[] = []
  server.on('message', (data) => seen.push(String(data)))
  server.on('close', () => seen.push('close'))
  for (let i = 0; i < 3; i++) socket.send(String(i))
  server.send('late')
  const told = closed(server)
  socket.close(1000)
  await told
  t.same(seen, ['0', '1', '2', 'close'])
  t.match(await socket.next(), { payload: Buffer.from('late') })
})

t.test('abrupt ends', async (t) => {
  const upstream = await SocketUpstream.start(t)
  const { link, agent } = await rig(t, { forward: upstream.port })
  await t.test('of the caller', async (t) => {
    const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
    const told = closed(server)
    socket.leave()
    t.equal((await told).code, 1006)
    t.equal(agent.inFlight, 0)
  })
  await t.test('of the link', async (t) => {
    const { link } = await rig(t, { forward: upstream.port })
    const [, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
    const told = closed(server)
    link.websocket.terminate()
    t.equal((await told).code, 1006)
  })
  await t.test('of the upstream', async (t) => {
    const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
    server.terminate()
    t.match(await socket.ended(), { kind: 'peer', code: ResetCode.failed, message: /without a close frame/ })
  })
  await t.test('of an upstream that breaks the protocol', async (t) => {
    for (const [name, bytes] of [
      ['a reserved bit', [0xc1, 0x00]],
      ['masked', [0x81, 0x81, 0, 0, 0, 0, 0x61]],
      ['no UTF-8', [0x81, 0x01, 0xff]],
      ['an unknown opcode', [0x83, 0x00]],
    ] as const) {
      const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
      ;(server as unknown as { _socket: Socket })._socket.write(Buffer.from(bytes))
      t.match(await socket.ended(), { kind: 'peer', code: ResetCode.failed }, name)
    }
  })
  await t.test('of an upstream that hangs up at a close frame', async (t) => {
    const [socket, server] = await Promise.all([FakeSocket.open(link), upstream.socket()])
    const tcp = (server as unknown as { _socket: Socket })._socket
    tcp.removeAllListeners('data').once('data', () => tcp.destroy())
    socket.close(4000, 'bye')
    t.same(await socket.ended(), { code: 4000, reason: 'bye' }, 'the caller has its own code back')
  })
  t.equal(link.closed, undefined, 'the link lives')
})
