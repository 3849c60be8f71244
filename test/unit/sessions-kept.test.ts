/** Sessions as they are kept: whose they are, how they are listed, and how they end. */
import t from 'tap'
import type { Execution } from '../../shared/sessions/execution.js'
import { ADMIN, ALICE, BOB, collect, HeldClock, startSessions } from '../helpers/session-rig.js'
import { both, code, deaf, hello, turn } from '../helpers/session-scripts.js'

both('whose a session is', async (t, options) => {
  const { sessions, begin } = startSessions(t, { execute: hello, ...options })
  const mine = begin(ALICE)
  begin(BOB)
  const denied = [
    () => sessions.get(BOB, mine),
    () => sessions.patch(BOB, mine, {}),
    () => sessions.delete(BOB, mine),
    () => sessions.execute(BOB, mine, { user_input: '' }),
    () => sessions.cancel(BOB, mine, 'run_1'),
    () => sessions.input(BOB, mine, 'run_1', 1),
    () => sessions.events(BOB, mine, {}),
    () => sessions.subscribe(BOB, mine),
    () => sessions.get(ALICE, 'sess_000000000000'),
  ]
  for (const work of denied) t.throws(work, { code: 'not_found', message: 'Session not found' })
  t.same(sessions.list(BOB, {}).sessions.length, 1)
  t.same(sessions.list(ADMIN, {}).sessions.length, 2)
  t.equal(sessions.get(ADMIN, mine).session_id, mine)
})

both('lists, newest first, a page at a time', async (t, options) => {
  const { sessions } = startSessions(t, { execute: deaf, ...options })
  const ids = Array.from(
    { length: 7 },
    (_, i) => sessions.create(ALICE, { user_id: `u${i % 2}` }).session_id,
  ).reverse()
  const seen: string[] = []
  let cursor: string | null = null
  do {
    const page: ReturnType<typeof sessions.list> = sessions.list(ALICE, {
      limit: '3',
      ...(cursor !== null && { cursor }),
    })
    seen.push(...page.sessions.map(({ session_id }) => session_id))
    cursor = page.next_cursor
  } while (cursor !== null)
  t.same(seen, ids)
  t.equal(sessions.list(ALICE, { user_id: 'u0' }).sessions.length, 4)
  sessions.execute(ALICE, ids[2]!, { user_input: '' })
  t.same(
    sessions.list(ALICE, { status: 'running' }).sessions.map(({ session_id }) => session_id),
    [ids[2]],
  )
  t.equal(sessions.list(ALICE, { status: 'idle' }).sessions.length, 6)
  for (const query of [{ limit: '0' }, { limit: 'x' }, { limit: '201' }, { cursor: '!' }, { status: 'x' }])
    t.equal(
      code(() => sessions.list(ALICE, query)),
      'bad_request',
      JSON.stringify(query),
    )
})

both('a key makes one session', async (t, options) => {
  const clock = new HeldClock()
  const { sessions } = startSessions(t, { execute: hello, clock, ...options })
  const { session_id: id } = sessions.create(ALICE, { user_id: 'u' }, 'k1')
  t.equal(sessions.create(ALICE, { user_id: 'u' }, 'k1').session_id, id)
  t.not(sessions.create(BOB, { user_id: 'u' }, 'k1').session_id, id)
  t.equal(
    code(() => sessions.create(ALICE, { user_id: 'v' }, 'k1')),
    'conflict',
  )
  t.equal(
    code(() => sessions.create(ALICE, { user_id: 'v' }, '')),
    'bad_request',
  )
  sessions.delete(ALICE, id)
  t.equal(
    code(() => sessions.create(ALICE, { user_id: 'u' }, 'k1')),
    'conflict',
  )
  await turn()
  clock.advance(24 * 3600_000 + 61_000)
  t.type(sessions.create(ALICE, { user_id: 'v' }, 'k1').session_id, 'string')
})

