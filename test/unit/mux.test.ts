/** The life of streams: two ends, a clock that stands still, a wire in memory. */
import t from 'tap'
import { Kind, ResetCode } from '../../shared/frames.js'
import { STREAM_WINDOW } from '../../shared/limits.js'
import type { Stream } from '../../shared/stream.js'
import { Pair } from '../helpers/pair.js'
import { exchange, GET, OK, Tape } from '../helpers/tape.js'

const bytes = (text: string) => Buffer.from(text, 'latin1')

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
  t.same(pair.sizes, [0, 0])
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
    [first.caller.said, first.pair.sizes],
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
    [last.caller.said, last.pair.sizes],
    [
      ['head 200', 'end'],
      [1, 1],
    ],
  )
  last.up.write(bytes('still here'))
  last.up.end()
  last.pair.drive()
  t.same(
    [last.server.said, last.pair.sizes],
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

t.test('101 is the last head: bytes of another protocol follow', async (t) => {
  const { pair, caller, server, up, down } = exchange({ ...GET, stream: 2, end: false })
  pair.drive()
  down().head({ ...OK, status: 101 })
  down().head(OK)
  down().write(bytes('\x81\x02hi'))
  up.write(bytes('\x88\x00'))
  pair.drive()
  t.same([caller.said, server.said], [['head 101', 'data 4'], ['data 2']])
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
  t.same([pair.gateway.mux.pull(), pair.agent.mux.pull(), pair.sizes], [undefined, undefined, [0, 0]])
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
      t.same(pair.sizes, [0, 0], `${name}: nothing stays`)
    }
  }
})
