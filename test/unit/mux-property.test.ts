/** Random schedules: what holds whatever two ends do, and whenever it arrives. */
import fc from 'fast-check'
import t from 'tap'
import { type Frame, Kind, ResetCode } from '../../shared/frames.js'
import { MAX_DATA, STREAM_WINDOW } from '../../shared/limits.js'
import type { Stream } from '../../shared/stream.js'
import { StreamTable } from '../../shared/stream-table.js'
import { WindowPool } from '../../shared/window.js'
import { Pair } from '../helpers/pair.js'
import { GET, link, OK, POST, pattern, Tape } from '../helpers/tape.js'

const POOL = 1 << 20

interface Step {
  what: 'open' | 'head' | 'write' | 'end' | 'read' | 'reset' | 'move' | 'wait'
  side: 'caller' | 'server'
  which: number
  size: number
}

/** One end of a stream that keeps count of what it wrote and checks what it gets. */
class Actor extends Tape {
  written = 0
  got = 0
  ended = false
  readonly faults: string[] = []

  constructor(stream?: Stream) {
    super(stream)
    this.eager = false
    this.on.data = (chunk) => {
      if (!pattern(this.got, chunk.length).equals(this.chunks.pop()!)) this.faults.push('other bytes came')
      this.got += chunk.length
      if (this.held > this.stream!.receiveWindow.size) this.faults.push('held more than the window')
    }
    this.on.reset = () => this.stream!.open && this.faults.push('open after a reset')
  }

  act({ what, size }: Step): void {
    const stream = this.stream!
    if (what === 'read') this.read(Math.min(this.held, size))
    if (what === 'reset' && size % 3 === 0) stream.reset(ResetCode.cancelled, '')
    if (what === 'head') stream.head({ ...OK, status: size % 4 === 0 ? 103 : 200 })
    if (stream.sending !== 'body' || this.ended) return
    if (what === 'end') this.finish()
    if (what === 'write' && stream.queued < STREAM_WINDOW) {
      stream.write(pattern(this.written, size))
      this.written += size
    }
  }

  finish(): void {
    this.read()
    this.stream!.head(OK)
    this.stream!.end()
    this.ended ||= this.stream!.sending !== 'head'
  }

  /** What is wrong once all is over, given who wrote what came here. */
  judge(peer: Actor | undefined): string[] {
    const ends = this.said.filter((word) => word === 'end').length
    const cuts = this.said.filter((word) => /^(reset|lost)/.test(word)).length
    if (this.stream!.open) this.faults.push('still open')
    if (ends > 1 || cuts > 1) this.faults.push(`ended by ${this.said}`)
    if (cuts === 1 && !/^(reset|lost)/.test(this.said.at(-1)!)) this.faults.push('told of more after a reset')
    if (peer === undefined) return this.faults
    if (this.got > peer.written) this.faults.push('more came than was written')
    if (ends === 1 && this.got !== peer.written) this.faults.push(`${this.got} of ${peer.written} bytes came`)
    return this.faults
  }
}

function run(steps: readonly Step[], slice: boolean, cut: boolean): string[] {
  const callers: Actor[] = []
  const servers: Actor[] = []
  const accept = (stream: Stream) => (servers[stream.id - 1] = new Actor(stream))
  const pair = new Pair({ slice, latency: 10, pool: new WindowPool(POOL), accept })
  for (const step of steps) {
    if (step.what === 'move') pair.step()
    else if (step.what === 'wait') pair.advance(step.size % 50)
    else if (step.what === 'open' && callers.length < 2) {
      const caller = new Actor()
      caller.ended = step.size % 5 === 0
      caller.stream = pair.gateway.mux.open({ ...POST, end: caller.ended }, caller)
      callers.push(caller)
    } else (step.side === 'caller' ? callers : servers)[step.which]?.act(step)
  }
  if (cut) pair.cut()
  for (let round = 0; round < 3 || pair.sizes[0] + pair.sizes[1] > 0; round++) {
    if (round === 200) return ['it never ends']
    pair.settle()
    for (const actor of [...callers, ...servers]) actor.finish()
  }
  const faults = [pair.gateway.fault?.message ?? '', pair.agent.fault?.message ?? '']
  if (pair.pool.free !== POOL) faults.push(`${pair.pool.free} in the pool`)
  callers.forEach((caller, i) => {
    faults.push(...caller.judge(servers[i]), ...(servers[i]?.judge(caller) ?? []))
  })
  return faults.filter((fault) => fault !== '')
}

