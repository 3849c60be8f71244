/** Many streams, large ones, hostile timing: what holds whatever happens. */
import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { Kind, ResetCode } from '../../shared/frames.js'
import { LINK_WINDOW, MAX_DATA, STREAM_WINDOW, WINDOW_POOL } from '../../shared/limits.js'
import type { Stream } from '../../shared/stream.js'
import { WindowPool } from '../../shared/window.js'
import { Pair, type PairOptions } from '../helpers/pair.js'
import { GET, link, OK, POST, pattern, Tape } from '../helpers/tape.js'

/** Writes `total` bytes as fast as it may, in chunks of the given lengths, then ends. @returns its drain. */
function pump(stream: Stream, total: number, lengths: readonly number[]): () => void {
  let [sent, turn] = [0, 0]
  return () => {
    for (let more = true; more && sent < total; ) {
      const length = Math.min(lengths[turn++ % lengths.length]!, total - sent)
      more = stream.write(pattern(sent, length))
      sent += length
    }
    if (sent === total) stream.end()
  }
}

t.test('ten thousand streams are open at once, and answered', async (t) => {
  const limits = { maxStreams: 10_000 }
  const { pair, served, open } = link({ agentLimits: limits, gatewayLimits: limits })
  const callers = Array.from({ length: 10_000 }, () => open({ ...POST, body: Buffer.from('ping') }))
  pair.drive()
  t.same(pair.sizes, [10_000, 10_000])
  for (const { stream } of callers) {
    stream!.write(Buffer.from('more'))
    stream!.end()
  }
  for (const { stream } of served.slice(1)) stream!.head({ ...OK, body: Buffer.from('pong'), end: true })
  pair.drive()
  t.same(pair.sizes, [0, 0])
  t.ok(callers.every(({ said, text }) => said.join() === 'head 200,end' && text === 'pong'))
  t.ok(served.every(({ said, text }) => said.join() === 'data 4,end' && text === 'more'))
})

t.test('a large transfer arrives whole, whatever the chunks and however fast the reader', async (t) => {
  const total = 48 * 1024 * 1024 + 13
  const expected = createHash('sha1')
  for (let at = 0; at < total; at += 251 * 4000)
    expected.update(pattern(at, Math.min(251 * 4000, total - at)))
  const digest = expected.digest('hex')
  let seed = 7
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
  const { pair, served, open } = link({ latency: 5, slice: true })
  const caller = open()
  pair.settle()
  const server = served[1]!
  server.stream!.head(OK)
  const hashes = [caller, server].map((tape) => {
    const hash = createHash('sha1')
    tape.eager = false
    tape.on.data = () => hash.update(tape.chunks.pop()!)
    return hash
  })
  caller.on.drain = pump(caller.stream!, total, [1, 70_001, 13, 65_472, 300_000, 4_095])
  server.on.drain = pump(server.stream!, total, [131_072, 3, 999])
  caller.on.drain()
  server.on.drain()
  while (pair.sizes[0] + pair.sizes[1] > 0) {
    pair.advance(3)
    for (const tape of [caller, server]) if (random() < 0.7) tape.read(Math.ceil(tape.held * random()))
  }
  t.same(
    hashes.map((hash) => hash.digest('hex')),
    [digest, digest],
  )
  for (const tape of [caller, server]) tape.read()
  t.equal(pair.pool.free, WINDOW_POOL)
})

/** Milliseconds that 32 MiB take over a round trip of 100 ms. */
function transfer(pool: WindowPool): number {
  const { pair, served, open } = link({ latency: 50, pool })
  const caller = open(GET)
  caller.on.data = () => caller.chunks.pop()
  pair.settle()
  const server = served[1]!
  server.stream!.head(OK)
  server.on.drain = pump(server.stream!, 32 * 1024 * 1024, [65_472])
  server.on.drain()
  return pair.settle()
}

t.test('windows grow with the round trip, and only as far as the pool has', async (t) => {
  const pool = new WindowPool()
  const [fast, slow] = [transfer(pool), transfer(new WindowPool(0))]
  t.ok(fast <= 1000, `${fast} ms`)
  t.ok(slow >= 12_000 && slow < 14_000, `${slow} ms without growth`)
  t.equal(pool.free, WINDOW_POOL)
})

t.test('bulk delays a small exchange by no more than a message', async (t) => {
  const { pair, served, open } = link()
  const bulk = Array.from({ length: 3 }, () => open(GET))
  const small = Array.from({ length: 99 }, () => open(GET))
  pair.drive()
  for (const tape of bulk) {
    const server = served[tape.stream!.id]!
    server.stream!.head(OK)
    server.on.drain = pump(server.stream!, 20 * 1024 * 1024, [MAX_DATA])
    server.on.drain()
  }
  for (const tape of small) {
    const messages: number[] = []
    for (const done of [() => tape.said.includes('head 200'), () => tape.said.includes('end')]) {
      const { stream } = served[tape.stream!.id]!
      if (!tape.said.includes('head 200')) stream!.head({ ...OK, headers: ['x', 'y'] })
      else stream!.end(['x-sum', '1'])
      if (!tape.said.includes('head 200')) stream!.write(Buffer.from('small'))
      let count = 0
      for (; !done(); count++) pair.gateway.mux.receive(Buffer.from(pair.agent.mux.pull()!))
      messages.push(count)
    }
    // The head goes first; a body or an end waits for each bulk stream's turn.
    t.ok(messages[0] === 1 && messages[1]! <= bulk.length + 1, `${messages}`)
  }
})

