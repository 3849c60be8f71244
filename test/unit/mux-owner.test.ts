/** What the owners of streams and links may do from inside what they are told. */
import t from 'tap'
import { GoAwayReason, Kind, ResetCode } from '../../shared/frames.js'
import { MAX_DATA, MAX_MESSAGE, STREAM_WINDOW } from '../../shared/limits.js'
import { GET, OK, Pair, type PairOptions, POST, Tape } from '../helpers/pair.js'

/** A pair whose agent's streams are kept by id. */
function link(options: PairOptions = {}) {
  const served: Tape[] = []
  const pair = new Pair({
    accept: (stream) => (served[stream.id] = new Tape(stream)),
    ...options,
  })
  const open = (head: Parameters<Pair['gateway']['mux']['open']>[0] = POST) => {
    const tape = new Tape()
    tape.stream = pair.gateway.mux.open(head, tape)
    return tape
  }
  return { pair, served, open }
}

t.test('a writer is told to wait and when to go on', async (t) => {
  const { pair, open } = link()
  const caller = open()
  t.ok(caller.stream!.write(Buffer.alloc(100_000)))
  t.notOk(caller.stream!.write(Buffer.alloc(100_000)))
  t.notOk(caller.stream!.write(Buffer.alloc(1)))
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
    t.same([pair.gateway.mux.size, pair.agent.mux.size, pair.gateway.fault, pair.agent.fault], [0, 0, , ,])
  }
})

t.test('the link may be lost from inside every event', async (t) => {
  for (const event of ['head', 'data', 'end', 'drain', 'reset'] as const) {
    const { pair, served, open } = link()
    const caller = open()
    const others = [open(), open()]
    for (const other of others) other.stream!.write(Buffer.alloc(STREAM_WINDOW))
    caller.on[event] = () => pair.cut()
    caller.stream!.write(Buffer.alloc(STREAM_WINDOW))
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

t.test('what a reset says is made fit for the wire', async (t) => {
  const { pair, served, open } = link()
  const cases = [
    ['naïve ÿ', 'naïve ÿ'],
    ['→ 日本 😀', '? ?? ?'],
    ['x'.repeat(3000), 'x'.repeat(1024)],
    [`a${'é'.repeat(3000)}`, `a${'é'.repeat(511)}`],
  ] as const
  for (const [said, heard] of cases) {
    const caller = open()
    pair.drive()
    served.at(-1)!.stream!.reset(ResetCode.failed, said)
    pair.gateway.mux.send({ kind: Kind.goAway, reason: 1, delay: 0, message: said })
    pair.drive()
    t.same([caller.said, pair.gateway.fault, pair.agent.fault], [[`reset 4 ${heard}`], undefined, undefined])
    t.match(pair.agent.told.at(-1), { kind: Kind.goAway, message: heard })
  }
})

t.test('a head that the wire does not carry is refused to its sender, and the link lives', async (t) => {
  const many = Array.from({ length: 257 }, (_, i) => [`x-${i}`, 'v']).flat()
  const long = ['x-long', 'v'.repeat(140_000)]
  const wide = ['x-wide', 'é'.repeat(70_000)]
  for (const headers of [many, long, wide, ['x-odd']]) {
    const { pair, served, open } = link()
    t.throws(() => open({ ...GET, headers }), RangeError)
    const caller = open()
    pair.drive()
    const { stream } = served[1]!
    t.throws(() => stream!.head({ ...OK, headers }), RangeError)
    stream!.head(OK)
    t.throws(() => stream!.end(headers), RangeError)
    stream!.end(['x-fits', 'é'.repeat(60_000)])
    pair.drive()
    t.same([caller.said, pair.gateway.fault, pair.agent.fault], [['head 200', 'end'], undefined, undefined])
  }
  const { pair, open } = link()
  t.throws(() => open({ ...GET, body: Buffer.alloc(65_537) }), RangeError)
  t.throws(
    () => open({ ...GET, target: `/${'x'.repeat(70_000)}`, headers: ['x', 'v'.repeat(70_000)] }),
    RangeError,
  )
  t.same([pair.gateway.mux.size, pair.gateway.mux.pull()], [0, undefined])
})

t.test('no message is larger than the wire carries', async (t) => {
  const { pair, served, open } = link()
  const headers = ['x-long', 'v'.repeat(131_000 - 6)]
  for (let i = 0; i < 5; i++) {
    open({ ...POST, headers: ['x', 'v'.repeat(49_000)] })
    const caller = open({ ...POST, headers, body: Buffer.alloc(65_536) })
    caller.stream!.write(Buffer.alloc(MAX_DATA * 3))
  }
  for (let message = pair.gateway.mux.pull(); message; message = pair.gateway.mux.pull()) {
    t.ok(message.length <= MAX_MESSAGE)
    pair.agent.mux.receive(Buffer.from(message))
  }
  t.equal(served.length, 11)
})

t.test('pings that wait to be answered get one pong, the last', async (t) => {
  const { pair } = link()
  for (let nonce = 0; nonce < 100_000; nonce += 1000) {
    pair.inject(
      pair.agent,
      ...Array.from({ length: 1000 }, (_, i) => ({ kind: Kind.ping, nonce: nonce + i })),
    )
    for (const { nonce } of pair.agent.told.splice(0) as { nonce: number }[])
      pair.agent.mux.send({ kind: Kind.pong, nonce })
  }
  pair.drive()
  t.same([pair.gateway.told, pair.agent.sent], [[{ kind: Kind.pong, nonce: 99_999 }], 7])
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

t.test('the owner is woken once until it has pulled everything', async (t) => {
  const { pair, open } = link()
  open()
  open()
  pair.gateway.mux.send({ kind: Kind.ping, nonce: 1 })
  t.equal(pair.gateway.woken, 1)
  t.ok(pair.gateway.mux.pull())
  open()
  t.equal(pair.gateway.woken, 1)
  pair.drive()
  open()
  t.equal(pair.gateway.woken, 2)
})