both('deleting and ending', async (t, options) => {
  const clock = new HeldClock()
  const rig = startSessions(t, { execute: deaf, limits: { ttl: 60_000 }, clock, ...options })
  const { sessions, begin } = rig
  const [gone, idle, busy] = [begin(), begin(), begin()]
  const { runId } = sessions.execute(ALICE, gone, { user_input: '' })
  sessions.execute(ALICE, busy, { user_input: '' })
  const reader = sessions.subscribe(ALICE, gone, { after: 0 })
  sessions.delete(ALICE, gone)
  const events = await collect(reader)
  t.match(events.at(-1), { type: 'done', data: { run_id: runId, status: 'cancelled' } })
  t.equal(reader.ended, 'deleted')
  await turn()
  t.equal(
    code(() => sessions.get(ALICE, gone)),
    'not_found',
  )
  t.equal(sessions.get(ALICE, idle).expires_at, '2026-01-24T08:01:00.000Z')
  t.equal(sessions.get(ALICE, busy).expires_at, null)
  clock.advance(30_000)
  sessions.patch(ALICE, idle, { metadata: { kept: true }, workspace_dir: '/x' })
  clock.advance(59_000)
  t.match(sessions.get(ALICE, idle), { metadata: { kept: true }, workspace_dir: '/x' })
  clock.advance(17_000)
  t.equal(
    code(() => sessions.get(ALICE, idle)),
    'not_found',
  )
  t.equal(sessions.get(ALICE, busy).status, 'running')
  t.strictSame(
    rig.told
      .filter(({ type }) => /session:(end|timeout)/.test(type))
      .map(({ type, sessionId }) => [type, sessionId]),
    [
      ['session:end', gone],
      ['session:timeout', idle],
    ],
  )
})

both('the bounds of a principal', async (t, options) => {
  const { sessions, begin, run } = startSessions(t, {
    execute: async function* ({ userInput }: Execution) {
      if (userInput === 'wait') await new Promise(() => {})
      yield { type: 'text', data: { text: 'x'.repeat(3000) } }
    },
    limits: { maxSessions: 2, maxRuns: 1, maxStored: 3000 },
    ...options,
  })
  const [one, two] = [begin(), begin()]
  t.equal(
    code(() => begin()),
    'overloaded',
  )
  begin(BOB)
  t.type(begin(ADMIN), 'string')
  sessions.execute(ALICE, one, { user_input: 'wait' })
  t.equal(
    code(() => sessions.execute(ALICE, two, { user_input: '' })),
    'overloaded',
  )
  sessions.delete(ALICE, one)
  await run(two)
  t.throws(() => sessions.execute(ALICE, two, { user_input: '' }), {
    code: 'overloaded',
    message: /3000 bytes/,
  })
  sessions.delete(ALICE, two)
  await run(begin())
})

t.test('what is asked wrongly', async (t) => {
  const { sessions, begin } = startSessions(t, { execute: hello })
  const id = begin()
  const bodies: [() => unknown, RegExp][] = [
    [() => sessions.create(ALICE, {}), /^session: user_id: /],
    [() => sessions.create(ALICE, null), /^session: /],
    [() => sessions.create(ALICE, { user_id: 'x'.repeat(257) }), /user_id: has more than 256/],
    [
      () => sessions.create(ALICE, { user_id: 'a', metadata: { a: 'x'.repeat(20_000) } }),
      /metadata: .*16384/,
    ],
    [() => sessions.create(ALICE, { user_id: 'a', metadata: [] }), /metadata: /],
    [() => sessions.create(ALICE, { user_id: 'a', agent: { purpos: 'x' } }), /agent: .*purpos/],
    [() => sessions.create(ALICE, { user_id: 'a', agent: { policy: 'x' } }), /agent\.policy: /],
    [() => sessions.execute(ALICE, id, {}), /^execute: user_input: /],
    [() => sessions.execute(ALICE, id, { user_input: 'x'.repeat(1_048_577) }), /user_input: .*1048576/],
    [() => sessions.execute(ALICE, id, { user_input: '', max_iterations: 0 }), /max_iterations: /],
    [() => sessions.events(ALICE, id, { after: '-1' }), /after: /],
    [() => sessions.subscribe(ALICE, id, { after: 1 }), /past the last event/],
  ]
  for (const [work, message] of bodies) t.throws(work, { code: 'bad_request', message })
  t.throws(() => sessions.create(ALICE, { user_id: 'a', agent: { tunnel_id: 'x' } }), {
    code: 'invalid_tunnel_id',
  })
  t.equal(sessions.events(ALICE, id, {}).lastSeq, 0)
})
