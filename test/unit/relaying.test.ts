/** A caller's WebSocket against a stream, with a clock that stands still: the caller's socket and the agent are the test. */
import t, { type Test } from 'tap'
import type { AnswerFault } from '../../gateway/edge/answering.js'
import { Attempt } from '../../gateway/edge/attempt.js'
import { Backlog, Waiting } from '../../gateway/edge/backlog.js'
import type { ResponseHead, Socket, SocketEvents, Upgrade } from '../../gateway/edge/engine.js'
import { Relaying, type RelaySettings } from '../../gateway/edge/relaying.js'
import { type Frame, Kind, ResetCode, StreamKind } from '../../shared/frames.js'
import { closeFrame, MessageReader, messageFrame } from '../../shared/message-frames.js'
import { FakeCaller, HEAD, turn } from '../helpers/exchange-rig.js'
import { Fleet } from '../helpers/fleet.js'

const KIB = 1024
const MIB = 1024 * KIB

/** Keeps what it is given. Its events are the test's to tell. */
class CallerSocket implements Socket {
  bufferedAmount = 0
  readonly sent: string[] = []
  pings = 0
  closed: { code: number; reason: string } | undefined
  destroyed = false
  broken = false

  send(message: Uint8Array): boolean {
    if (!this.broken) this.sent.push(Buffer.from(message).toString())
    return !this.broken
  }

  ping(): void {
    this.pings++
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason }
  }

  destroy(): void {
    this.destroyed = true
  }
}

interface Rig {
  settings?: Partial<RelaySettings>
  headers?: string[]
  backlog?: Backlog
  /** The caller is there to be accepted. */
  present?: boolean
}

/** A socket that both sides have accepted. */
async function relay(t: Test, { settings, headers = [], backlog = new Backlog(), present = true }: Rig = {}) {
  const fleet = new Fleet(t)
  const link = fleet.join()
  const instance = link.instance!
  const caller = new CallerSocket()
  const accepted: { protocol: string | undefined; headers: readonly string[] }[] = []
  const upgrade: Upgrade = {
    caller: new FakeCaller('GET', []),
    accept: (protocol, fields) => {
      accepted.push({ protocol, headers: fields })
      return present ? caller : undefined
    },
  }
  const over: (AnswerFault | undefined)[] = []
  const owner = {
    caller: upgrade.caller,
    now: () => fleet.now,
    over: (fault: AnswerFault | undefined) => void over.push(fault),
  }
  const all = { maxMessage: 100 * KIB, pingInterval: 1000, pingTimeout: 500, ...settings }
  let relaying: Relaying | undefined
  const question = {
    stream: StreamKind.websocket,
    method: 'GET',
    target: '/',
    headers: [],
    body: undefined,
    requestId: 'the-id',
  }
  const attempt = new Attempt({ now: () => fleet.now, released() {} }, instance, question, {
    answered: (head: ResponseHead) => {
      relaying = new Relaying(owner, attempt, upgrade, head, { settings: all, backlog })
      relaying.begin()
    },
    body() {},
    bodyEnd() {},
    roomForBody() {},
    failed() {},
  })
  const hear = (...frames: Frame[]) => fleet.hear(link, ...frames)
  hear({ ...HEAD, status: 101, headers })
  const answer: Relaying = relaying!
  const events: SocketEvents = answer
  const pass = (ms: number) => {
    fleet.now += ms
    answer.sweep(fleet.now)
  }
  const say = (...pieces: Uint8Array[]) => {
    const body = Buffer.concat(pieces)
    for (let at = 0; at < body.length; at += 60 * KIB)
      hear({ kind: Kind.data, id: 1, body: body.subarray(at, at + 60 * KIB) })
  }
  const frames = async (kind: Kind) => {
    await turn()
    return fleet.socket(link).sent.filter((frame) => frame.kind === kind)
  }
  /** What the agent has been sent: messages, and the code of a close frame. */
  const heard = async () => {
    const told: (string | number)[] = []
    const reader = new MessageReader(0, {
      message: (payload) => told.push(payload.length > 99 ? payload.length : payload.toString()),
      close: (code) => told.push(code),
    })
    for (const frame of await frames(Kind.data)) if (frame.kind === Kind.data) reader.push(frame.body)
    return told
  }
  const clean = () => {
    t.same([instance.inflight, link.streams, backlog.bytes], [0, 0, 0], 'nothing is left')
  }
  const message = (text: string | Buffer) => events.message(Buffer.from(text), typeof text !== 'string')
  return {
    fleet,
    link,
    caller,
    accepted,
    over,
    answer,
    events,
    hear,
    pass,
    say,
    frames,
    heard,
    clean,
    message,
    attempt,
    backlog,
  }
}

