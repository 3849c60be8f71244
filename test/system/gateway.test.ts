/** A real agent at a real gateway: the whole way, and what restarts cost. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Agent, type AgentOptions } from '../../agent/index.js'
import { Gateway } from '../../gateway/gateway.js'
import { createLogger } from '../../shared/log.js'
import { tunnelId } from '../helpers/raw-agent.js'
import { type Answer, call, startGateway } from '../helpers/tunnel.js'

async function startAgent(t: Test, gateway: string, options: Partial<AgentOptions> = {}): Promise<Agent> {
  const agent = new Agent({ gateway, tunnelId: tunnelId(), ...options })
  t.teardown(() => agent.destroy())
  await agent.start()
  return agent
}

/** An upstream that answers with what it was asked, and counts. */
async function startOrigin(t: Test): Promise<{ port: number; asked: string[]; close(): Promise<void> }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const status = Number(/\d{3}/.exec(request.url ?? '')?.[0] ?? 200)
    response.writeHead(status, { 'x-origin': 'yes' })
    request.pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  t.teardown(close)
  return { port: (server.address() as AddressInfo).port, asked, close }
}

t.test('a request goes the whole way and back', async (t) => {
  const site = await startGateway(t)
  const origin = await startOrigin(t)
  const agent = await startAgent(t, site.url, { forward: origin.port, name: 'shop' })
  const body = 'x'.repeat(300_000)
  const cases: [path: string, method: string, body: string, status: number][] = [
    ['/forward/a', 'GET', '', 200],
    ['/t/shop/404', 'GET', '', 404],
    [`/t/${agent.tunnelId}/503?x`, 'POST', 'five', 503],
    ['/forward/big', 'PUT', body, 200],
    ['/forward/a', 'HEAD', '', 200],
  ]
  for (const [path, method, body, status] of cases) {
    const answer = await call(`${site.url}${path}`, { method, ...(body !== '' && { body }) })
    t.match(
      answer,
      { status, headers: { 'x-origin': 'yes', 'gw-tunnel-id': agent.tunnelId }, complete: true },
      `${method} ${path}`,
    )
    t.equal(answer.body, body)
  }
  t.same(origin.asked, ['GET /a', 'GET /404', 'POST /503?x', 'PUT /big', 'HEAD /a'])
  await origin.close()
  t.match(await call(`${site.url}/forward`, { method: 'POST', body: 'x' }), {
    status: 502,
    code: 'upstream_unreachable',
  })
})

t.test('an upstream that is down costs nothing while another replica is up', async (t) => {
  const site = await startGateway(t)
  const [down, up] = [await startOrigin(t), await startOrigin(t)]
  const id = tunnelId()
  await startAgent(t, site.url, { tunnelId: id, forward: down.port })
  await startAgent(t, site.url, { tunnelId: id, forward: up.port })
  await down.close()
  for (let i = 0; i < 10; i++) {
    const answer = await call(`${site.url}/forward?policy=first`, { method: 'POST', body: String(i) })
    t.match(answer, { status: 200, body: String(i) })
  }
  t.equal(up.asked.length, 10, 'each reached one upstream once')
  const moves = site.log.lines.filter(({ msg }) => msg === 'exchange moved to another instance')
  t.equal(moves.length, 3, 'after three it is chosen last')
})

/** Asks without pause until `until` is settled. */
async function load(url: string, until: Promise<unknown>): Promise<Answer[]> {
  const answers: Answer[] = []
  let over = false
  void until.then(() => (over = true))
  const caller = async (): Promise<void> => {
    while (!over) answers.push(await call(`${url}/forward`, { method: 'POST', body: 'x' }))
  }
  await Promise.all(Array.from({ length: 8 }, caller))
  return answers
}

t.test('agents that come and go in good order cost no request', async (t) => {
  const site = await startGateway(t, { hold: 10_000 })
  const id = tunnelId()
  const options = { tunnelId: id, fetch: async (request: Request) => new Response(await request.text()) }
  let current = await startAgent(t, site.url, options)
  const rounds = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      await current.stop()
      current = await startAgent(t, site.url, options)
    }
  }
  const answers = await load(site.url, rounds())
  t.ok(answers.length > 0)
  t.same(
    answers.filter(({ status, body }) => status !== 200 || body !== 'x'),
    [],
  )
})

t.test('an agent that is killed is gone from the list long before a ping misses it', async (t) => {
  const site = await startGateway(t)
  const bin = fileURLToPath(new URL('../../../agent/bin/gw-agent.js', import.meta.url))
  const child = spawn(process.execPath, [bin, '--gateway', site.url, '--tunnel-id', tunnelId()], {
    stdio: 'ignore',
  })
  t.teardown(() => void child.kill('SIGKILL'))
  await site.log.find({ msg: 'agent connected' })
  t.match(await call(`${site.url}/forward`), { status: 200 })
  const killed = performance.now()
  child.kill('SIGKILL')
  await site.log.find({ msg: 'agent disconnected' })
  t.ok(performance.now() - killed < 5000)
  t.match(await call(`${site.url}/forward`), { code: 'no_agent' })
})

t.test('an agent finds the gateway again that was restarted', async (t) => {
  const first = await startGateway(t)
  const agent = await startAgent(t, first.url, { fetch: () => new Response('still here') })
  await first.gateway.stop()
  const log = createLogger({ write() {} })
  const second = await Gateway.start({ port: first.port, hold: 10_000, log })
  t.teardown(() => second.destroy())
  t.match(await call(`${second.url}/t/${agent.tunnelId}`), { status: 200, body: 'still here' })
})
