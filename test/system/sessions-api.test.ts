import t, { type Test } from 'tap'
import type { SessionEvent } from '../../shared/sessions/event.js'
import type { Execution } from '../../shared/sessions/execution.js'
import { directoryFor } from '../helpers/directory.js'
import { ENGINES } from '../helpers/engine-suite.js'
import { request, SocketCaller, streamed } from '../helpers/session-caller.js'
import { told } from '../helpers/session-rig.js'
import { type SessionSite, startSite } from '../helpers/session-site.js'

const text = (words: string) => ({ type: 'text', data: { text: words } })
const turn = () => new Promise((resolve) => setImmediate(resolve))

async function* execute({ userInput, signal, input }: Execution): AsyncGenerator<object, void> {
  const [word, number = '0'] = userInput.split(' ')
  switch (word) {
    case 'count':
      for (let i = 1; i < Number(number); i++) {
        yield text(`${i} `)
        if (i % 10 === 0) await turn()
      }
      return
    case 'flood':
      for (let i = 1; i < Number(number); i++) yield text('x'.repeat(200_000))
      return
    case 'wait':
      yield text('waiting')
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return
    case 'ask':
      yield { type: 'input_required', data: { prompt: '?' } }
      for await (const answer of input) return yield text(`${answer}`)
      return
    default:
      yield text(`${word}!`)
  }
}

/** Each test over each server. */
function both(name: string, work: (t: Test, site: SessionSite) => Promise<void>): void {
  for (const engine of ENGINES)
    t.test(`${name}, ${engine}`, async (t) =>
      work(t, await startSite(t, engine, { execute, dataDir: directoryFor(t) })),
    )
}

const made = async ({ url }: SessionSite, who = 'alice'): Promise<string> =>
  (await request(url, 'POST', { user_id: 'u' }, who)).json.session_id

async function all(
  events: AsyncIterable<SessionEvent>,
  most = Number.POSITIVE_INFINITY,
): Promise<SessionEvent[]> {
  const got: SessionEvent[] = []
  for await (const event of events) if (got.push(event) >= most) break
  return got
}

both('sessions by REST', async (t, site) => {
  const { url } = site
  const created = await request(url, 'POST', {
    user_id: 'user_123',
    workspace_dir: '/home',
    metadata: { a: [1] },
  })
  t.equal(created.status, 201)
  const id = created.json.session_id
  t.equal(created.headers.get('location'), `/api/v1/sessions/${id}`)
  t.match(created.json, {
    session_id: /^sess_[0-9a-f]{12,}$/,
    status: 'idle',
    tunnel_id: null,
    expires_at: null,
  })
  t.same((await request(`${url}/${id}`)).json, created.json)
  const patched = await request(`${url}/${id}`, 'PATCH', { metadata: { b: 2 } })
  t.match(patched.json, { metadata: { b: 2 }, workspace_dir: '/home' })
  t.match((await request(`${url}?user_id=user_123&limit=1`)).json, {
    sessions: [{ session_id: id }],
    next_cursor: null,
  })
  t.same((await request(url, 'GET', undefined, 'bob')).json, { sessions: [], next_cursor: null })
  const other = await request(`${url}/${id}`, 'GET', undefined, 'bob')
  t.match(other, { status: 404, json: { detail: 'Session not found', code: 'not_found' } })
  t.equal((await request(`${url}/${id}`, 'GET', undefined, 'admin')).status, 200)
  const key = { method: 'POST', headers: { 'idempotency-key': 'k' }, body: '{"user_id":"u"}' }
  const [first, second] = await Promise.all([fetch(url, key), fetch(url, key)])
  t.equal(
    ((await first.json()) as { session_id: string }).session_id,
    ((await second.json()) as { session_id: string }).session_id,
  )
  for (const [body, detail] of [
    ['{', /not JSON/],
    ['[]', /session: /],
    ['{}', /user_id/],
  ] as const)
    t.match(await request(url, 'POST', body), { status: 400, json: { code: 'bad_request', detail } })
  t.match((await request(`${url}?limit=x`)).json, { code: 'bad_request', detail: /limit/ })
  t.same((await request(`${url}/${id}`, 'DELETE')).json, { deleted: true })
  t.equal((await request(`${url}/${id}`)).status, 404)
})