const text = (message: string) => Buffer.concat(messageFrame(false, Buffer.from(message)))
const END = { kind: Kind.end, id: 1, trailers: [] } as const

t.test('the 101 of an upgrade', async (t) => {
  const { accepted } = await relay(t, {
    headers: [
      ...['sec-websocket-protocol', 'chat', 'sec-websocket-accept', 'x', 'sec-websocket-extensions', 'y'],
      ...['set-cookie', 'a=1', 'set-cookie', 'b=2', 'connection', 'x-hop', 'x-hop', '1', 'gw-x', '1'],
    ],
  })
  const [{ protocol, headers }] = accepted as [(typeof accepted)[0]]
  t.equal(protocol, 'chat')
  t.same(headers.slice(0, 4), ['set-cookie', 'a=1', 'set-cookie', 'b=2'])
  t.match(headers.slice(4), ['gw-tunnel-id', String, 'gw-request-id', 'the-id'])
  t.equal(headers.length, 8)
})

t.test('a caller that has gone when the upstream accepts', async (t) => {
  const { over, clean, frames } = await relay(t, { present: false })
  t.same(over, ['aborted'])
  t.match(await frames(Kind.reset), [{ code: ResetCode.cancelled }])
  clean()
})

t.test('messages are counted', async (t) => {
  const { caller, answer, say, heard, message, events, over, hear, link, clean } = await relay(t)
  message('to you')
  message('')
  say(text('and '), text(''), text('back'))
  t.same(await heard(), ['to you', ''])
  t.same(caller.sent, ['and ', '', 'back'])
  events.close(1000, '')
  hear({ kind: Kind.data, id: 1, body: closeFrame(1000, '') }, END)
  t.same(over, [undefined])
  t.same([answer.bytesIn, answer.bytesOut, answer.status], [6, 8, 101])
  t.same([link.bytesIn, link.bytesOut, link.errors], [6, 8, 0])
  clean()
})

t.test('the caller closes first', async (t) => {
  await t.test('and the upstream answers', async (t) => {
    const { events, say, hear, heard, over, caller, frames, clean, message } = await relay(t)
    message('last')
    events.close(4000, 'bye')
    t.same(await heard(), ['last', 4000])
    t.equal((await frames(Kind.end)).length, 1)
    say(text('late'))
    t.same(caller.sent, [], 'nobody is there for it')
    t.same(over, [])
    say(closeFrame(4000, 'bye'))
    hear(END)
    t.same(over, [undefined])
    t.same(await frames(Kind.reset), [])
    clean()
  })
  await t.test('and the upstream fails at it', async (t) => {
    const { events, hear, over, clean } = await relay(t)
    events.close(4000, 'bye')
    hear({ kind: Kind.reset, id: 1, code: ResetCode.failed, message: '' })
    t.same(over, [undefined])
    clean()
  })
  await t.test('and the upstream never answers', async (t) => {
    const { events, pass, over, frames, clean } = await relay(t)
    events.close(1005, '')
    pass(9999)
    t.same(over, [])
    pass(1)
    t.same(over, [undefined])
    t.match(await frames(Kind.reset), [{ code: ResetCode.cancelled }])
    clean()
  })
  await t.test('amid what the upstream still sends, which takes credit', async (t) => {
    const { events, say, frames, hear } = await relay(t)
    events.close(1000, '')
    say(...messageFrame(true, Buffer.alloc(200 * KIB)))
    t.match(await frames(Kind.credit), [{ id: 1 }])
    hear(END)
  })
})

