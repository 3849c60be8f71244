import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { loadHandlers } from '../../agent/index.js'
import { gatewayOptions } from '../../gateway/options.js'
import { SessionRoom } from '../../gateway/sessions/session-room.js'
import { createLogger } from '../../shared/log.js'
import { defaultsOf } from '../../shared/options.js'
import type { Sessions } from '../../shared/sessions/engine.js'
import type { SessionEvent } from '../../shared/sessions/event.js'
import type { ExecuteFunction, Execution } from '../../shared/sessions/execution.js'
import { inProcessRunner } from '../../shared/sessions/in-process.js'
import { directoryFor } from '../helpers/directory.js'
import { startRunner, tunnelId } from '../helpers/run-rig.js'
import { SCRIPTS, type Script } from '../helpers/scripted-agents.js'
import { request, SocketCaller } from '../helpers/session-caller.js'
import { ALICE, HeldClock, startSessions, told } from '../helpers/session-rig.js'
import { serving } from '../helpers/session-site.js'

const text = (words: string) => ({ type: 'text', data: { text: words } })

/** What is the same for both: all but times and ids. */
function comparable(event: SessionEvent, sessionId: string): string {
  const json = JSON.stringify({ ...event, timestamp: '', run_id: event.run_id && 'run' })
  return json.replaceAll(sessionId, 'sess').replace(/run_[0-9a-f]{20}/g, 'run')
}

async function play(sessions: Sessions, { answer, cancelAfter }: Script): Promise<string[]> {
  const { session_id: id } = sessions.create(ALICE, { user_id: 'u1' })
  const seen: string[] = []
  // Twice: the second run has a history.
  for (let run = 0; run < 2; run++) {
    const { runId, after } = sessions.execute(ALICE, id, { user_input: 'go', context: { a: 1 } })
    let count = 0
    for await (const event of sessions.subscribe(ALICE, id, { after, runId })) {
      seen.push(comparable(event, id))
      if (event.type === 'input_required') sessions.input(ALICE, id, runId, answer)
      if (event.type !== 'session_info' && ++count === cancelAfter) sessions.cancel(ALICE, id, runId)
    }
  }
  return seen
}

t.test('the same events from an agent of this process and from one behind a tunnel', async (t) => {
  const rig = await startRunner(t)
  let execute: ExecuteFunction = () => {}
  const inProcess = inProcessRunner((execution) => execute(execution))
  const { sessions: here } = startSessions(t, { runner: inProcess, dataDir: directoryFor(t) })
  const { sessions: there } = startSessions(t, { runner: rig.runner })
  for (const [name, script] of Object.entries(SCRIPTS)) {
    await t.test(name, async (t) => {
      execute = script.execute
      const agent = await rig.agent({ execute })
      const expected = await play(here, script)
      t.same(await play(there, script), expected)
      t.ok(expected.length >= 4)
      t.equal(expected.filter((event) => event.startsWith('{"type":"done"')).length, 2)
      await agent.stop()
      t.equal(agent.inFlight, 0)
    })
  }
  // 12 at the least; each is another thing that goes differently.
  t.ok(Object.keys(SCRIPTS).length >= 12)
})

t.test('an agent that serves no runs is none; the one that served the session keeps it', async (t) => {
  const { runner, agent, instances } = await startRunner(t)
  const { begin, run, sessions } = startSessions(t, { runner })
  const id = begin()
  const none = [
    'session_info',
    ['no_agent', 'no connected agent that serves runs matches the session'],
    ['failed', ''],
  ]
  t.same(told(await run(id)), none)
  await agent({ tunnelId: tunnelId(0), fetch: () => new Response('') })
  t.same(told(await run(id)), none)
  t.same(instances()[0]!.capabilities, ['websocket'])
  const who = (name: string) =>
    async function* ({ session }: Execution) {
      yield text(`${name} ${session.tunnel_id}`)
    }
  await agent({ tunnelId: tunnelId(2), execute: who('two') })
  await agent({ tunnelId: tunnelId(3), execute: who('three'), labels: { region: 'eu' } })
  const { session_id: eu } = sessions.create(ALICE, { user_id: 'u', agent: { labels: { region: 'eu' } } })
  t.same(told(await run(id)).slice(1), ['two null', ['completed', 'two null']])
  t.same(told(await run(eu)).slice(1), ['three null', ['completed', 'three null']])
  t.equal(sessions.get(ALICE, id).tunnel_id, tunnelId(2))
  t.match(told(await run(id))[1], `two ${tunnelId(2)}`)
  const { session_id: nowhere } = sessions.create(ALICE, { user_id: 'u', agent: { labels: 'region=us' } })
  t.match(told(await run(nowhere))[1], ['no_agent'])
})

