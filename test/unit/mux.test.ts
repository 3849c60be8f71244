/** The life of streams: two ends, a clock that stands still, a wire in memory. */
import t from 'tap'
import { type Frame, Kind, ResetCode } from '../../shared/frames.js'
import { LINK_WINDOW, MAX_DATA, MAX_STREAM_ID, STREAM_WINDOW } from '../../shared/limits.js'
import type { Stream } from '../../shared/stream.js'
import { GET, OK, Pair, type PairOptions, POST, Tape } from '../helpers/pair.js'

const bytes = (text: string) => Buffer.from(text, 'latin1')

/** A pair with one open stream, seen from both ends. */
function exchange(open: Parameters<Pair['gateway']['mux']['open']>[0] = POST, options: PairOptions = {}) {
  const server = new Tape()
  const pair = new Pair({
    ...options,
    accept: (stream) => {
      server.stream = stream
      return server
    },
  })
  const caller = new Tape()
  caller.stream = pair.gateway.mux.open(open, caller)
  return { pair, caller, server, up: caller.stream, down: () => server.stream! }
}

const sizes = (pair: Pair) => [pair.gateway.mux.size, pair.agent.mux.size]

t.test('a small exchange is one message each way', async (t) => {
  const pair = new Pair({
    accept: (stream, open) => {
      t.match(open, { kind: Kind.open, id: 1, method: 'GET', target: '/hi', body: null, end: true })
      stream.head({ ...OK, body: bytes('hello'), end: true })
      return new Tape(stream)
    },
  })
  const caller = new Tape()
  pair.gateway.mux.open({ ...GET, target: '/hi' }, caller)
  t.ok(pair.step())
  t.equal(pair.frames, 1)
  t.ok(pair.step())
  t.notOk(pair.step())
  t.same([caller.said, caller.text, pair.frames], [['head 200', 'end'], 'hello', 2])
  t.same(sizes(pair), [0, 0])
})

t.test('each direction ends by itself, in either order', async (t) => {
  const first = exchange()
  first.up.write(bytes('question'))
  first.up.end(['x-sum', '1'])
  first.pair.drive()
  t.same(first.server.said, ['data 8', 'end'])
  first.down().head(OK)
  first.down().write(bytes('answer'))
  first.down().end()
  first.pair.drive()
  t.same(
    [first.caller.said, sizes(first.pair)],
    [
      ['head 200', 'data 6', 'end'],
      [0, 0],
    ],
  )

  const last = exchange()
  last.pair.drive()
  last.down().head({ ...OK, end: true })
  last.pair.drive()
  t.same(
    [last.caller.said, sizes(last.pair)],
    [
      ['head 200', 'end'],
      [1, 1],
    ],
  )
  last.up.write(bytes('still here'))
  last.up.end()
  last.pair.drive()
  t.same(
    [last.server.said, sizes(last.pair)],
    [
      ['data 10', 'end'],
      [0, 0],
    ],
  )
})

t.test('interim heads come before the head, which comes once', async (t) => {
  const { pair, caller, down } = exchange()
  pair.drive()
  for (const status of [100, 103, 200]) down().head({ ...OK, status })
  down().head({ ...OK, status: 500 })
  pair.drive()
  t.same(caller.said, ['head 100', 'head 103', 'head 200'])
})

t.test('what is written or read on a direction that is over changes nothing', async (t) => {
  const { pair, caller, server, up, down } = exchange()
  up.end()
  t.ok(up.write(bytes('late')))
  up.end(['late', '1'])
  pair.drive()
  down().head({ ...OK, end: true })
  t.ok(down().write(bytes('late')))
  down().end()
  down().reset(ResetCode.failed, 'late')
  pair.drive()
  up.read(1)
  up.reset(ResetCode.cancelled, 'late')
  t.same([server.said, caller.said], [['end'], ['head 200', 'end']])
  t.same([pair.gateway.mux.pull(), pair.agent.mux.pull(), sizes(pair)], [undefined, undefined, [0, 0]])
})

