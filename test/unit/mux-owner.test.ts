/** What the owners of streams and links may do from inside what they are told. */
import t from 'tap'
import { Encoder } from '../../shared/codec.js'
import { GoAwayReason, Kind, ResetCode } from '../../shared/frames.js'
import { STREAM_WINDOW } from '../../shared/limits.js'
import { Pair } from '../helpers/pair.js'
import { GET, link, OK, POST, Tape } from '../helpers/tape.js'

t.test('a writer is told to wait and when to go on', async (t) => {
  const { pair, open } = link()
  const caller = open()
  t.ok(caller.stream!.write(Buffer.alloc(100_000)))
  t.notOk(caller.stream!.write(Buffer.alloc(100_000)))
  t.notOk(caller.stream!.write(Buffer.alloc(1)))
  for (const queued of [134_529, 34_529]) {
    pair.agent.mux.receive(Buffer.from(pair.gateway.mux.pull()!))
    t.same([caller.stream!.queued, caller.said], [queued, []])
  }
  pair.drive()
  t.same(caller.said, ['drain'])
  let left = 20
  caller.on.drain = () => {
    while (left > 0 && left-- > 0 && caller.stream!.write(Buffer.alloc(50_000)));
    if (left === 0) caller.stream!.end()
  }
  caller.on.drain()
  pair.drive()
  t.same([left, caller.stream!.sending, caller.stream!.queued], [0, 'done', 0])
})

t.test('a stream may be reset from inside every event', async (t) => {
  for (const event of ['head', 'data', 'end', 'drain'] as const) {
    const { pair, served, open } = link()
    const caller = open()
    caller.on[event] = () => caller.stream!.reset(ResetCode.cancelled, event)
    caller.stream!.write(Buffer.alloc(STREAM_WINDOW))
    if (event === 'drain') pair.drive()
    else {
      pair.drive()
      const stream = served[1]!.stream!
      stream.head(OK)
      stream.write(Buffer.from('x'))
      stream.write(Buffer.from('y'))
      stream.end()
    }
    pair.drive()
    t.equal(caller.said.at(-1)?.split(' ')[0], event, 'nothing follows')
    t.equal(served[1]!.said.at(-1), `reset 1 ${event}`)
    t.same(
      [pair.gateway.mux.size, pair.agent.mux.size, pair.gateway.fault, pair.agent.fault],
      [0, 0, undefined, undefined],
    )
  }
})

t.test('the link may be lost from inside every event', async (t) => {
  for (const event of ['head', 'data', 'end', 'drain', 'reset'] as const) {
    const { pair, served, open } = link()
    const caller = open()
    const others = [open(), open()]
    caller.on[event] = () => pair.cut()
    // Small chunks: several streams have their turn in one message.
    for (const tape of [caller, ...others]) while (tape.stream!.write(Buffer.alloc(1000)));
    pair.drive()
    const stream = served[1]?.stream
    stream?.head(OK)
    stream?.write(Buffer.from('x'))
    if (event === 'reset') stream?.reset(ResetCode.failed, '')
    else stream?.end()
    t.doesNotThrow(() => pair.drive())
    t.ok(caller.said.some((word) => word.startsWith(event)))
    for (const other of others) t.match(other.said.at(-1), /^lost/)
    t.same([pair.gateway.mux.size, pair.agent.mux.size], [0, 0])
  }
})

t.test('a link that is lost in the middle of a message ignores the rest', async (t) => {
  const { pair, open } = link()
  const caller = open(GET)
  caller.on.head = () => pair.cut()
  const encoder = new Encoder()
  encoder.add({ kind: Kind.head, id: 1, ...OK })
  encoder.add({ kind: Kind.head, id: 9, ...OK })
  encoder.add({ kind: Kind.ping, nonce: 1 })
  t.doesNotThrow(() => pair.gateway.mux.receive(Buffer.from(encoder.take())))
  t.same([caller.said, pair.gateway.told], [['head 200', 'lost unsent'], []])
})

t.test('a link may be flushed from inside a drain', async (t) => {
  const { pair, served, open } = link()
  const [caller, other] = [open(), open()]
  const flush = () => {
    for (let m = pair.gateway.mux.pull(); m; m = pair.gateway.mux.pull())
      pair.agent.mux.receive(Buffer.from(m))
  }
  caller.on.drain = flush
  while (caller.stream!.write(Buffer.alloc(1000)) && other.stream!.write(Buffer.alloc(1000)));
  other.stream!.end()
  caller.stream!.end()
  flush()
  t.same(
    served.slice(1).map(({ chunks, said }) => [chunks.length, said.at(-1)]),
    [
      [132, 'end'],
      [131, 'end'],
    ],
  )
})

t.test('a lost link takes and gives nothing', async (t) => {
  const { pair, served, open } = link()
  const caller = open()
  caller.on.reset = () => t.throws(() => open(), /takes no streams/)
  pair.drive()
  const unsent = open()
  pair.gateway.mux.send({ kind: Kind.ping, nonce: 1 })
  pair.cut()
  t.same([caller.said, unsent.said, served[1]!.said], [['lost sent'], ['lost unsent'], ['lost unsent']])
  pair.inject(pair.agent, { kind: Kind.open, id: 9, ...GET })
  pair.inject(pair.gateway, { kind: Kind.ping, nonce: 1 })
  pair.gateway.mux.send({ kind: Kind.ping, nonce: 1 })
  caller.stream!.write(Buffer.from('late'))
  caller.stream!.reset(ResetCode.cancelled, 'late')
  t.same(
    [pair.gateway.mux.pull(), pair.agent.mux.size, pair.gateway.told, served.length],
    [undefined, 0, [], 2],
  )
  t.doesNotThrow(() => pair.gateway.mux.lost('again'))
  t.equal(caller.said.length, 1)
})

