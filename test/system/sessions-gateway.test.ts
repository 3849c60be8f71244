/** Sessions through a whole gateway: its table, its gate, its start and its end. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Agent } from '../../agent/index.js'
import type { Execution } from '../../shared/sessions/execution.js'
import { freshDirectory } from '../helpers/fresh-directory.js'
import { request, SocketCaller, streamed } from '../helpers/session-caller.js'
import { told } from '../helpers/session-rig.js'
import { call, startGateway } from '../helpers/tunnel.js'

const ID = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'

async function* execute({ userInput, history, signal }: Execution): AsyncGenerator<object, void> {
  yield { type: 'text', data: { text: `${userInput} ${history.length}` } }
  if (userInput === 'wait') await new Promise((resolve) => signal.addEventListener('abort', resolve))
}

t.test('a session outlives its gateway', async (t) => {
  const dataDir = freshDirectory()
  const first = await startGateway(t, { dataDir, drainTimeout: 100 })
  const events: string[] = []
  first.gateway.on('*', ({ type, userId }) => {
    if (userId !== undefined) events.push(`${type} ${userId}`)
  })
  const join = async (gateway: string): Promise<void> => {
    const agent = new Agent({ gateway, tunnelId: ID, execute })
    t.teardown(() => agent.destroy())
    await agent.start()
  }
  await join(first.url)
  const { session_id: id } = (await request(`${first.url}/sessions`, 'POST', { user_id: 'u1' })).json
  const path = `/api/v1/sessions/${id}`
  const lines = []
  for await (const event of streamed(`${first.url}${path}/execute`, 'application/x-ndjson', {
    body: { user_input: 'a' },
  }))
    lines.push(event)
  t.strictSame(told(lines), ['session_info', 'a 0', ['completed', 'a 0']])
  const caller = new SocketCaller(`${first.url}${path}/stream`)
  await caller.send({ action: 'execute', user_input: 'wait' })
  await caller.until('text')
  t.match((await request(`${first.url}/health`)).json, { sessions_active: 1 })
  const beside = await startGateway(t, { dataDir })
  const refused = await request(`${beside.url}/sessions`, 'POST', { user_id: 'u2' })
  t.match(refused.json, { status: 409, code: 'conflict', detail: new RegExp(first.url) })
  t.match(await call(`${beside.url}/readyz`), { status: 200 }, 'its tunnels are not touched')
  t.match(events, ['session:start u1', 'message:received u1', 'message:sent u1', 'message:received u1'])

  await first.gateway.stop()
  t.match(await caller.next(), { type: 'done', data: { status: 'failed', reason: 'interrupted' } })
  t.equal((await caller.closed()).code, 1001)
  const second = await startGateway(t, { dataDir })
  await join(second.url)
  const reply = await request(`${second.url}${path}/execute`, 'POST', { user_input: 'b', stream: false })
  t.match(reply.json, { output: 'b 4', status: 'completed' })
})

t.test('sessions need a credential where the gateway does', async (t) => {
  const { url } = await startGateway(t, { auth: ['token'], token: 'a-secret-of-some-length-for-tests' })
  t.equal((await call(`${url}/sessions`)).status, 401)
  const headers = { authorization: 'Bearer a-secret-of-some-length-for-tests' }
  t.match(JSON.parse((await call(`${url}/sessions`, { headers })).body), { sessions: [], next_cursor: null })
})

t.test('a gateway that nobody asks for sessions keeps none', async (t) => {
  const dataDir = freshDirectory()
  const site = await startGateway(t, { dataDir })
  await call(`${site.url}/connections`)
  t.notOk(existsSync(join(dataDir, 'sessions.db')))
  t.equal((await request(`${site.url}/sessions`, 'POST', { user_id: 'u' })).status, 201)
  t.ok(existsSync(join(dataDir, 'sessions.db')))
})