t.test('an end is sent once, also where credit comes after it', async (t) => {
  const { pair, caller, server, up, down } = exchange()
  server.eager = false
  up.write(Buffer.alloc(100_000))
  pair.drive()
  up.end()
  t.ok(pair.gateway.mux.pull())
  server.read()
  pair.drive()
  pair.inject(pair.gateway, { kind: Kind.credit, id: 0, bytes: 1 })
  pair.drive()
  // The end above was pulled and thrown away: whatever else came would be a second one.
  t.notOk(server.said.includes('end'))
  down().head({ ...OK, end: true })
  pair.drive()
  t.same([pair.agent.fault, pair.gateway.fault, caller.said], [undefined, undefined, ['head 200', 'end']])
})

t.test('a reset ends both directions, in every state', async (t) => {
  const states: Record<string, (up: Stream, down: () => Stream, pair: Pair) => void> = {
    'while opening': () => {},
    'before the head': (_up, _down, pair) => pair.drive(),
    'after the head': (_up, down, pair) => {
      pair.drive()
      down().head(OK)
      pair.drive()
    },
    'with bytes queued and on their way': (up, down, pair) => {
      up.write(Buffer.alloc(STREAM_WINDOW * 2))
      pair.drive()
      down().head(OK)
      down().write(Buffer.alloc(STREAM_WINDOW * 2))
      down().end()
      pair.step()
    },
    'half closed by the opener': (up, _down, pair) => {
      up.end()
      pair.drive()
    },
    'half closed by the acceptor': (_up, down, pair) => {
      pair.drive()
      down().head({ ...OK, end: true })
      pair.drive()
    },
  }
  for (const [name, prepare] of Object.entries(states)) {
    for (const side of ['gateway', 'agent'] as const) {
      const { pair, caller, server, up, down } = exchange()
      caller.eager = server.eager = false
      prepare(up, down, pair)
      if (side === 'agent') pair.drive()
      const [told, deaf] = side === 'gateway' ? [server, caller] : [caller, server]
      const heard = deaf.said.length
      const stream = side === 'gateway' ? up : down()
      stream.reset(ResetCode.cancelled, 'enough')
      stream.reset(ResetCode.failed, 'again')
      pair.drive()
      t.equal(told.said.at(-1), 'reset 1 enough', `${name}: the peer is told`)
      t.equal(told.said.filter((word) => word.startsWith('reset')).length, 1, `${name}: once`)
      t.equal(deaf.said.length, heard, `${name}: the one who resets is not`)
      t.same(sizes(pair), [0, 0], `${name}: nothing stays`)
    }
  }
})

t.test('frames of a stream that is over are ignored, and the link gets their credit', async (t) => {
  const { pair, server, down, caller } = exchange()
  pair.drive()
  down().head(OK)
  caller.stream!.reset(ResetCode.cancelled, '')
  const body = Buffer.alloc(MAX_DATA)
  let credited = 0
  for (let sent = 0; sent < LINK_WINDOW * 2; sent += body.length) {
    down().write(body)
    pair.inject(pair.gateway, { kind: Kind.data, id: 1, body })
    for (let m = pair.gateway.mux.pull(); m; m = pair.gateway.mux.pull()) credited += m.includes(0x0a) ? 1 : 0
  }
  t.equal(pair.gateway.fault, undefined)
  t.ok(credited >= 7, `${credited} credits for the link`)
  const late: Frame[] = [
    { kind: Kind.head, id: 1, ...OK },
    { kind: Kind.end, id: 1, trailers: [] },
    { kind: Kind.credit, id: 1, bytes: 5 },
    { kind: Kind.reset, id: 1, code: 4, message: '' },
  ]
  pair.inject(pair.gateway, ...late)
  t.same([pair.gateway.fault, caller.said], [undefined, []])
  t.same(server.said, [])
})

