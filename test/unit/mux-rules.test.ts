/** What the two ends of a link owe each other, and how each bound is kept. */
import t from 'tap'
import { type Frame, Kind, ResetCode } from '../../shared/frames.js'
import { LINK_WINDOW, MAX_DATA, MAX_MESSAGE, MAX_STREAM_ID, STREAM_WINDOW } from '../../shared/limits.js'
import { Pair } from '../helpers/pair.js'
import { exchange, GET, link, OK, POST, Tape } from '../helpers/tape.js'

const bytes = (text: string) => Buffer.from(text, 'latin1')

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
    ['gateway', [{ ...head, status: 103, end: true } as Frame], 'stream 1: head 103 with a body or an end'],
    ['gateway', [{ ...head, status: 100, body: bytes('x') } as Frame], 'stream 1: head 100 with a body'],
    ['gateway', [{ ...head, status: 101, end: true } as Frame], 'stream 1: head 101 with a body'],
    ['gateway', [{ ...head, status: 101 } as Frame, head], 'stream 1: head after head'],
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
    t.same(pair.sizes, [0, 0])
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
    [ids, pair.sizes],
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

t.test('a pong comes behind every stream that was opened before it', async (t) => {
  const { pair, served, open } = link()
  for (let i = 0; i < 100; i++) open({ ...POST, body: Buffer.alloc(5000) })
  let before = 0
  const { pong, ping } = { pong: { kind: Kind.pong, nonce: 1 }, ping: { kind: Kind.ping, nonce: 1 } }
  pair.gateway.mux.send(pong)
  open()
  pair.gateway.mux.send(ping)
  while (!pair.agent.told.some(({ kind }) => kind === Kind.pong)) {
    pair.agent.mux.receive(Buffer.from(pair.gateway.mux.pull()!))
    before = served.length - 1
  }
  t.same([before >= 100, pair.agent.told], [true, [ping, pong]])
})

t.test('small chunks of many streams share a message', async (t) => {
  const { pair, served, open } = link()
  for (const tape of [open(), open(), open()])
    for (let i = 0; i < 100; i++) tape.stream!.write(Buffer.alloc(100, i))
  const message = pair.gateway.mux.pull()!
  t.ok(message.length > 300 * 100)
  pair.agent.mux.receive(Buffer.from(message))
  t.same(
    served.slice(1).map(({ said }) => said.length),
    [100, 100, 100],
  )
})

t.test('heads of a busy turn leave before it is over, and nothing else does', async (t) => {
  const { pair, served, open } = link()
  const bulk = open()
  pair.drive()
  bulk.stream!.write(Buffer.alloc(100))
  for (let i = 0; i < 40; i++) open()
  const early = pair.gateway.wire.map(({ bytes }) => bytes)
  t.equal(early.length, 2)
  for (const message of early) pair.agent.mux.receive(message)
  t.equal(served.at(-1)!.stream!.id, 1 + 32)
  t.same(served[1]!.said, [], 'a body waits for the turn')
  pair.gateway.wire.length = 0
  pair.drive()
  t.equal(served.at(-1)!.stream!.id, 1 + 40)
  t.equal(served[1]!.said.length, 1)
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