t.test('streams share the window of the link, none starves', async (t) => {
  const { pair, served, open } = link({ agentLimits: { linkWindow: LINK_WINDOW / 4 } })
  const callers = Array.from({ length: 100 }, () => open())
  for (const caller of callers) {
    caller.on.drain = pump(caller.stream!, Number.POSITIVE_INFINITY, [MAX_DATA])
    caller.on.drain()
  }
  const got = () => served.slice(1).map(({ said }) => said.length)
  while (got().reduce((sum, count) => sum + count, 0) < 1000) pair.step()
  t.ok(Math.max(...got()) - Math.min(...got()) <= 2, `${Math.min(...got())} to ${Math.max(...got())} frames`)
  // Streams that end while they wait for the link leave nothing behind.
  for (const caller of callers) caller.stream!.reset(ResetCode.cancelled, '')
  pair.drive()
  t.same([pair.sizes, pair.gateway.mux.pull()], [[0, 0], undefined])
})

t.test('no more bodies are sent than the link was given credit for', async (t) => {
  const { pair, served, open } = link({ agentLimits: { linkWindow: 100_000 } })
  const callers = [open(), open()]
  for (const { stream } of callers) stream!.write(Buffer.alloc(120_000))
  pair.drive()
  const got = () => served.slice(1).reduce((sum, { chunks }) => sum + Buffer.concat(chunks).length, 0)
  t.equal(got(), 100_000)
  pair.inject(pair.gateway, { kind: Kind.credit, id: 0, bytes: 50_000 })
  pair.drive()
  t.equal(got(), 150_000)
})

t.test('a stream that is reset while it waits for the link is kept nowhere', async (t) => {
  setFlagsFromString('--expose-gc')
  const { pair, open } = link({ agentLimits: { linkWindow: 1 }, accept: () => new Tape() })
  open().stream!.write(Buffer.alloc(100))
  pair.drive()
  const waiting = (() => {
    const { stream } = open()
    stream!.write(Buffer.alloc(100))
    pair.drive()
    stream!.reset(ResetCode.cancelled, '')
    return new WeakRef(stream!)
  })()
  pair.drive()
  // A WeakRef holds on to what it was made for until the turn is over.
  await new Promise(setImmediate)
  runInNewContext('gc')()
  t.equal(waiting.deref(), undefined)
  t.same(pair.sizes, [1, 1])
})

t.test('what was not read when a stream ended is given up by a reset', async (t) => {
  const { pair, served, open } = link({ latency: 50 })
  const caller = open(GET)
  pair.settle()
  const { stream, on } = served[1]!
  stream!.head(OK)
  on.drain = pump(stream!, 8 * 1024 * 1024, [65_472])
  on.drain()
  pair.advance(300)
  caller.eager = false
  while (pair.sizes[0] > 0) {
    pair.settle()
    if (caller.stream!.open) caller.read(Math.min(caller.held, 200_000))
  }
  t.ok(caller.held > STREAM_WINDOW && pair.pool.free < WINDOW_POOL, `${caller.held} held`)
  caller.stream!.reset(ResetCode.cancelled, '')
  t.same([pair.pool.free, pair.gateway.mux.pull()], [WINDOW_POOL, undefined])
})

/** Exchanges of all sorts, played until nothing moves. */
function play(options: PairOptions & { cutAt?: number }) {
  const callers: Tape[] = []
  const servers: Tape[] = []
  const pair = new Pair({
    slice: true,
    ...options,
    accept: (stream, request) => {
      const tape = new Tape(stream)
      servers.push(tape)
      const answer = () => {
        stream.head({ ...OK, status: 103 })
        stream.head(OK)
        stream.write(pattern(0, 70_000))
        stream.end(['x-sum', '1'])
      }
      if (request.target === '/refuse') stream.reset(ResetCode.refused, 'no')
      else if (request.target === '/small') stream.head({ ...OK, body: Buffer.from('x'), end: true })
      else if (request.end) answer()
      else tape.on.end = answer
      return tape
    },
  })
  pair.cutAt = options.cutAt ?? Number.POSITIVE_INFINITY
  for (const target of ['/small', '/large', '/refuse', '/upload', '/abandoned']) {
    const tape = new Tape()
    callers.push(tape)
    const upload = target === '/upload' || target === '/abandoned'
    tape.stream = pair.gateway.mux.open({ ...(upload ? POST : GET), target }, tape)
    if (!upload) continue
    tape.stream.write(pattern(0, 150_000))
    tape.stream.end()
    if (target === '/abandoned') tape.on.drain = () => tape.stream!.reset(ResetCode.cancelled, 'left')
  }
  pair.drive()
  return { pair, tapes: [...callers, ...servers] }
}

t.test('cut at any frame, every exchange ends exactly once at both ends', async (t) => {
  const whole = play({})
  t.same(whole.pair.sizes, [0, 0])
  for (let cutAt = 0; cutAt < whole.pair.frames; cutAt++) {
    const { pair, tapes } = play({ cutAt })
    const fates = tapes.map(({ said, stream }) => {
      const last = said.filter((word) => /^(reset|lost)/.test(word))
      const cutShort = last.length === 1 && said.at(-1) === last[0]
      return !stream!.open && (cutShort || last.length === 0)
    })
    t.same(
      [fates.includes(false), pair.sizes, pair.gateway.fault, pair.agent.fault],
      [false, [0, 0], undefined, undefined],
      `at ${cutAt}`,
    )
  }
})
