import t from 'tap'
import { DEFAULT_LIMITS } from '../../shared/sessions/bounds.js'
import { storedEvent } from '../../shared/sessions/event.js'
import { EventLog } from '../../shared/sessions/event-log.js'
import { LineReader } from '../../shared/sessions/lines.js'
import { MemoryStore } from '../../shared/sessions/memory-store.js'
import { failureTrailers, readFailure } from '../../shared/sessions/run-messages.js'
import { RunFailure } from '../../shared/sessions/runner.js'
import type { Write } from '../../shared/sessions/store.js'
import { HeldClock } from '../helpers/session-rig.js'

/** What is due at once has been done. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('what the store does not take is kept, told later, and bounded meanwhile', async (t) => {
  const clock = new HeldClock()
  const written: number[] = []
  const told: number[] = []
  const faults: unknown[] = []
  let broken = true
  const store = new (class extends MemoryStore {
    override write(writes: readonly Write[]): void {
      if (broken) throw new Error('the disk is full')
      for (const write of writes) if (write.kind === 'event') written.push(write.event.seq)
    }
  })(() => clock.now())
  const log = new EventLog(store, clock, DEFAULT_LIMITS, {
    stored: (_record, events) => told.push(...events.map(({ seq }) => seq)),
    failed: (error) => faults.push(error),
  })
  const record = store.insert(
    {
      id: 'sess_1',
      owner: 'a',
      userId: 'u',
      agent: null,
      createdAt: 0,
      workspaceDir: null,
      metadata: {},
      status: 'idle',
      tunnelId: null,
      lastActiveAt: 0,
      firstSeq: 1,
      lastSeq: 0,
      bytes: 0,
    },
    undefined,
  )
  const push = (): void => {
    const seq = ++record.lastSeq
    log.push({
      kind: 'event',
      record,
      event: storedEvent('text', { text: 'x' }, { at: 0, seq, runId: null }),
    })
  }
  t.equal(log.room(), undefined)
  push()
  await turn()
  t.equal(faults.length, 1)
  t.ok(log.failing)
  for (let i = 1; i < 3000; i++) push()
  const room = log.room()
  t.ok(room, 'who makes more has to wait')
  clock.advance(999)
  t.equal(faults.length, 1)
  clock.advance(1)
  t.equal(faults.length, 2)
  t.same(told, [])
  broken = false
  clock.advance(1000)
  t.equal(told.length, 2000, 'one transaction at a time')
  await room
  log.flush()
  t.notOk(log.failing)
  t.same(
    told,
    Array.from({ length: 3000 }, (_, i) => i + 1),
  )
  t.same(written, told)
  log.close()
  push()
  t.equal(told.length, 3000)
})

t.test('lines that come in any pieces', async (t) => {
  const lines = ['', 'a', '☃'.repeat(20), '{"x":1}', 'y'.repeat(64)]
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  for (let size = 1; size < bytes.length; size += 3) {
    const reader = new LineReader(64)
    const got: string[] = []
    for (let at = 0; at < bytes.length; at += size) {
      const piece = Buffer.from(bytes.subarray(at, at + size))
      got.push(...reader.push(piece))
      piece.fill(0)
    }
    t.same(got, lines)
    t.notOk(reader.inside)
  }
  const reader = new LineReader(64)
  reader.push(Buffer.alloc(64, 'a'))
  t.ok(reader.inside)
  t.throws(() => reader.push(Buffer.from('a')), /more than 64 bytes/)
})

t.test('a failure travels as a field of ASCII', async (t) => {
  const trailers = failureTrailers(new RunFailure('agent_error', 'é ☃ 𝒳\n\u0000'))
  t.match(trailers[1], /^[\x20-\x7e]+$/)
  t.match(readFailure(['x', 'y', ...trailers]), { code: 'agent_error', message: 'é ☃ 𝒳\n\u0000' })
  t.equal(readFailure(['x', 'y']), undefined)
  for (const broken of ['{', '{"code":1,"message":""}', 'null'])
    t.match(readFailure(['gw-run-error', broken]), {
      code: 'agent_error',
      message: /is not \{code, message\}/,
    })
})