both('a run by POST', async (t, site) => {
  const { url } = site
  const id = await made(site)
  const run = `${url}/${id}/execute`
  const whole = await request(run, 'POST', { user_input: 'hi', stream: false })
  t.match(whole, { status: 200, json: { output: 'hi!', status: 'completed', run_id: String } })
  t.strictSame(told(whole.json.events), ['hi!', ['completed', 'hi!']])
  for (const accept of ['text/event-stream', 'application/x-ndjson', '*/*']) {
    const events = await all(streamed(run, accept, { body: { user_input: 'hi' } }))
    t.strictSame(told(events), ['session_info', 'hi!', ['completed', 'hi!']], accept)
  }
  const page = await request(`${url}/${id}/events?after=1&limit=3`)
  t.same(
    page.json.events.map(({ seq }: SessionEvent) => seq),
    [2, 3, 4],
  )
  t.match(page.json, { first_seq: 1, last_seq: 8, next_after: 4 })
  t.match(await request(run, 'POST', { user_input: 'x'.repeat(2 ** 20 + 1) }), {
    status: 400,
    json: { detail: /user_input/ },
  })
  t.equal((await request(`${url}/sess_000000000000/execute`, 'POST', { user_input: '' })).status, 404)
  // A caller who leaves ends nothing, unless it said so.
  for (const detach of [true, false]) {
    const session = await made(site)
    const options = { body: { user_input: 'wait', detach } }
    const [info, first] = await all(streamed(`${url}/${session}/execute`, 'application/x-ndjson', options), 2)
    t.same([info!.type, first!.data.text], ['session_info', 'waiting'])
    if (detach) {
      t.equal((await request(`${url}/${session}`)).json.status, 'running')
      site.sessions.cancel({ id: 'token:alice', admin: false }, session, first!.run_id!)
    }
    const rest = await all(streamed(`${url}/${session}/events?after=1`, 'text/event-stream'), 2)
    t.strictSame(told(rest), ['session_info', ['cancelled', 'waiting']])
  }
})

both('a session by WebSocket', async (t, site) => {
  const id = await made(site)
  const caller = new SocketCaller(`${site.url}/${id}/stream`)
  t.match(await caller.next(), { type: 'session_info', seq: 0, data: { session_id: id } })
  await caller.send({ action: 'ping' })
  const pong = await caller.next()
  t.strictSame([pong?.type, Object.keys(pong!)], ['pong', ['type', 'data', 'timestamp']])
  await caller.send({ action: 'execute', user_input: 'hi', context: {}, max_iterations: 25 })
  t.strictSame(told(await caller.until('done')), ['hi!', ['completed', 'hi!']])
  await caller.send({ action: 'execute', user_input: 'ask' })
  const [asked] = await caller.until('input_required')
  await caller.send({ action: 'input', run_id: asked!.run_id, data: 42 })
  t.strictSame(told(await caller.until('done')), ['42', ['completed', '42']])
  await caller.send({ action: 'execute', user_input: 'wait' })
  const [waiting] = await caller.until('text')
  // Refusals are told, without a run, and end nothing.
  await caller.send({ action: 'cancel', run_id: 'run_none' })
  const [refused] = await caller.until('error')
  t.match(refused, { data: { code: 'not_found' } })
  t.notOk('seq' in refused! || 'run_id' in refused!)
  for (let i = 0; i < 17; i++) await caller.send({ action: 'execute', user_input: 'hi' })
  t.match((await caller.until('error')).at(-1)?.data, { code: 'overloaded' })
  await caller.send({ action: 'cancel', run_id: waiting!.run_id })
  t.match(told(await caller.until('done')), [['cancelled', 'waiting']])
  for (let i = 0; i < 16; i++) t.strictSame(told(await caller.until('done')), ['hi!', ['completed', 'hi!']])

  const attached = new SocketCaller(`${site.url.replace('/api/v1', '')}/${id}/execute`)
  await attached.until('session_info')
  await attached.send({ action: 'execute', user_input: 'wait', detach: false })
  await attached.until('text')
  attached.leave()
  t.strictSame(told(await caller.until('done')), ['waiting', ['cancelled', 'waiting']])
  caller.leave()
})