t.test('a caller for whom only some tunnels are gets no other', async (t) => {
  const { runner, agent } = await startRunner(t)
  const { sessions, run } = startSessions(t, { runner })
  const who = (tunnels: string[]) => ({ id: `token:${tunnels}`, admin: false, tunnels })
  for (const n of [1, 2, 3])
    await agent({ tunnelId: tunnelId(n), name: `n${n}`, execute: () => [text(`${n}`)] })
  for (const [pattern, said] of [
    [tunnelId(2), '2'],
    ['name:n3', '3'],
    ['*', '1'],
    ['name:other', ['no_agent', 'no connected agent that serves runs matches the session']],
  ] as const) {
    const caller = who([pattern])
    const { session_id: id } = sessions.create(caller, { user_id: 'u' })
    t.same(told(await run(id, '', caller))[1], said, pattern)
  }
})

t.test('an agent that restarts is waited for, one that is gone for good is replaced', async (t) => {
  const { runner, agent, registry } = await startRunner(t, { failover: 400 })
  const { begin, run, sessions } = startSessions(t, { runner, dataDir: directoryFor(t) })
  const id = begin()
  const histories: unknown[][] = []
  const named = (name: string) =>
    async function* ({ history }: Execution) {
      histories.push(told(history))
      yield text(name)
    }
  const first = await agent({ tunnelId: tunnelId(1), execute: named('one') })
  await agent({ tunnelId: tunnelId(2), execute: named('two') })
  t.same(told(await run(id))[1], 'one')
  first.destroy()
  await gone(registry, tunnelId(1))
  const waiting = run(id)
  const again = await agent({ tunnelId: tunnelId(1), execute: named('one again') })
  t.same(told(await waiting)[1], 'one again')
  again.destroy()
  await gone(registry, tunnelId(1))
  t.same(told(await run(id))[1], 'two')
  t.equal(sessions.get(ALICE, id).tunnel_id, tunnelId(2))
  t.same(histories[2], ['one', ['completed', 'one'], 'one again', ['completed', 'one again']])
})

t.test('an agent that goes in the middle', async (t) => {
  const { runner, agent } = await startRunner(t)
  const { begin, run, sessions } = startSessions(t, { runner })
  const half = async function* () {
    yield text('half')
    await new Promise(() => {})
  }
  await t.test('fails the run', async (t) => {
    const one = await agent({ execute: half })
    const id = begin()
    const { runId } = sessions.execute(ALICE, id, { user_input: '' })
    const events: SessionEvent[] = []
    for await (const event of sessions.subscribe(ALICE, id, { after: 0, runId })) {
      events.push(event)
      if (event.type === 'text') one.destroy()
    }
    t.match(told(events), ['session_info', 'half', ['agent_disconnected', /link/], ['failed', 'half']])
  })
  await t.test('is taken up where it is resumable', async (t) => {
    const resuming = async function* ({ history, resumed, userInput, signal }: Execution) {
      if (userInput === 'small') return
      const said = history.filter(({ type }) => type === 'text').length
      if (said > 0) t.ok(resumed)
      for (let i = said; i < 6; i++) {
        yield text(`${i} `)
        if (i === said + 1 && i < 4) await once(signal, 'abort')
      }
    }
    const options = { execute: resuming, resumable: true }
    let current = await agent(options)
    const id = begin()
    const { runId } = sessions.execute(ALICE, id, { user_input: 'go' })
    const events: SessionEvent[] = []
    for await (const event of sessions.subscribe(ALICE, id, { after: 0, runId })) {
      events.push(event)
      if (event.type !== 'text' || (event.data.text !== '1 ' && event.data.text !== '3 ')) continue
      const next = agent(options)
      current.destroy()
      current = await next
    }
    t.same(told(events), ['session_info', '0 ', '1 ', '2 ', '3 ', '4 ', '5 ', ['completed', '0 1 2 3 4 5 ']])
    t.same(told(await run(begin(), 'small')).slice(1), [['completed', '']])
  })
})

t.test('an agent that takes no notice of a cancel loses its stream', async (t) => {
  const { runner, agent } = await startRunner(t)
  const clock = new HeldClock()
  const { begin, sessions } = startSessions(t, { runner, clock })
  const aborted: string[] = []
  const one = await agent({
    execute: async function* ({ signal }: Execution) {
      signal.addEventListener('abort', () => aborted.push(signal.reason.message))
      yield text('deaf')
      await new Promise(() => {})
    },
  })
  const id = begin()
  const { runId } = sessions.execute(ALICE, id, { user_input: '' })
  const reader = sessions.subscribe(ALICE, id, { after: 0, runId })
  const events: SessionEvent[] = []
  const timer = setInterval(() => clock.advance(20), 1)
  for await (const event of reader) {
    events.push(event)
    if (event.type !== 'text') continue
    clearInterval(timer)
    sessions.cancel(ALICE, id, runId)
    while (aborted.length === 0) await new Promise((resolve) => setImmediate(resolve))
    t.equal(one.inFlight, 1)
    clock.advance(5000)
    clock.advance(20)
  }
  t.same(told(events), ['session_info', 'deaf', ['cancelled', 'deaf']])
  t.same(aborted, ['the run was cancelled'])
  while (one.inFlight > 0) await new Promise((resolve) => setImmediate(resolve))
})

