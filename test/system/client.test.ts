/** `gw-agent/client`: both gateways alike, and runs that outlive their connections. */
import t, { type Test } from 'tap'
import {
  ExternalGateway,
  InProcessGateway,
  type SessionEvent,
  type SessionGateway,
} from '../../agent/client/index.js'
import { Agent } from '../../agent/index.js'
import type { ExecuteFunction, Execution } from '../../shared/sessions/execution.js'
import { cuttingProxy } from '../helpers/cutting-proxy.js'
import { directoryFor } from '../helpers/directory.js'
import { freshDirectory } from '../helpers/fresh-directory.js'
import { SCRIPTS } from '../helpers/scripted-agents.js'
import { collect } from '../helpers/session-rig.js'
import { startGateway } from '../helpers/tunnel.js'

const ID = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'
const FAST = { base: 2, max: 10, patience: 5000 }

const text = (words: string) => ({ type: 'text', data: { text: words } })
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

/** What is the same for both: all but times and ids. */
function comparable(event: SessionEvent, sessionId: string): string {
  const json = JSON.stringify({ ...event, timestamp: '', run_id: event.run_id && 'run' })
  return json.replaceAll(sessionId, 'sess').replace(/run_[0-9a-f]{20}/g, 'run')
}

async function play(gateway: SessionGateway, name: string): Promise<string[]> {
  const { answer, cancelAfter } = SCRIPTS[name]!
  const session = await gateway.createSession({ userId: 'u1' })
  const seen: string[] = []
  // Twice: the second run has a history.
  for (let run = 0; run < 2; run++) {
    let count = 0
    for await (const event of gateway.execute(session, { userInput: name, context: { a: 1 } })) {
      seen.push(comparable(event, session.sessionId))
      if (event.type === 'input_required') await gateway.input(session, event.run_id!, answer)
      if (event.type !== 'session_info' && ++count === cancelAfter)
        await gateway.cancel(session, event.run_id!)
    }
  }
  return seen
}

/** A gateway with one agent; `execute` may change. */
async function served(t: Test, execute: ExecuteFunction) {
  const dataDir = freshDirectory()
  const site = await startGateway(t, { dataDir, drainTimeout: 100 })
  const world = { ...site, dataDir, execute }
  const agent = new Agent({ gateway: site.url, tunnelId: ID, execute: (given) => world.execute(given) })
  t.teardown(() => agent.destroy())
  await agent.start()
  return world
}

const said = (events: readonly SessionEvent[]): unknown[] =>
  events.map(({ type, data }) => (type === 'text' ? data.text : type === 'done' ? data.status : type))

t.test('the same events from both gateways', async (t) => {
  const execute: ExecuteFunction = (given) => SCRIPTS[given.userInput]!.execute(given)
  const world = await served(t, execute)
  await using there = new ExternalGateway(world.url)
  await using here = new InProcessGateway({ handlers: { execute }, dataDir: directoryFor(t) })
  const names = Object.keys(SCRIPTS)
  // Each is another thing that goes differently.
  t.ok(names.length >= 12)
  const streams = await Promise.all(
    names.map((name) => Promise.all([name, play(here, name), play(there, name)])),
  )
  for (const [name, expected, found] of streams) {
    t.same(found, expected, name)
    t.equal(expected.filter((event) => event.startsWith('{"type":"done"')).length, 2, name)
  }
})

