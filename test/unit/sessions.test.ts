/** Runs of sessions: what agents yield, how runs wait and end, and what readers get. */
import t from 'tap'
import type { Execution } from '../../shared/sessions/execution.js'
import { directoryFor } from '../helpers/directory.js'
import { ALICE, collect, HeldClock, startSessions, told } from '../helpers/session-rig.js'
import { both, code, deaf, endless, hello, turn } from '../helpers/session-scripts.js'

both('a run from its first event to its done', async (t, options) => {
  const { sessions, run, ...rig } = startSessions(t, { execute: hello, ...options })
  const session = sessions.create(ALICE, { user_id: 'user_1', metadata: { a: 1 }, workspace_dir: '/home' })
  t.match(session.session_id, /^sess_[0-9a-f]{12,}$/)
  t.strictSame(
    { ...session, session_id: '', created_at: '', last_active_at: '' },
    {
      session_id: '',
      user_id: 'user_1',
      workspace_dir: '/home',
      created_at: '',
      metadata: { a: 1 },
      status: 'idle',
      tunnel_id: null,
      last_active_at: '',
      expires_at: null,
    },
  )
  const id = session.session_id
  const events = await run(id, 'world')
  t.strictSame(
    events.map(({ type, seq }) => [type, seq]),
    [
      ['session_info', 0],
      ['text', 1],
      ['text', 2],
      ['done', 3],
    ],
  )
  const [info, first, , done] = events
  t.strictSame(info!.data, { session_id: id })
  t.notOk('run_id' in info!)
  t.strictSame(Object.keys(first!), ['type', 'data', 'timestamp', 'seq', 'run_id'])
  t.match(first!.timestamp, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  t.strictSame(done!.data, {
    run_id: first!.run_id,
    status: 'completed',
    output: 'Hello, world',
    usage: { tokens: 7 },
  })
  const page = sessions.events(ALICE, id, { after: '1', limit: '1' })
  t.strictSame([page.events.map(({ seq }) => seq), page.firstSeq, page.lastSeq], [[2], 1, 3])
  t.equal(sessions.get(ALICE, id).status, 'idle')
  t.strictSame(
    rig.told.map(({ type }) => type),
    ['session:start', 'message:received', 'message:sent'],
  )
})

t.test('what an agent may yield, and what not', async (t) => {
  const cases: [string, unknown[], unknown[]][] = [
    ['nothing', [], [['completed', '']]],
    [
      'no event',
      [7],
      [
        ['agent_error', 'the agent yielded number; it must yield {type, data}'],
        ['failed', ''],
      ],
    ],
    [
      'no data',
      [{ type: 'text' }],
      [
        ['agent_error', /data: /],
        ['failed', ''],
      ],
    ],
    [
      'no text',
      [{ type: 'text', data: { text: 1 } }],
      [
        ['agent_error', /data\.text: /],
        ['failed', ''],
      ],
    ],
    [
      'an unknown type',
      [{ type: 'nonsense', data: {} }],
      [
        ['agent_error', /type: /],
        ['failed', ''],
      ],
    ],
    [
      "the engine's own",
      [{ type: 'session_info', data: {} }],
      [
        ['agent_error', /type: /],
        ['failed', ''],
      ],
    ],
    [
      'no JSON',
      [{ type: 'status', data: { n: 1n } }],
      [
        ['agent_error', /no JSON.*BigInt/],
        ['failed', ''],
      ],
    ],
    [
      'too large',
      [{ type: 'text', data: { text: 'é'.repeat(600_000) } }],
      [
        ['agent_error', /more than 1048576 bytes/],
        ['failed', ''],
      ],
    ],
    [
      'done by itself',
      [{ type: 'text', data: { text: 'a' } }, { type: 'done' }, 7],
      ['a', ['completed', 'a']],
    ],
    [
      'an error that is none of ours',
      [{ type: 'error', data: { message: 'm' } }],
      [
        ['agent_error', 'm'],
        ['completed', ''],
      ],
    ],
    [
      'any text',
      [{ type: 'text', data: { text: '\ud800 \u0000 ☃ 𝒳' } }],
      ['\ud800 \u0000 ☃ 𝒳', ['completed', '\ud800 \u0000 ☃ 𝒳']],
    ],
    [
      'the other types',
      [
        { type: 'tool_call', data: { id: 'a', name: 'b', input: {} }, seq: 99, timestamp: 'x', run_id: 'y' },
        { type: 'tool_result', data: { tool_call_id: 'a', result: null, is_error: true } },
        { type: 'status', data: {} },
        { type: 'auth_required', data: {} },
        { type: 'work_product', data: {} },
        { type: 'input_required', data: {} },
        { type: 'iteration_end', data: { iteration: 1 } },
      ],
      [
        'tool_call',
        'tool_result',
        'status',
        'auth_required',
        'work_product',
        'input_required',
        'iteration_end',
        ['completed', ''],
      ],
    ],
  ]
  for (const [name, yields, expected] of cases) {
    const { begin, run } = startSessions(t, {
      execute: async function* () {
        yield* yields
      },
      dataDir: directoryFor(t),
    })
    const events = await run(begin())
    t.match(told(events), ['session_info', ...expected], name)
    t.equal(events.length, expected.length + 1, name)
    t.same(
      events.map(({ seq }) => seq),
      events.map((_, i) => i),
      `${name}: seqs`,
    )
  }
})

t.test('what an execute that is no generator comes to', async (t) => {
  const results: [() => unknown, unknown[]][] = [
    [() => undefined, [['completed', '']]],
    [async () => [{ type: 'text', data: { text: 'a' } }], ['a', ['completed', 'a']]],
    [
      () => 'text',
      [
        ['agent_error', 'execute returned string; it must be an async generator'],
        ['failed', ''],
      ],
    ],
    [
      () => {
        throw new Error('at once')
      },
      [
        ['agent_error', 'at once'],
        ['failed', ''],
      ],
    ],
  ]
  for (const [execute, expected] of results) {
    const { begin, run } = startSessions(t, { execute })
    t.strictSame(told(await run(begin())), ['session_info', ...expected])
  }
  const { begin, run } = startSessions(t, {})
  t.match(told(await run(begin())), ['session_info', ['no_agent', String], ['failed', '']])
})

t.test('a cancel ends a run that listens, one that waits, and one that is deaf', async (t) => {
  const clock = new HeldClock()
  const { sessions, begin, ...rig } = startSessions(t, { execute: endless })
  const id = begin()
  const first = sessions.execute(ALICE, id, { user_input: 'a' })
  const second = sessions.execute(ALICE, id, { user_input: 'b' })
  t.equal(sessions.get(ALICE, id).status, 'running')
  sessions.cancel(ALICE, id, second.runId)
  const waited = await collect(sessions.subscribe(ALICE, id, { after: 0, runId: second.runId }))
  t.strictSame(told(waited), ['session_info', ['cancelled', '']])
  const reader = sessions.subscribe(ALICE, id, { after: 0, runId: first.runId })
  for await (const { type } of reader) if (type === 'iteration_end') break
  const last = collect(sessions.subscribe(ALICE, id, { runId: first.runId }))
  sessions.cancel(ALICE, id, first.runId)
  sessions.cancel(ALICE, id, first.runId)
  t.strictSame(told(await last).at(-1), ['cancelled', ''])
  sessions.cancel(ALICE, id, first.runId)
  t.equal(
    code(() => sessions.cancel(ALICE, id, 'run_none')),
    'not_found',
  )
  t.equal(rig.told.filter(({ type }) => type === 'message:cancelled').length, 2)

  const other = startSessions(t, { execute: deaf, clock })
  const session = other.begin()
  const run = other.sessions.execute(ALICE, session, { user_input: '' })
  for await (const { type } of other.sessions.subscribe(ALICE, session, { after: 0 })) {
    if (type === 'text') break
    clock.advance(20)
  }
  other.sessions.cancel(ALICE, session, run.runId)
  const read = collect(other.sessions.subscribe(ALICE, session, { after: 0, runId: run.runId }))
  clock.advance(4999)
  t.equal(other.sessions.get(ALICE, session).status, 'running')
  clock.advance(1)
  clock.advance(20)
  t.strictSame(told(await read), ['session_info', 'deaf', ['cancelled', 'deaf']])
})

t.test('a generator that never waits does not keep the loop, nor fill the memory', async (t) => {
  const { sessions, begin } = startSessions(t, {
    execute: async function* () {
      for (;;) yield { type: 'text', data: { text: 'x' } }
    },
    dataDir: directoryFor(t),
    limits: { maxEvents: 1000 },
  })
  const id = begin()
  const { runId } = sessions.execute(ALICE, id, { user_input: '' })
  let seen = 0
  for await (const { type, seq } of sessions.subscribe(ALICE, id)) {
    if (type === 'text' && ++seen === 1500) sessions.cancel(ALICE, id, runId)
    if (type === 'done') {
      t.ok(seq! > 1500)
      break
    }
  }
  const { events, firstSeq, lastSeq } = sessions.events(ALICE, id, { limit: '1000' })
  t.ok(lastSeq - firstSeq < 1000 && firstSeq > 1, `${firstSeq} to ${lastSeq}`)
  t.equal(events[0]!.seq, firstSeq)
  // What was dropped is told, to whoever asks for it.
  const reader = sessions.subscribe(ALICE, id, { after: 0 })
  const [info] = (await reader.read())!
  t.match(JSON.parse(info!.json), { seq: firstSeq - 1, data: { first_seq: firstSeq } })
  t.equal((await reader.read())![0]!.seq, firstSeq)
  t.equal(sessions.get(ALICE, id).first_seq, firstSeq)
})

t.test('runs of one session wait their turn, 16 of them', async (t) => {
  const order: string[] = []
  const gates: (() => void)[] = []
  const { sessions, begin } = startSessions(t, {
    execute: async function* ({ userInput }: Execution) {
      order.push(userInput)
      await new Promise<void>((resolve) => gates.push(resolve))
      yield { type: 'text', data: { text: userInput } }
    },
  })
  const id = begin()
  const runs = Array.from({ length: 17 }, (_, i) => sessions.execute(ALICE, id, { user_input: String(i) }))
  t.equal(
    code(() => sessions.execute(ALICE, id, { user_input: 'too many' })),
    'overloaded',
  )
  t.equal(sessions.active, 1)
  for (const [i, { runId }] of runs.entries()) {
    while (gates.length === 0) await turn()
    t.equal(order.length, i + 1)
    gates.shift()!()
    await collect(sessions.subscribe(ALICE, id, { after: 0, runId }))
  }
  t.same(
    order,
    runs.map((_, i) => String(i)),
  )
  t.equal(sessions.events(ALICE, id, {}).lastSeq, 34)
  t.equal(sessions.active, 0)
})

both('history, turns and input reach the agent', async (t, options) => {
  const seen: Execution[] = []
  const { sessions, begin, run } = startSessions(t, {
    ...options,
    execute: async function* (execution: Execution): AsyncGenerator<object, void> {
      seen.push(execution)
      if (execution.userInput !== 'ask') return yield { type: 'text', data: { text: 'first' } }
      yield { type: 'input_required', data: { prompt: '?' } }
      for await (const answer of execution.input) return yield { type: 'text', data: { text: `${answer}` } }
    },
  })
  const id = begin()
  await run(id, 'begin')
  const { runId, after } = sessions.execute(ALICE, id, {
    user_input: 'ask',
    context: { a: 1 },
    max_iterations: 3,
  })
  const events = []
  for await (const event of sessions.subscribe(ALICE, id, { after, runId })) {
    events.push(event)
    if (event.type === 'input_required') sessions.input(ALICE, id, runId, 'forty-two')
  }
  t.strictSame(told(events), ['session_info', 'input_required', 'forty-two', ['completed', 'forty-two']])
  t.equal(
    code(() => sessions.input(ALICE, id, runId, 1)),
    'conflict',
  )
  t.equal(
    code(() => sessions.input(ALICE, id, 'run_x', 1)),
    'not_found',
  )
  const [, { history, turns, context, maxIterations, session }] = seen as [Execution, Execution]
  t.strictSame(told(history), ['first', ['completed', 'first']])
  t.match(turns, [{ user_input: 'begin', run_id: history[0]!.run_id }])
  t.match(
    { context, maxIterations, session },
    { context: { a: 1 }, maxIterations: 3, session: { sessionId: id, userId: 'user_1' } },
  )
})

both('a reader at every place of a run sees each event once, in order', async (t, options) => {
  const { sessions, begin, run } = startSessions(t, {
    ...options,
    execute: async function* () {
      for (let i = 1; i < 200; i++) {
        yield { type: 'text', data: { text: `${i}` } }
        if (i % 20 === 0) await turn()
      }
    },
  })
  const id = begin()
  const { runId, after } = sessions.execute(ALICE, id, { user_input: '' })
  const seqs: number[] = []
  let cursor = after
  // A new reader for each event, while the run goes on.
  while (seqs.length < 200) {
    for await (const { type, seq } of sessions.subscribe(ALICE, id, { after: cursor, runId })) {
      if (type === 'session_info') t.equal(seq, cursor)
      else {
        seqs.push((cursor = seq!))
        break
      }
    }
  }
  t.same(
    seqs,
    Array.from({ length: 200 }, (_, i) => i + 1),
  )
  await run(id)
  for (let from = 0; from <= 400; from += 57) {
    const reader = sessions.subscribe(ALICE, id, { after: from })
    const got: number[] = []
    while (got.length <= 400 - from) got.push(...(await reader.read())!.map(({ seq }) => seq))
    reader.close()
    t.same(
      got,
      Array.from({ length: 401 - from }, (_, i) => from + i),
    )
    t.equal(await reader.read(), undefined)
  }
})

t.test('a reader that does not read keeps nothing', async (t) => {
  const big = 'x'.repeat(100_000)
  const { sessions, begin, run } = startSessions(t, {
    dataDir: directoryFor(t),
    execute: async function* () {
      for (let i = 1; i < 60; i++) yield { type: 'text', data: { text: big } }
    },
  })
  const id = begin()
  const slow = sessions.subscribe(ALICE, id)
  await run(id)
  const seqs: number[] = []
  while (seqs.at(-1) !== 60) {
    const items = (await slow.read())!
    t.ok(items.length < 60, `${items.length} at once`)
    seqs.push(...items.map(({ seq }) => seq))
  }
  t.same(
    seqs,
    Array.from({ length: 61 }, (_, i) => i),
  )
})

t.test('closing: what runs is interrupted, what waits for it is told', async (t) => {
  const dataDir = directoryFor(t)
  const { sessions, begin } = startSessions(t, { execute: deaf, dataDir })
  const id = begin()
  const { runId } = sessions.execute(ALICE, id, { user_input: '' })
  const reader = sessions.subscribe(ALICE, id, { after: 0 })
  const drained = sessions.drain()
  t.equal(
    code(() => begin()),
    'draining',
  )
  t.equal(
    code(() => sessions.execute(ALICE, id, { user_input: '' })),
    'draining',
  )
  sessions.close()
  await drained
  const events = await collect(reader)
  t.match(events.at(-1)?.data, { run_id: runId, status: 'failed', reason: 'interrupted' })
  t.equal(reader.ended, 'closed')
  t.equal(
    code(() => sessions.get(ALICE, id)),
    'draining',
  )
  const next = startSessions(t, { execute: hello, dataDir })
  t.equal(next.sessions.get(ALICE, id).status, 'idle')
  t.match(next.sessions.events(ALICE, id, {}).events.at(-1), { type: 'done' })
})