t.test('an agent is no faster than its run is read, and a long history reaches it', async (t) => {
  const { runner, agent } = await startRunner(t)
  let made = 0
  let remembered = 0
  await agent({
    execute: async function* ({ userInput, history }: Execution): AsyncGenerator<object, void> {
      remembered = history.length
      if (userInput === 'small') return yield text('small')
      for (; made < 120; made++) yield text('x'.repeat(50_000))
    },
  })
  const { begin, run, sessions } = startSessions(t, { runner, dataDir: directoryFor(t) })
  const id = begin()
  const asked = {
    runId: 'run_0',
    session: sessions.get(ALICE, id),
    agent: null,
    userInput: 'much',
    context: {},
    maxIterations: 1,
    turns: [],
    signal: new AbortController().signal,
    input: { async *[Symbol.asyncIterator]() {} },
    history: () => [],
    assigned: () => {},
  }
  const lines = runner.run(asked)[Symbol.asyncIterator]()
  t.match(await lines.next(), { done: false })
  // Round trips over the same link, for whatever else is on its way.
  const other = begin()
  for (let i = 0; i < 5; i++) await run(other, 'small')
  t.ok(made < 40, `${made} of 120 events made while one was read`)
  for (let i = 1; i < 120; i++) t.notOk((await lines.next()).done)
  t.ok((await lines.next()).done)

  made = 0
  const events = await run(id, 'much')
  t.equal(events.length, 122)
  await run(id, 'small')
  t.equal(remembered, 121)
})

async function gone(
  registry: { tunnel(id: string): unknown; listen(done: () => void): () => void },
  id: string,
) {
  while (registry.tunnel(id) !== undefined) {
    await new Promise<void>((resolve) => {
      const stop = registry.listen(() => {
        stop()
        resolve()
      })
    })
  }
}

t.test('from a caller to the handlers of a module, and on after a restart of the gateway', async (t) => {
  const rig = await startRunner(t)
  const dataDir = directoryFor(t, {
    'handlers.js': `
      export const resumable = true
      export default {
        async *execute({ userInput, history, turns, signal }) {
          yield { type: 'text', data: { text: [userInput, history.length, turns.map((turn) => turn.user_input)].join(' ') } }
          if (userInput === 'wait') await new Promise((resolve) => signal.addEventListener('abort', resolve))
        },
      }`,
    'package.json': '{"type":"module"}',
  })
  await rig.agent({ handlers: await loadHandlers(join(dataDir, 'handlers.js')) })
  t.same(rig.instances()[0]!.capabilities, ['websocket', 'execute', 'resumable'])
  const open = (): SessionRoom => {
    const room = new SessionRoom({
      options: { ...defaultsOf(gatewayOptions), dataDir },
      registry: rig.registry,
      dispatcher: rig.dispatcher,
      log: createLogger({ write() {} }),
      now: () => performance.now(),
      tell() {},
      watch: () => () => {},
    })
    t.teardown(() => room.close())
    rig.callers = serving(room.handlers, (error) => t.error(error))
    return room
  }
  const first = open()
  const { session_id: id } = (await request(`${rig.url}/sessions`, 'POST', { user_id: 'u' })).json
  const caller = new SocketCaller(`${rig.url}/sessions/${id}/stream`)
  await caller.send({ action: 'execute', user_input: 'wait' })
  const [, begun] = await caller.until('text')
  t.equal(begun!.data.text, 'wait 0 ')
  t.equal(first.active, 1)
  await first.close()
  t.match(await caller.next(), {
    type: 'done',
    data: { status: 'failed', reason: 'interrupted', output: 'wait 0 ' },
  })
  t.equal((await caller.closed()).code, 1001)

  const second = open()
  const url = `${rig.url}/sessions/${id}`
  const reply = await request(`${url}/execute`, 'POST', { user_input: 'again', stream: false })
  t.match(reply.json, { output: 'again 2 wait', status: 'completed' })
  t.equal((await request(url)).json.tunnel_id, tunnelId(1))
  await second.drain()
  t.match(await request(`${url}/execute`, 'POST', { user_input: 'late' }), {
    status: 503,
    json: { code: 'draining' },
  })
})