t.test('a table of streams is a map by id', async (t) => {
  const step = fc.record({
    add: fc.boolean(),
    id: fc.oneof(
      fc.nat(40),
      fc.nat(40).map((n) => n * 64),
    ),
  })
  const property = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
    const table = new StreamTable()
    const model = new Map<number, Stream>()
    for (const { add, id } of steps) {
      const stream = model.get(id) ?? ({ id } as Stream)
      if (add && !model.has(id)) table.add(stream)
      if (add) model.set(id, stream)
      else if (table.delete(stream) !== model.delete(id)) return false
      if (table.size !== model.size || table.get(id) !== model.get(id)) return false
    }
    const known = new Set(table.values())
    return (
      known.size === model.size &&
      [...model].every(([id, stream]) => known.has(stream) && table.get(id) === stream)
    )
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 1000 }))
})

t.test('whatever two ends do in whatever order, the streams keep their promises', async (t) => {
  const what = fc.constantFrom<Step['what']>(
    ...([
      'open',
      'head',
      'write',
      'write',
      'write',
      'end',
      'read',
      'read',
      'reset',
      'move',
      'move',
      'wait',
    ] as const),
  )
  const size = fc.oneof(fc.nat(300), fc.integer({ min: 50_000, max: 200_000 }))
  const side = fc.constantFrom<Step['side']>('caller', 'server')
  const steps = fc.array(fc.record({ what, side, which: fc.nat(1), size }), {
    minLength: 20,
    maxLength: 120,
    size: 'max',
  })
  const property = fc.property(steps, fc.boolean(), fc.boolean(), (some, slice, cut) => {
    const faults = run(some, slice, cut)
    if (faults.length > 0) throw new Error(faults.join('; '))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 1500 }))
})

t.test('whatever frames a peer sends, they are taken or a rule is named', async (t) => {
  const id = fc.integer({ min: 1, max: 4 })
  const body = fc.constantFrom(1, 500, MAX_DATA).map((length) => Buffer.alloc(length))
  const texts = fc.constantFrom<string[]>([], ['x', 'y'])
  const frame = fc.oneof(
    fc.record({
      kind: fc.constant(Kind.open),
      id,
      stream: fc.constant(1 as const),
      method: fc.constant('GET'),
      target: fc.constant('/'),
      headers: texts,
      body: fc.option(body),
      end: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant(Kind.head),
      id,
      status: fc.constantFrom(100, 200, 404),
      reason: fc.constant(null),
      headers: texts,
      body: fc.option(body),
      end: fc.boolean(),
    }),
    fc.record({ kind: fc.constant(Kind.data), id, body }),
    fc.record({ kind: fc.constant(Kind.data), id, body }),
    fc.record({ kind: fc.constant(Kind.end), id, trailers: texts }),
    fc.record({
      kind: fc.constant(Kind.credit),
      id: fc.nat(4),
      bytes: fc.constantFrom(1, 70_000, 0x8000_0000),
    }),
    fc.record({
      kind: fc.constant(Kind.reset),
      id,
      code: fc.constantFrom(1, 2, 3, 4, 5),
      message: fc.constant(''),
    }),
  ) as fc.Arbitrary<Frame>
  const outcomes = new Set<string>()
  const property = fc.property(
    fc.array(frame, { maxLength: 60, size: 'max' }),
    fc.boolean(),
    (frames, toAgent) => {
      const { pair, open, served } = link({ pool: new WindowPool(POOL), gatewayLimits: { maxStreams: 2 } })
      const callers = toAgent ? [] : [open(), open(), open(GET)]
      const end = toAgent ? pair.agent : pair.gateway
      for (const one of frames) {
        pair.inject(end, one)
        if (end.fault !== undefined) break
        for (const tape of served.filter(() => true)) tape.stream!.head({ ...OK, end: one.kind === Kind.end })
        end.mux.pull()
        if (toAgent && end.mux.size > 2) return false
      }
      outcomes.add(end.fault?.message.replace(/\d+/g, 'N') ?? 'taken')
      pair.cut()
      const ended = callers.every(({ stream }) => !stream!.open)
      return ended && end.mux.size === 0 && pair.pool.free === POOL
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 3000 }))
  t.ok(outcomes.size >= 8, [...outcomes].join('; '))
})