t.test('the upstream closes first', async (t) => {
  await t.test('and the caller answers', async (t) => {
    const { events, say, caller, over, clean, message, heard } = await relay(t)
    say(text('last'), closeFrame(4001, 'enough'))
    t.same(caller.sent, ['last'])
    t.same(caller.closed, { code: 4001, reason: 'enough' })
    message('late')
    t.same(await heard(), [])
    t.same(over, [])
    events.close(4001, '')
    t.same(over, [undefined])
    clean()
  })
  await t.test('and goes before the caller answers', async (t) => {
    const { events, say, hear, over, clean } = await relay(t)
    say(closeFrame(1005, ''))
    hear(END)
    t.same(over, [])
    events.close(1006, '')
    t.same(over, [undefined])
    clean()
  })
  await t.test('and the caller never answers', async (t) => {
    const { say, pass, over, clean } = await relay(t)
    say(closeFrame(1000, ''))
    pass(10_000)
    t.same(over, [undefined])
    clean()
  })
})

t.test('abrupt ends', async (t) => {
  await t.test('of the caller', async (t) => {
    const { events, over, frames, clean } = await relay(t)
    events.close(1006, '')
    t.same(over, ['aborted'])
    t.match(await frames(Kind.reset), [{ code: ResetCode.cancelled }])
    clean()
  })
  await t.test('of the upstream', async (t) => {
    const { hear, caller, over, link, clean } = await relay(t)
    hear({ kind: Kind.reset, id: 1, code: ResetCode.failed, message: 'it left' })
    t.ok(caller.destroyed)
    t.same([over, link.errors], [['agent_error'], 1])
    clean()
  })
  await t.test('of the upstream, by an end without a close frame', async (t) => {
    const { hear, caller, over, link, clean } = await relay(t)
    hear(END)
    t.ok(caller.destroyed)
    t.same([over, link.errors], [['agent_error'], 1])
    clean()
  })
  await t.test('of the link', async (t) => {
    const { link, caller, over, backlog } = await relay(t)
    link.wire.close(1006, '')
    t.ok(caller.destroyed)
    t.same([over, backlog.bytes], [['agent_disconnected'], 0])
  })
  await t.test('of the gateway', async (t) => {
    const { answer, caller, over, clean } = await relay(t)
    answer.cut('draining')
    t.equal(caller.closed?.code, 1001)
    answer.cut('draining')
    t.same(over, ['draining'])
    clean()
  })
  await t.test('of a socket that takes no more', async (t) => {
    const { say, caller, over, clean } = await relay(t)
    caller.broken = true
    say(text('a'), text('b'))
    t.same(over, ['aborted'])
    clean()
  })
})

t.test('a message that is too large', async (t) => {
  const most = 100 * KIB
  await t.test('from the caller', async (t) => {
    const { message, caller, heard, hear, over, clean, events } = await relay(t)
    message(Buffer.alloc(most))
    message(Buffer.alloc(most + 1))
    t.equal(caller.closed?.code, 1009)
    events.close(1009, '')
    t.same(await heard(), [most, 1009])
    t.same(over, [], 'the upstream is to answer')
    hear(END)
    t.same(over, ['payload_too_large'])
    clean()
  })
  await t.test('from the upstream, of which the rest is dropped', async (t) => {
    const { say, caller, heard, hear, over, clean, events, frames, link } = await relay(t)
    say(...messageFrame(true, Buffer.alloc(most)))
    say(...messageFrame(true, Buffer.alloc(most + 1)))
    t.equal(caller.sent.length, 1)
    t.match(caller.closed, { code: 1009, reason: /of the upstream has more than 102400/ })
    events.close(1009, '')
    t.same(await heard(), [1009])
    t.ok((await frames(Kind.credit)).length > 0)
    say(closeFrame(1009, ''))
    hear(END)
    t.same([over, link.errors], [['payload_too_large'], 0])
    clean()
  })
  await t.test('and an upstream that does not say goodbye', async (t) => {
    const { message, pass, over, clean, events } = await relay(t)
    message(Buffer.alloc(most + 1))
    events.close(1009, '')
    pass(10_000)
    t.same(over, ['payload_too_large'])
    clean()
  })
  await t.test('where there is no bound', async (t) => {
    const { message, caller, say } = await relay(t, { settings: { maxMessage: 0 } })
    message(Buffer.alloc(20 * MIB))
    say(...messageFrame(true, Buffer.alloc(most + 1)))
    t.equal(caller.closed, undefined)
    t.equal(caller.sent.length, 1)
  })
})

t.test('an agent that sends no message frames', async (t) => {
  const { say, caller, over, link, clean, frames } = await relay(t)
  say(text('hi'), Buffer.of(0xc1, 0))
  t.same(caller.sent, ['hi'])
  t.equal(caller.closed?.code, 1011)
  t.same([over, link.errors], [['agent_error'], 1])
  t.match(await frames(Kind.reset), [{ id: 1 }])
  clean()
})

