/** Callers' WebSockets under strain: sizes, slow ends, silence, and agents that break the protocol. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { WebSocket } from 'ws'
import { closeFrame, messageFrame } from '../../shared/message-frames.js'
import { engineOf, limited } from '../fidelity/limits.js'
import type { RawExchange } from '../helpers/raw-agent.js'
import {
  type Caller,
  connections,
  open,
  type Peer,
  type SocketSite,
  socketSite,
} from '../helpers/socket-site.js'

const MIB = 1024 * 1024

/** Frames masked with zeros. */
const FRAME = { hi: [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69], ping: [0x89, 0x80, 0, 0, 0, 0] }

/** A caller's connection behind its 101, from which on nobody answers. */
async function rawCaller(t: Test, site: SocketSite): Promise<Socket> {
  const raw = connect({ port: site.port, host: '127.0.0.1' })
  t.teardown(() => raw.destroy())
  raw.on('error', () => {})
  raw.write(
    `GET /t/${site.tunnel.tunnelId} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  const [answer] = (await once(raw, 'data')) as [Buffer]
  t.match(answer.toString('latin1'), /^HTTP\/1\.1 101 /)
  return raw
}

const echoing = ({ socket }: Peer): void =>
  void socket.on('message', (data, binary) => socket.send(data, { binary }))

const sent = (socket: WebSocket, data: Buffer): Promise<boolean> =>
  new Promise((resolve) => socket.send(data, (error) => resolve(error == null)))

t.test('a message of exactly the most, and one past it', async (t) => {
  const most = 100_000
  const site = await socketSite(t, { echo: true, gateway: { maxMessage: most } })
  const reason = (who: string) => `a message of the ${who} has more than ${most} bytes`
  const fits = Buffer.alloc(most)
  for (const size of [most + 1, 2 * most, 2 * most + MIB]) {
    const [caller, upstream] = await site.pair()
    t.equal((await caller.trip(fits)).data.length, most)
    caller.socket.send(Buffer.alloc(size))
    t.same(await caller.ended, { code: 1009, reason: reason('caller') }, `${size} bytes`)
    t.same(await upstream.ended, { code: 1009, reason: reason('caller') })
    t.equal(upstream.inbox.length, 1, 'the upstream saw nothing of it')
  }
  const [caller, upstream] = await site.pair()
  caller.socket.send(Buffer.alloc(2 * most + MIB + 1))
  const engine = await engineOf(site.log)
  const code = limited(engine, 'large-message') ? 1006 : 1009
  t.equal((await caller.ended).code, code, 'the engine cuts what it does not take')
  t.equal((await upstream.ended).code, 1006)
  for (const size of [most + 1, 5 * MIB]) {
    const [caller, upstream] = await site.pair()
    upstream.socket.send(fits)
    upstream.socket.send(Buffer.alloc(size))
    t.same(await upstream.ended, { code: 1009, reason: reason('upstream') }, `${size} bytes`)
    t.same(await caller.ended, { code: 1009, reason: reason('upstream') })
    t.same(
      caller.inbox.map(({ data }) => data.length),
      [most],
    )
  }
  await site.quiet(t)
  const lines = site.log.lines.filter(({ code }) => code === 'payload_too_large')
  t.equal(lines.length, 5)
  t.ok(lines.every(({ status }) => status === 101))
})

t.test('many fragments count together', async (t) => {
  const site = await socketSite(t, { gateway: { maxMessage: 1000 } })
  const [caller] = await site.pair()
  for (let i = 0; i < 11; i++) caller.socket.send(Buffer.alloc(100), { fin: i === 10 })
  t.equal((await caller.ended).code, 1009)
  const [other, upstream] = await site.pair()
  for (let i = 0; i < 10; i++) upstream.socket.send(Buffer.alloc(100), { fin: i === 9 })
  t.equal((await other.next()).data.length, 1000)
  for (let i = 0; i < 11; i++) upstream.socket.send(Buffer.alloc(100), { fin: false })
  upstream.socket.send('', { fin: true })
  t.equal((await other.ended).code, 1009)
  await site.quiet(t)
})

t.test('without a bound any message passes', async (t) => {
  const site = await socketSite(t, { echo: true, gateway: { maxMessage: 0 } })
  const [caller] = await site.pair()
  t.equal((await caller.trip(Buffer.alloc(40 * MIB))).data.length, 40 * MIB)
  caller.socket.close(1000)
  await site.quiet(t)
})

/** Round trips of another socket on the same link until `amount` has stood still for many of them. */
async function still(other: Caller, amount: () => number): Promise<number> {
  for (let last = amount(), same = 0; same < 30; ) {
    await other.trip('and you?')
    const now = amount()
    same = now === last ? same + 1 : 0
    last = now
  }
  return amount()
}

t.test('a caller that does not read holds its upstream back, and nobody else', async (t) => {
  const site = await socketSite(t, { gateway: { maxMessage: MIB } })
  const [slow, upstream] = await site.pair()
  const [other, echo] = await site.pair()
  echoing(echo)
  slow.socket.pause()
  const count = 96
  const message = Buffer.alloc(MIB, 'x')
  for (let i = 0; i < count; i++) upstream.socket.send(message)
  const waits = await still(other, () => upstream.socket.bufferedAmount)
  // A window, what sockets buffer, and a message in the making on each hop.
  const passed = count - waits / MIB
  t.ok(passed < 48, `${Math.round(passed)} of ${count} MiB have left the upstream`)
  t.ok(waits > 0)
  slow.socket.resume()
  for (let i = 0; i < count; i++) {
    const { data, binary } = await slow.next()
    if (!binary || data.length !== MIB) return t.fail(`message ${i} has ${data.length} bytes`)
  }
  slow.socket.close(1000)
  other.socket.close(1000)
  await site.quiet(t)
})

t.test('an upstream that does not read costs its caller the socket, and nobody else', async (t) => {
  const most = 64 * 1024
  const site = await socketSite(t, { gateway: { maxMessage: most } })
  const [caller, upstream] = await site.pair()
  const [other, echo] = await site.pair()
  echoing(echo)
  upstream.socket.pause()
  const message = Buffer.alloc(most)
  let taken = 0
  while (taken < 100 * MIB && (await sent(caller.socket, message))) taken += most
  t.same(await caller.ended, { code: 1013, reason: 'the upstream does not keep up' })
  t.ok(taken < 64 * MIB, `${Math.round(taken / MIB)} MiB were taken`)
  t.match(await site.log.find({ code: 'overloaded' }), { status: 101 })
  t.match(await other.trip('and you?'), { binary: false })
  upstream.socket.resume()
  t.equal((await upstream.ended).code, 1006)
  other.socket.close(1000)
  await site.quiet(t)
})

t.test('a message of the caller that waits arrives once the upstream reads', async (t) => {
  const site = await socketSite(t)
  const [caller, upstream] = await site.pair()
  upstream.socket.pause()
  const message = Buffer.alloc(MIB)
  for (let i = 0; i < 15; i++) await sent(caller.socket, message)
  caller.socket.close(4000)
  upstream.socket.resume()
  t.equal((await upstream.ended).code, 4000)
  t.equal(upstream.inbox.length, 15)
  await site.quiet(t)
})

t.test('pings keep a quiet socket alive', async (t) => {
  const site = await socketSite(t, {
    echo: true,
    gateway: { pingInterval: 100, pingTimeout: 5000, idleTimeout: 1000 },
  })
  const caller = await open(site.base)
  const started = performance.now()
  while (performance.now() - started < 1500) await once(caller.socket, 'ping')
  t.match(await caller.trip('still here'), { data: Buffer.from('still here') })
  caller.socket.close(1000)
  await site.quiet(t)
})

t.test('a caller that answers no ping is cut', async (t) => {
  const site = await socketSite(t, { gateway: { pingInterval: 200, pingTimeout: 200 } })
  const behind = site.upstream.socket()
  const raw = await rawCaller(t, site)
  const started = performance.now()
  const upstream = await behind
  const ended = once(upstream, 'close')
  const pings: Buffer[] = []
  raw.on('data', (data: Buffer) => pings.push(data))
  await once(raw, 'close')
  const took = performance.now() - started
  t.ok(took > 350, `after ${took} ms`)
  t.match(Buffer.concat(pings).toString('hex'), /^(?:8900)+$/, 'it was asked before')
  t.equal((await ended)[0], 1006)
  t.match(await site.log.find({ code: 'aborted' }), { status: 101 })
  await site.quiet(t)
})

t.test('what a caller sends counts as a sign of life', async (t) => {
  const site = await socketSite(t, { gateway: { pingInterval: 100, pingTimeout: 1500 } })
  const behind = site.upstream.socket()
  const raw = await rawCaller(t, site)
  const upstream = await behind
  // It answers no ping, but speaks at each.
  raw.on('data', () => raw.write(Buffer.from(FRAME.hi)))
  const started = performance.now()
  while (performance.now() - started < 1800) t.equal(String((await once(upstream, 'message'))[0]), 'hi')
  raw.destroy()
  t.equal((await once(upstream, 'close'))[0], 1006)
  await site.quiet(t)
})

t.test('a caller that half-closes or breaks the protocol is cut', async (t) => {
  const site = await socketSite(t)
  const cases: [name: string, act: (raw: Socket) => void][] = [
    ['an end without a close frame', (raw) => raw.end()],
    ['a reserved bit', (raw) => raw.write(Buffer.from([0xc1, 0x80, 0, 0, 0, 0]))],
    ['an unknown opcode', (raw) => raw.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]))],
    ['text that is no UTF-8', (raw) => raw.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]))],
    [
      'a length past everything',
      (raw) => raw.write(Buffer.from([0x82, 0xff, 0x7f, ...Array(11).fill(0xff)])),
    ],
    ['a long ping', (raw) => raw.write(Buffer.from([0x89, 0xfe, 1, 0, 0, 0, 0, 0]))],
  ]
  for (const [name, act] of cases) {
    const behind = site.upstream.socket()
    const raw = await rawCaller(t, site)
    const upstream = await behind
    const closed = once(raw.resume(), 'close')
    act(raw)
    t.equal((await once(upstream, 'close'))[0], 1006, name)
    await closed
  }
  await site.quiet(t)
})

t.test('a caller that floods with pings is answered or cut, and harms nobody', async (t) => {
  const site = await socketSite(t)
  const [other, echo] = await site.pair()
  echoing(echo)
  const behind = site.upstream.socket()
  const raw = await rawCaller(t, site)
  const upstream = await behind
  let pongs = 0
  const answered = new Promise<void>((resolve) => {
    raw.on('data', (data: Buffer) => {
      pongs += data.length / 2
      if (pongs === 20_000) resolve()
    })
  })
  const closed = once(upstream, 'close')
  raw.write(Buffer.concat(Array(20_000).fill(Buffer.from(FRAME.ping))))
  await Promise.race([answered, closed])
  t.match(await other.trip('and you?'), { binary: false })
  raw.destroy()
  t.equal((await closed)[0], 1006)
  other.socket.close(1000)
  await site.quiet(t)
})

t.test('an agent that sends no message frames', async (t) => {
  const site = await socketSite(t)
  const agent = await site.agent()
  const accepted = async (): Promise<[Caller, RawExchange]> => {
    const caller = open(`${site.url}/t/${agent.tunnelId}`)
    const exchange = await agent.next()
    exchange.begin(101)
    return [await caller, exchange]
  }
  const [other, echo] = await accepted()
  const garbage: [name: string, bytes: Buffer][] = [
    ['a reserved bit', Buffer.of(0xc1, 0)],
    ['a mask', Buffer.of(0x81, 0x81, 0, 0, 0, 0, 0x61)],
    ['an unknown opcode', Buffer.of(0x83, 0)],
    ['a ping', Buffer.of(0x89, 0)],
    ['a continuation of nothing', Buffer.of(0x80, 0)],
    ['a message inside another', Buffer.of(0x01, 0, 0x81, 0)],
    ['a close frame of one byte', Buffer.of(0x88, 1, 3)],
    ['a close frame inside a message', Buffer.of(0x01, 0, 0x88, 0)],
    ['text', Buffer.from('HTTP/1.1 200 OK\r\n\r\n')],
  ]
  for (const [name, bytes] of garbage) {
    const [caller, exchange] = await accepted()
    for (const piece of messageFrame(false, Buffer.from('hi'))) exchange.stream.write(piece)
    exchange.stream.write(bytes)
    t.same(await caller.ended, { code: 1011, reason: 'the agent sent no message frames' }, name)
    t.equal(caller.inbox.length, 1)
    t.match(await exchange.wasReset(), { kind: 'peer' })
  }
  const [huge, endless] = await accepted()
  endless.stream.write(Buffer.of(0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
  t.equal((await huge.ended).code, 1009)
  const [cut, ending] = await accepted()
  ending.stream.end()
  t.equal((await cut.ended).code, 1006, 'an end without a close frame')
  for (const code of [0, 999, 1004, 1006, 1015, 5000, 65_535]) {
    const [caller, exchange] = await accepted()
    exchange.stream.write(closeFrame(code, ''))
    exchange.stream.end()
    t.equal((await caller.ended).code, 1005, `close code ${code}`)
  }
  t.match(await connections(site), [{}, {}])
  const told = (await connections(site)).find(({ tunnel_id }) => tunnel_id === agent.tunnelId)!
  t.match(told, { inflight: 2, errors_total: garbage.length + 1 })
  other.socket.send('and you?')
  await once(echo, 'data')
  for (const piece of messageFrame(false, Buffer.from('well'))) echo.stream.write(piece)
  t.match(await other.next(), { data: Buffer.from('well'), binary: false }, 'other streams go on')
  t.equal(agent.closed, undefined, 'the link lives')
  other.socket.close(1000)
  await agent.kill()
  await site.quiet(t)
})

t.test('an upstream that answers no close frame does not keep its caller', async (t) => {
  const site = await socketSite(t)
  const [caller, upstream] = await site.pair()
  // It reads no more, so it sees no close frame either.
  upstream.socket.pause()
  caller.socket.close(4000, 'bye')
  t.same(await caller.ended, { code: 4000, reason: 'bye' }, 'at once')
  t.equal((await connections(site))[0]!.inflight, 1, 'the exchange waits for the upstream')
  upstream.socket.terminate()
  await site.quiet(t)
})