t.test('a peer that breaks the rules is told which one', async (t) => {
  const data = (id: number, length = 1): Frame => ({ kind: Kind.data, id, body: Buffer.alloc(length) })
  const end: Frame = { kind: Kind.end, id: 1, trailers: [] }
  const head: Frame = { kind: Kind.head, id: 1, ...OK }
  const open = (id: number): Frame => ({ kind: Kind.open, id, ...POST })
  const filled = Array.from({ length: 4 }, () => data(1, MAX_DATA))
  const rest = data(1, STREAM_WINDOW - 4 * MAX_DATA)
  const cases: ['gateway' | 'agent', Frame[], string][] = [
    ['gateway', [data(1)], 'stream 1: data before head'],
    ['gateway', [end], 'stream 1: end before head'],
    ['gateway', [head, head], 'stream 1: head after head'],
    ['gateway', [head, end, data(1)], 'stream 1: data after end'],
    ['gateway', [head, end, end], 'stream 1: end after end'],
    ['gateway', [{ ...head, end: true } as Frame, head], 'stream 1: head after head'],
    [
      'gateway',
      [{ ...head, status: 103, end: true } as Frame],
      'stream 1: interim head with a body or an end',
    ],
    ['gateway', [{ ...head, status: 100, body: bytes('x') } as Frame], 'stream 1: interim head'],
    ['gateway', [{ ...head, id: 2 } as Frame], 'stream 2 was never opened'],
    ['gateway', [{ kind: Kind.credit, id: 2, bytes: 1 }], 'stream 2 was never opened'],
    ['gateway', [{ kind: Kind.reset, id: 9, code: 1, message: '' }], 'stream 9 was never opened'],
    ['gateway', [open(2)], 'an agent opens no streams'],
    ['gateway', [{ kind: Kind.credit, id: 1, bytes: 0xffff_ffff }], 'stream 1: credit overflows'],
    ['gateway', [{ kind: Kind.credit, id: 0, bytes: 0xffff_ffff }], 'link: credit overflows'],
    ['gateway', [head, ...filled, rest, data(1)], 'stream 1: window exceeded by 1 bytes'],
    ['agent', [...filled, rest, data(1)], 'stream 1: window exceeded by 1 bytes'],
    ['agent', [head], 'stream 1: head'],
    ['agent', [end, data(1)], 'stream 1: data after end'],
    ['agent', [open(1)], 'stream 1: ids only grow'],
    ['agent', [open(7), open(5)], 'stream 5: ids only grow'],
    ['agent', [data(2)], 'stream 2 was never opened'],
    ['agent', [open(2), open(3), open(4), open(5)], 'more than 4 streams'],
  ]
  for (const [side, frames, fault] of cases) {
    const { pair, caller, server } = exchange(POST, { gatewayLimits: { maxStreams: 4 } })
    caller.eager = server.eager = false
    pair.drive()
    pair.inject(pair[side], ...frames)
    t.match(pair[side].fault?.message, fault)
    t.match([caller.said.at(-1), server.said.at(-1)], ['lost sent', 'lost unsent'], 'both ends are told')
    t.same(sizes(pair), [0, 0])
  }
  const early = new Pair()
  early.inject(early.agent, open(1), { kind: Kind.end, id: 1, trailers: [] }, open(0xffff))
  t.equal(early.agent.fault, undefined, 'an id may be left out')
})

t.test('the window of the link bounds all its streams together', async (t) => {
  const pair = new Pair()
  const open = (id: number): Frame => ({ kind: Kind.open, id, ...POST })
  const chunk = Buffer.alloc(STREAM_WINDOW / 8)
  // 16 MiB in 64 streams, in one turn: the credit for the link is made and must not be needed.
  for (let id = 1; id <= 64; id++) pair.inject(pair.agent, open(id))
  for (let n = 0; n < 8; n++)
    for (let id = 1; id <= 64; id++) pair.inject(pair.agent, { kind: Kind.data, id, body: chunk })
  t.equal(pair.agent.fault, undefined)
})

t.test('ids only grow and are not used again; the last one ends the link', async (t) => {
  const pair = new Pair({
    lastStreamId: 3,
    accept: (stream) => {
      stream.head({ ...OK, end: true })
      return new Tape()
    },
  })
  const ids: number[] = []
  while (!pair.gateway.mux.exhausted) {
    ids.push(pair.gateway.mux.open(GET, new Tape()).id)
    pair.drive()
  }
  t.same(
    [ids, sizes(pair)],
    [
      [1, 2, 3],
      [0, 0],
    ],
  )
  t.throws(() => pair.gateway.mux.open(GET, new Tape()), /takes no streams/)
  const last = new Pair()
  last.inject(last.agent, { kind: Kind.open, id: MAX_STREAM_ID, ...GET }, { kind: Kind.open, id: 1, ...GET })
  t.match(last.agent.fault?.message, 'ids only grow')
})