t.test('a caller that does not read gives its upstream no credit', async (t) => {
  const { say, caller, events, frames, hear, clean, over } = await relay(t)
  const bulk = () => say(...messageFrame(true, Buffer.alloc(80 * KIB)))
  caller.bufferedAmount = MIB + 1
  bulk()
  bulk()
  t.same(await frames(Kind.credit), [])
  events.drain()
  t.same(await frames(Kind.credit), [], 'it is still full')
  caller.bufferedAmount = MIB
  events.drain()
  const given = await frames(Kind.credit)
  t.match(given, [{ id: 1, bytes: 2 * (80 * KIB + 10) }])
  events.close(1006, '')
  hear(END)
  t.same(over, ['aborted'])
  clean()
})

t.test('what waits for an upstream', async (t) => {
  // The agent's first credit.
  const window = 256 * KIB
  await t.test('is bounded for each socket', async (t) => {
    const { message, backlog, caller, over, clean, heard } = await relay(t)
    for (let i = 0; i < 4; i++) message(Buffer.alloc(100 * KIB))
    await turn()
    t.equal((await heard()).length, 2, 'the window is full')
    message('')
    const waits = 4 * (100 * KIB + 10) + 2 - window
    t.equal(backlog.bytes, waits)
    for (let i = 0; i < 9; i++) message(Buffer.alloc(100 * KIB))
    t.equal(caller.closed, undefined)
    message(Buffer.alloc(100 * KIB))
    t.equal(caller.closed?.code, 1013)
    t.same(over, ['overloaded'])
    clean()
  })
  await t.test('counts as long as it waits', async (t) => {
    const { message, backlog, hear, pass, events, over, clean } = await relay(t)
    for (let i = 0; i < 4; i++) message(Buffer.alloc(100 * KIB))
    await turn()
    pass(0)
    t.ok(backlog.bytes > 100 * KIB)
    hear({ kind: Kind.credit, id: 1, bytes: MIB })
    await turn()
    pass(0)
    t.equal(backlog.bytes, 0)
    events.close(1000, '')
    await turn()
    hear(END)
    t.same(over, [undefined])
    clean()
  })
  await t.test('is bounded for all sockets together', async (t) => {
    const backlog = new Backlog()
    const first = new Waiting(backlog, 0)
    t.notOk(first.tooMuch(256 * MIB - 100))
    const { message, caller, over } = await relay(t, { backlog })
    message('x'.repeat(98))
    t.equal(caller.closed, undefined)
    message('')
    t.equal(caller.closed?.code, 1013)
    t.same(over, ['overloaded'])
    t.equal(backlog.bytes, 256 * MIB - 100)
    first.tooMuch(0)
    t.equal(backlog.bytes, 0)
  })
})

t.test('a quiet caller is pinged', async (t) => {
  const { pass, caller, events, over, say, message, clean } = await relay(t)
  pass(999)
  t.equal(caller.pings, 0)
  pass(1)
  t.equal(caller.pings, 1)
  pass(100)
  t.equal(caller.pings, 1)
  for (const sign of [() => events.pong(), () => message('hi'), () => events.drain()]) {
    sign()
    pass(1000)
    t.same(over, [])
  }
  t.equal(caller.pings, 4)
  say(text('what it is sent is no sign of life'))
  pass(499)
  t.same(over, [])
  pass(1)
  t.same(over, ['aborted'])
  t.ok(caller.destroyed)
  clean()
})

t.test('a caller is not given up unasked, where the gateway stood still', async (t) => {
  const { pass, caller, over, clean } = await relay(t)
  pass(60_000)
  t.same([caller.pings, over], [1, []])
  pass(499)
  t.same(over, [])
  pass(1)
  t.same([caller.pings, over], [1, ['aborted']])
  clean()
})

t.test('who is pinged more often than it may be silent is given up in time', async (t) => {
  const { pass, caller, events, over } = await relay(t, { settings: { pingInterval: 100, pingTimeout: 450 } })
  pass(100)
  pass(50)
  events.pong()
  for (let i = 0; i < 10; i++) pass(50)
  t.same([caller.pings, over], [6, []])
  pass(50)
  t.same(over, ['aborted'])
})