both('what closes a WebSocket', async (t, site) => {
  const id = await made(site)
  const stream = `${site.url}/${id}/stream`
  const closed = async (message: unknown, url = stream, who = 'alice'): Promise<unknown[]> => {
    const caller = new SocketCaller(url, who)
    if (message !== undefined) await caller.send(message)
    const error = (await caller.until('error')).at(-1)
    return [(await caller.closed()).code, error?.type === 'error' ? error.data.code : undefined]
  }
  t.same(await closed(undefined, `${site.url}/sess_000000000000/stream`), [4404, 'not_found'])
  t.same(await closed(undefined, stream, 'bob'), [4404, 'not_found'])
  t.same(await closed(undefined, `${stream}?after=x`), [4400, 'bad_request'])
  t.same(await closed(undefined, `${stream}?after=9`), [4400, 'bad_request'])
  t.same(await closed('{'), [4400, 'bad_request'])
  t.same(await closed(Buffer.from('{}')), [4400, 'bad_request'])
  t.same(await closed({ action: 'dance' }), [4400, 'bad_request'])
  t.same(await closed({ action: 'execute' }), [4400, 'bad_request'])
  t.same(await closed({ action: 'execute', user_input: 'x'.repeat(2 ** 20 + 1) }), [4400, 'bad_request'])
  t.same(await closed({ action: 'cancel' }), [4400, 'bad_request'])
  t.same(await closed({ action: 'execute', user_input: '' }, stream, 'reader'), [4403, 'forbidden'])
  t.equal((await request(`${site.url}/${id}/events`)).json.last_seq, 0)

  const revoked = new SocketCaller(stream)
  await revoked.next()
  site.revoke()
  t.equal((await revoked.closed()).code, 4401)
  const reader = new SocketCaller(stream, 'reader')
  t.match(await reader.next(), { type: 'session_info' })
  site.sessions.delete({ id: 'token:alice', admin: false }, id)
  t.equal((await reader.closed()).code, 4404)
  const last = new SocketCaller(`${site.url}/${await made(site)}/stream`)
  await last.next()
  site.sessions.close()
  t.equal((await last.closed()).code, 1001)
})

both('a caller cut at every event of a run sees each once, in order', async (t, site) => {
  const count = 200
  const expected = Array.from({ length: count }, (_, i) => i + 1)
  const ways: Record<string, (url: string, after: number, again: boolean) => AsyncIterable<SessionEvent>> = {
    sse: (url, after, again) =>
      streamed(`${url}/events?after=${again ? 0 : after}`, 'text/event-stream', {
        headers: again ? { 'last-event-id': String(after) } : {},
      }),
    ndjson: (url, after) => streamed(`${url}/events?after=${after}`, 'application/x-ndjson'),
    async *socket(url, after) {
      const caller = new SocketCaller(`${url}/stream?after=${after}`)
      try {
        for (let event = await caller.next(); event !== undefined; event = await caller.next()) yield event
      } finally {
        caller.leave()
      }
    },
  }
  await Promise.all(
    Object.entries(ways).map(async ([name, open]) => {
      const id = await made(site)
      site.sessions.execute({ id: 'token:alice', admin: false }, id, { user_input: `count ${count}` })
      const seen: number[] = []
      while (seen.length < count) {
        const after = seen.at(-1) ?? 0
        for await (const { type, seq } of open(`${site.url}/${id}`, after, seen.length > 0)) {
          if (type === 'session_info') {
            if (seq !== after) t.fail(`${name}: session_info says ${seq} after ${after}`)
            continue
          }
          seen.push(seq!)
          break
        }
      }
      t.same(seen, expected, name)
    }),
  )
})

both('a reader that sleeps through a flood gets all of it then', async (t, site) => {
  const count = 50
  const id = await made(site)
  const url = `${site.url}/${id}`
  const caller = new SocketCaller(`${url}/stream`)
  await caller.next()
  caller.pause()
  const lines = streamed(`${url}/events`, 'application/x-ndjson')
  await lines.next()
  const owner = { id: 'token:alice', admin: false }
  const { runId, after } = site.sessions.execute(owner, id, { user_input: `flood ${count}` })
  await all(site.sessions.subscribe(owner, id, { after, runId }))
  caller.resume()
  const seqs = (await caller.until('done')).map(({ seq }) => seq)
  t.same(
    seqs,
    Array.from({ length: count }, (_, i) => i + 1),
  )
  t.same(
    (await all(lines, count)).map(({ seq }) => seq),
    seqs,
  )
  caller.leave()
})
