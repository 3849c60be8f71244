/** The gateway's inspector, and requests that the gateway sends itself, on a real gateway. */
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ListedExchange, ShownExchange } from '../../shared/inspect/view.js'
import { directoryFor } from '../helpers/directory.js'
import { eventStream } from '../helpers/event-stream.js'
import type { RawExchange } from '../helpers/raw-agent.js'
import { answerOf, ask, call, startGateway } from '../helpers/tunnel.js'

/** What it was sent. */
function echo(exchange: RawExchange): void {
  const { method, target, headers } = exchange.open
  void exchange.whole().then(() => {
    const said = JSON.stringify({ method, target, headers, body: exchange.body.slice(0, 1000) })
    exchange.respond(200, said, ['content-type', 'application/json', 'set-cookie', 'sid=canary'])
  })
}

t.test('what passed is listed, shown, given as a command and sent again', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent({ serve: echo })
  const sent = await call(`${site.url}/t/${agent.tunnelId}/orders?x=1&token=canary`, {
    method: 'POST',
    headers: { authorization: 'Bearer canary', 'content-type': 'text/plain' },
    body: 'two pizzas',
  })
  const id = sent.headers['gw-request-id'] as string
  const list = async (query = '') =>
    (JSON.parse((await call(`${site.url}/inspect${query}`)).body) as { exchanges: ListedExchange[] })
      .exchanges
  const [entry] = await list()
  t.match(entry, {
    request_id: id,
    method: 'POST',
    path: `/t/${agent.tunnelId}/orders?x=1&token=[redacted]`,
    status: 200,
    tunnel_id: agent.tunnelId,
    route: 'tunnel',
    state: 'ended',
    bytes_in: 10,
  })
  t.ok(entry!.queued_ms! <= entry!.first_byte_ms! && entry!.first_byte_ms! <= entry!.duration_ms! + 1)
  t.same((await list('?code=5xx')).length, 0)
  t.same((await list(`?tunnel_id=${agent.tunnelId}&method=post&path=orders`)).length, 1)

  const detail = JSON.parse((await call(`${site.url}/inspect/${id}`)).body) as ShownExchange
  t.notMatch(JSON.stringify([detail.request, detail.response!.headers]), 'canary')
  t.match(detail, {
    request: { bytes: 10, body: { kind: 'text', text: 'two pizzas' } },
    response: { body: { kind: 'json', value: { method: 'POST', target: '/orders?x=1&token=canary' } } },
  })
  const curl = await call(`${site.url}/inspect/${id}/curl`)
  t.match(
    curl.body,
    /^curl -X POST .*\/orders.* -H "authorization: \$AUTHORIZATION" .*--data-raw 'two pizzas'\n$/,
  )

  const again = async (changes: object) => {
    const { body, status } = await call(`${site.url}/inspect/${id}/replay`, {
      method: 'POST',
      body: JSON.stringify(changes),
    })
    return { status, ...(JSON.parse(body) as { request_id: string; omitted: string[]; detail?: string }) }
  }
  const replayed = await again({})
  t.match(replayed, { status: 200, omitted: ['authorization', 'query'], replay_of: id })
  const second = JSON.parse((await call(`${site.url}/inspect/${replayed.request_id}`)).body) as ShownExchange
  t.match(second, { replay_of: id, method: 'POST', response: { body: { value: { body: 'two pizzas' } } } })
  const changed = await again({
    method: 'PUT',
    path: `/t/${agent.tunnelId}/other`,
    headers: { authorization: 'Basic x' },
    body: 'three',
  })
  t.same(changed.omitted, [])
  const third = JSON.parse((await call(`${site.url}/inspect/${changed.request_id}`)).body) as ShownExchange
  t.match(third, { response: { body: { value: { method: 'PUT', target: '/other', body: 'three' } } } })
  t.match(await again({ path: '/connections' }), { status: 400 }, 'only to tunnels')
  t.match(await again({ method: 1 }), { status: 400 })
  t.equal((await call(`${site.url}/inspect/none`)).status, 404)
  t.equal((await call(`${site.url}/inspect?what=1`)).status, 400)

  const same = await call(`${site.url}/forward`, { headers: { 'gw-request-id': id } })
  t.not(same.headers['gw-request-id'], id, 'an id that is recorded is not given again')
})