t.test('the agent may answer or refuse a stream while it accepts it', async (t) => {
  const answers = new Pair({
    accept: (stream) => {
      stream.head(OK)
      stream.write(Buffer.from('at once'))
      stream.end(['x-sum', '7'])
      return new Tape(stream)
    },
  })
  const caller = new Tape()
  caller.on.end = (trailers) => t.same(trailers, ['x-sum', '7'])
  caller.stream = answers.gateway.mux.open(GET, caller)
  answers.drive()
  t.same([caller.said, caller.text], [['head 200', 'data 7', 'end'], 'at once'])
  const refuses = new Pair({
    accept: (stream) => {
      stream.reset(ResetCode.refused, 'no place')
      return new Tape(stream)
    },
  })
  const refused = new Tape()
  refused.stream = refuses.gateway.mux.open({ ...POST, body: Buffer.from('x') }, refused)
  refuses.drive()
  t.same([refused.said, refuses.gateway.mux.size, refuses.agent.mux.size], [['reset 2 no place'], 0, 0])
})

t.test('that the last stream is over is told when nothing is left to send', async (t) => {
  const { pair, served, open } = link()
  open()
  open(GET)
  pair.drive()
  served[2]!.stream!.head({ ...OK, end: true })
  pair.drive()
  t.same([pair.agent.emptied, pair.gateway.emptied], [0, 0])
  const { stream } = served[1]!
  pair.inject(pair.agent, { kind: Kind.end, id: 1, trailers: [] })
  stream!.head(OK)
  stream!.write(Buffer.from('the last bytes'))
  stream!.end()
  // The agent's stream is over with this message, but the message has not left.
  t.ok(Buffer.from(pair.agent.mux.pull()!).includes('the last bytes'))
  t.same([pair.agent.mux.size, pair.agent.emptied], [0, 0])
  t.equal(pair.agent.mux.pull(), undefined)
  t.equal(pair.agent.emptied, 1)
  // Over by what was received, with nothing to send: at once.
  const quiet = link()
  quiet.open(GET)
  quiet.pair.drive()
  t.equal(quiet.pair.gateway.mux.pull(), undefined)
  quiet.pair.inject(quiet.pair.gateway, { kind: Kind.head, id: 1, ...OK, end: true })
  t.equal(quiet.pair.gateway.emptied, 1)
  quiet.open(GET)
  quiet.pair.drive()
  quiet.pair.gateway.mux.send({ kind: Kind.ping, nonce: 1 })
  quiet.pair.inject(quiet.pair.gateway, { kind: Kind.head, id: 2, ...OK, end: true })
  t.equal(quiet.pair.gateway.emptied, 1)
  quiet.pair.drive()
  t.equal(quiet.pair.gateway.emptied, 2)
})

t.test('who is told that all is over may end the link from there', async (t) => {
  const { pair, served, open } = link()
  const caller = open()
  pair.drive()
  served[1]!.stream!.head(OK)
  served[1]!.stream!.write(Buffer.from('whole'))
  served[1]!.stream!.end()
  caller.stream!.end()
  pair.agent.empty = () => {
    t.equal(pair.agent.mux.pull(), undefined)
    pair.agent.mux.lost('drained')
  }
  pair.gateway.empty = () => pair.cut('drained')
  pair.drive()
  t.same([caller.said, caller.text], [['head 200', 'data 5', 'end'], 'whole'])
  t.notMatch(served[1]!.said.join(), /lost/)
})

t.test('going away stops nothing that is open', async (t) => {
  const { pair, served, open } = link()
  const before = open()
  pair.drive()
  pair.agent.mux.send({ kind: Kind.goAway, reason: GoAwayReason.draining, delay: 500, message: 'restart' })
  const crossing = open()
  pair.drive()
  t.same(pair.gateway.told, [{ kind: Kind.goAway, reason: 1, delay: 500, message: 'restart' }])
  served[2]!.stream!.reset(ResetCode.refused, 'draining')
  served[1]!.stream!.head({ ...OK, end: true })
  before.stream!.end()
  pair.drive()
  t.same([before.said, crossing.said], [['head 200', 'end'], ['reset 2 draining']])
  t.same([pair.gateway.mux.size, pair.agent.mux.size, pair.agent.emptied], [0, 0, 1])
})

t.test('an owner that throws harms no other link', async (t) => {
  const bad = link()
  const good = link()
  const caller = bad.open()
  caller.on.drain = () => {
    throw new Error('owner')
  }
  caller.stream!.write(Buffer.alloc(STREAM_WINDOW / 2))
  t.throws(() => bad.pair.drive(), /owner/)
  good.open(GET)
  good.pair.drive()
  t.same([good.pair.agent.fault, good.served[1]?.said, good.pair.frames], [undefined, [], 1])
})