t.test('what else both do alike', async (t) => {
  const world = await served(t, async function* ({ userInput, signal }: Execution) {
    yield text(userInput)
    if (userInput === 'wait') await aborted(signal)
    return { usage: { n: 1 } }
  })
  const handlers = { execute: (given: Execution) => world.execute(given) }
  for (const gateway of [
    new ExternalGateway(`${world.url}/`),
    new InProcessGateway({ handlers, dataDir: directoryFor(t) }),
    new InProcessGateway({ handlers }),
  ] as SessionGateway[]) {
    const session = await gateway.createSession({
      userId: 'u2',
      workspaceDir: '/home',
      metadata: { a: [1] },
      agent: { purpose: 'prod' },
    })
    t.match(session, {
      sessionId: /^sess_[0-9a-f]{12,}$/,
      userId: 'u2',
      workspaceDir: '/home',
      metadata: { a: [1] },
      status: 'idle',
      tunnelId: null,
      expiresAt: null,
    })
    t.match(session.createdAt, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    t.same(await gateway.getSession(session.sessionId), session)
    t.same(await gateway.resumeSession(session), session)
    const second = await gateway.createSession({ userId: 'u2' })
    await gateway.createSession({ userId: 'u3' })
    const page = await gateway.listSessions({ userId: 'u2', limit: 1 })
    t.same(page.sessions, [second])
    const rest = await gateway.listSessions({ userId: 'u2', cursor: page.nextCursor! })
    t.same(rest, { sessions: [session], nextCursor: null })

    const reply = await gateway.runQuery(session, { userInput: 'Hello' })
    t.match(reply, { output: 'Hello', status: 'completed', usage: { n: 1 } })
    t.same(said(reply.events), ['Hello', 'completed'])
    t.equal(reply.events[1]!.run_id, reply.runId)

    for await (const { type } of gateway.execute(session, { userInput: 'wait' })) if (type === 'text') break
    const controller = new AbortController()
    const cut = gateway.execute(session, { userInput: 'wait', signal: controller.signal })
    await cut.next()
    await cut.next()
    const reason = new Error('enough')
    const next = cut.next()
    controller.abort(reason)
    await t.rejects(next, reason, 'a signal throws its reason')
    await t.rejects(gateway.runQuery(session, { userInput: 'x', signal: AbortSignal.abort(reason) }), reason)
    // It waits its turn, so both that were left have ended.
    t.match(await gateway.runQuery(session, { userInput: 'after' }), { status: 'completed' })

    for await (const { type } of gateway.execute(session, { userInput: 'wait', detach: true }))
      if (type === 'text') break
    t.match(await gateway.getSession(session), { status: 'running' })
    const failures: [() => Promise<unknown>, string, number][] = [
      [() => gateway.getSession('sess_000000000000'), 'not_found', 404],
      [() => gateway.createSession({ userId: '' }), 'bad_request', 400],
      [() => gateway.runQuery(session, { userInput: 'x', maxIterations: 0 }), 'bad_request', 400],
      [() => gateway.runQuery('sess_000000000000', { userInput: 'x' }), 'not_found', 404],
      [() => gateway.listSessions({ limit: 0 }), 'bad_request', 400],
      [() => gateway.listSessions({ cursor: 'x' }), 'bad_request', 400],
    ]
    for (const [failure, code, status] of failures)
      await t.rejects(failure(), { name: 'GatewayError', code, status })
    await t.rejects(gateway.cancel(session, 'run_0'), { name: 'GatewayError', code: 'not_found' })
    await t.rejects(gateway.input('sess_000000000000', 'run_0', 1), { code: 'not_found' })
    await gateway.deleteSession(session)
    await t.rejects(gateway.deleteSession(session), { code: 'not_found' })
    await gateway[Symbol.asyncDispose]()
    await gateway.close()
    await t.rejects(gateway.listSessions(), { name: 'GatewayError', code: 'closed' })
  }
})

t.test('a session begun with one is resumed with the other; one process owns the store', async (t) => {
  const dataDir = freshDirectory()
  async function* execute({ userInput, history }: Execution): AsyncGenerator<object, void> {
    yield text(`${userInput} ${history.length}`)
  }
  const first = new InProcessGateway({ handlers: { execute }, dataDir })
  const session = await first.createSession({ userId: 'u1' })
  t.equal((await first.runQuery(session, { userInput: 'a' })).output, 'a 0')
  const site = await startGateway(t, { dataDir })
  await using there = new ExternalGateway(site.url)
  await t.rejects(there.getSession(session), { code: 'conflict', status: 409 })
  await t.rejects(new InProcessGateway({ handlers: { execute }, dataDir }).listSessions(), {
    name: 'GatewayError',
    code: 'conflict',
    message: new RegExp(`process ${process.pid}`),
  })
  await first.close()

  const agent = new Agent({ gateway: site.url, tunnelId: ID, execute })
  t.teardown(() => agent.destroy())
  await agent.start()
  // A gateway that was refused the store looks again after a second.
  for (;;) if (await there.resumeSession(session).catch(() => undefined)) break
  t.equal((await there.runQuery(session, { userInput: 'b' })).output, 'b 2')
  const third = new InProcessGateway({ handlers: { execute }, dataDir })
  await t.rejects(third.getSession(session), { code: 'conflict', message: new RegExp(site.url) })
  await site.gateway.stop()
  t.match(await third.getSession(session), { tunnelId: ID, userId: 'u1' })
  t.equal((await third.runQuery(session, { userInput: 'c' })).output, 'c 4')
  await third.close()
})

t.test('a run is followed over a restart of its gateway', async (t) => {
  const world = await served(t, async function* ({ signal }: Execution) {
    yield text('begun')
    await aborted(signal)
  })
  await using gateway = new ExternalGateway(world.url, { retry: FAST })
  const session = await gateway.createSession({ userId: 'u' })
  const seen: SessionEvent[] = []
  for await (const event of gateway.execute(session, { userInput: 'x' })) {
    seen.push(event)
    if (event.type !== 'text') continue
    // Without a word to anybody, and in use again only after a while.
    await world.gateway.destroy()
    await startGateway(t, { dataDir: world.dataDir, port: world.port })
  }
  t.same(said(seen), ['session_info', 'begun', 'failed'])
  t.match(seen.at(-1), { seq: 2, data: { reason: 'interrupted', output: 'begun' } })
})

t.test('a run is followed over every cut', async (t) => {
  let runs = 0
  let held = Promise.resolve()
  const world = await served(t, async function* ({ userInput, signal }: Execution) {
    runs++
    // The caller is told of each event by itself, so that each is a place to be cut at.
    if (userInput === 'wait') await aborted(signal)
    await held
    for (let i = 1; i < Number(userInput); i++) yield text(`${i} `)
  })
  const events = (count: number) => [...Array.from({ length: count - 1 }, (_, i) => `${i + 1} `), 'completed']
  const direct = new ExternalGateway(world.url)

  await t.test('one event a connection', async (t) => {
    const proxy = await cuttingProxy(t, world.url, (method, target) =>
      method === 'POST' || target.includes('events?after') ? 1 : undefined,
    )
    await using gateway = new ExternalGateway(proxy.url, { retry: FAST })
    const session = await direct.createSession({ userId: 'u' })
    const seen = await collect(gateway.execute(session, { userInput: '200' }))
    t.same(said(seen), ['session_info', ...events(200)])
    t.same(
      seen.map(({ seq }) => seq),
      Array.from({ length: 201 }, (_, seq) => seq),
    )
    t.equal(runs, 1)
    t.ok(proxy.requests.length >= 200)
    t.equal(proxy.requests.filter((request) => request.startsWith('POST')).length, 1)
  })

  await t.test('before the first event, and before a word of the answer', async (t) => {
    for (const most of [0, -1]) {
      runs = 0
      let release = (): void => {}
      held = new Promise((resolve) => (release = resolve))
      const proxy = await cuttingProxy(t, world.url, (method, target) => {
        if (method === 'POST' && target.endsWith('/execute')) return most
        // Both ways back: a stream that waits, or looking again and again.
        if (proxy.requests.filter((request) => request.startsWith('GET')).length > 5 || most === 0) release()
        return undefined
      })
      await using gateway = new ExternalGateway(proxy.url, { retry: FAST })
      const session = await gateway.createSession({ userId: 'u' })
      for (const after of [0, 4]) {
        const seen = await collect(gateway.execute(session, { userInput: '4' }))
        t.same(said(seen), ['session_info', ...events(4)], `${most}`)
        t.equal(seen[0]!.seq, after)
      }
      t.equal(runs, 2)
    }
  })

  await t.test('a run that cannot be told from others is not taken for one of them', async (t) => {
    runs = 0
    const session = await direct.createSession({ userId: 'u' })
    const other = direct.execute(session, { userInput: 'wait', detach: true })
    await other.next()
    const proxy = await cuttingProxy(t, world.url, (method) => (method === 'POST' ? -1 : undefined))
    await using gateway = new ExternalGateway(proxy.url, { retry: FAST })
    await t.rejects(gateway.runQuery(session, { userInput: '2' }), { code: 'interrupted' })
    await other.return()
    await direct.deleteSession(session)
  })

  await t.test('a request that never came is not sent again', async (t) => {
    runs = 0
    const proxy = await cuttingProxy(t, world.url, (_, target) =>
      target.endsWith('/execute') ? 'drop' : undefined,
    )
    await using gateway = new ExternalGateway(proxy.url, { retry: FAST })
    const session = await gateway.createSession({ userId: 'u' })
    await t.rejects(gateway.runQuery(session, { userInput: '2' }), { code: 'interrupted' })
    t.equal(runs, 0)
  })

  await t.test('who leaves cancels the run, also where it has said nothing yet', async (t) => {
    const proxy = await cuttingProxy(t, world.url, () => undefined)
    await using gateway = new ExternalGateway(proxy.url, { retry: FAST })
    const session = await gateway.createSession({ userId: 'u' })
    let release = (): void => {}
    held = new Promise((resolve) => (release = resolve))
    const left = gateway.execute(session, { userInput: '100000' })
    await left.next()
    const leaving = left.return()
    release()
    await leaving
    t.match(await gateway.runQuery(session, { userInput: '2' }), { status: 'completed' })
    t.match(proxy.requests.filter((request) => request.startsWith('UPGRADE')).length, 1)
    for await (const { type } of gateway.execute(session, { userInput: '1' })) if (type === 'done') break
    t.match(await gateway.getSession(session), { status: 'idle' })
  })
  await direct.close()
})