t.test('it is live, also inside an answer that lasts', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const stream = await eventStream(`${site.url}/inspect`)
  t.teardown(() => stream.close())
  const next = async () => (await stream.until('exchange')) as unknown as ListedExchange
  t.same((await stream.until('snapshot')).exchanges, [])
  const request = ask(`${site.url}/t/${agent.tunnelId}/events`)
  request.end()
  const exchange = await agent.next()
  exchange.begin(200, ['content-type', 'text/event-stream'])
  exchange.stream.write(Buffer.from('data: one\n\ndata: tw'))
  const [response] = await once(request, 'response')
  await once(response, 'data')
  let entry = await next()
  while (entry.bytes_out === 0) entry = await next()
  t.match(entry, { state: 'open', status: 200 })
  const shown = JSON.parse((await call(`${site.url}/inspect/${entry.request_id}`)).body) as ShownExchange
  t.match(shown.response!.body, { kind: 'events', events: [{ data: 'one' }] })
  exchange.stream.end()
  while (entry.state === 'open') entry = await next()
  t.ok(entry.duration_ms)
})

t.test('it is off where others could look', async (t) => {
  for (const options of [
    { domain: ['gw.test'] },
    { trustedProxies: ['10.0.0.0/8'] },
    { inspect: false },
    { auth: ['token'] as const, token: 'x'.repeat(20) },
  ]) {
    const site = await startGateway(t, options)
    const headers = 'token' in options ? { authorization: `Bearer ${options.token}` } : {}
    t.match(await call(`${site.url}/inspect`, { headers }), { status: 404 }, JSON.stringify(options))
  }
  t.equal(
    (await call(`${(await startGateway(t, { domain: ['a.test'], inspect: true })).url}/inspect`)).status,
    200,
  )
})

t.test('a body that was not kept whole is sent again only with another', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent({ serve: echo })
  const request = ask(`${site.url}/t/${agent.tunnelId}/`, { method: 'POST' })
  request.end(Buffer.alloc(70_000, 'a'))
  const { headers } = await answerOf(request)
  const url = `${site.url}/inspect/${headers['gw-request-id']}/replay`
  t.match(await call(url, { method: 'POST', body: '{}' }), { status: 409, code: 'conflict' })
  t.match(await call(url, { method: 'POST', body: '{"body":"b"}' }), { status: 200 })
})

t.test('a task calls an agent through the gateway, a hook hears of it', async (t) => {
  const directory = directoryFor(t)
  mkdirSync(join(directory, 'hooks'))
  writeFileSync(
    join(directory, 'scheduler.yaml'),
    'tasks:\n  - { name: call, type: interval, interval: 3600, request: { path: /forward/hello, method: POST, body: hi } }\n',
  )
  writeFileSync(
    join(directory, 'hooks', 'hooks.yaml'),
    'hooks:\n  - { name: told, event: "agent:*", command: "cat" }\n',
  )
  const site = await startGateway(t, {
    schedulerDir: directory,
    hooksDir: join(directory, 'hooks'),
    dataDir: join(directory, 'data'),
  })
  const heard: string[] = []
  const finished = new Promise<void>((resolve) => {
    site.gateway.on('scheduler:*', ({ type }) => {
      heard.push(type)
      resolve()
    })
  })
  const agent = await site.agent({ serve: echo })
  t.match(await call(`${site.url}/tasks/call/run`, { method: 'POST' }), { status: 202 })
  await finished
  t.same(heard, ['scheduler:task_run'])
  const { runs } = JSON.parse((await call(`${site.url}/tasks/call/runs`)).body)
  t.match(runs[0], { status: 'ok', http_status: 200, output: /"target":"\/hello"/ })
  t.match(JSON.parse((await call(`${site.url}/tasks`)).body), { tasks: [{ name: 'call', type: 'interval' }] })
  let hookRuns: { runs: { output: string; event: string }[] } = { runs: [] }
  while (hookRuns.runs.length === 0) hookRuns = JSON.parse((await call(`${site.url}/hooks/runs`)).body)
  t.match(hookRuns.runs[0], { event: 'agent:connected', output: new RegExp(agent.tunnelId) })
})
