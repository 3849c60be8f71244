/** `gw-agent --inspect-port`: what it keeps of what passes, what it hides, sends again and serves. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { resolveAgent } from '../../agent/config.js'
import { Agent, type AgentOptions, loadHandlers } from '../../agent/index.js'
import { Inspector, type InspectorOptions } from '../../agent/inspect/inspector.js'
import { agentOptions } from '../../agent/options.js'
import { StatusScreen } from '../../agent/status.js'
import { Gateway } from '../../gateway/gateway.js'
import { parseCommandLine } from '../../shared/cli.js'
import { ResetCode, StreamKind } from '../../shared/frames.js'
import { createLogger } from '../../shared/log.js'
import { closeFrame, messageFrame } from '../../shared/message-frames.js'
import { loadOptions } from '../../shared/options.js'
import { PAGE_POLICY } from '../../shared/page-policy.js'
import { httpUpstream, ID, listen, rig } from '../helpers/agent-rig.js'
import { browserOrSkip, launch, openPage, violations } from '../helpers/browser.js'
import { eventStream } from '../helpers/event-stream.js'
import { folder, runProgram } from '../helpers/processes.js'
import { SocketUpstream } from '../helpers/socket-upstream.js'

const log = createLogger({ level: 'error', write() {} })
const MAIN = fileURLToPath(new URL('../../agent/main.js', import.meta.url))

interface Message {
  headers: [string, string][]
  bytes: number
  truncated: boolean
  body: { kind: string; text?: string; value?: unknown; events?: { data: string }[] }
}

interface Shown {
  request_id: string
  state: string
  status: number | null
  code: string | null
  path: string
  route: string
  remote_address: string
  replay_of: string | null
  first_byte_ms: number | null
  duration_ms: number | null
  bytes_in: number
  bytes_out: number
  request: Message
  response: Message | null
}

/** An inspector in front of an agent whose gateway the test plays. */
async function inspected(t: Test, agent: Partial<AgentOptions> = {}, more: Partial<InspectorOptions> = {}) {
  const inspector = await Inspector.start({ port: 0, ...more })
  t.teardown(() => inspector.close())
  const watch = inspector.watch({ tunnelId: ID, route: 'the upstream', base: 'http://upstream.test' })
  const { link, agent: its } = await rig(t, { watch, ...agent })
  return { link, agent: its, url: inspector.url, ...asker(inspector.url) }
}

function asker(url: string) {
  const json = async <T>(path: string): Promise<T> => (await fetch(`${url}${path}`)).json() as Promise<T>
  const list = async (query = '') => (await json<{ exchanges: Shown[] }>(`/inspect${query}`)).exchanges
  const show = (id: string) => json<Shown>(`/inspect/${id}`)
  const last = async () => show((await list())[0]!.request_id)
  const replay = (id: string, changes?: object) =>
    fetch(`${url}/inspect/${id}/replay`, {
      method: 'POST',
      ...(changes && { body: JSON.stringify(changes) }),
    })
  return { json, list, show, last, replay }
}

interface Sent {
  request_id: string
  replay_of: string
  status: number
  omitted: string[]
}

const sent = async (answer: Promise<Response>) => (await (await answer).json()) as Sent

/** Answers with the request as JSON. */
const mirror: http.RequestListener = async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { method, url, headers } = request
  const body = Buffer.concat(chunks).toString('latin1')
  response.setHeader('content-type', 'application/json').setHeader('set-cookie', 'session=canary')
  response.end(JSON.stringify({ method, url, headers, body }))
}

const field = (message: Message | null, name: string) => message?.headers.find(([key]) => key === name)?.[1]

t.test('what is kept of an exchange, and what never is', async (t) => {
  const port = await httpUpstream(t, mirror)
  const { link, last, list, url } = await inspected(t, { forward: port }, { redact: ['x-mine'] })
  const requestId = '01890a5d-ac96-774b-bcce-b302099a8057'
  const secrets = ['authorization', 'cookie', 'x-api-key', 'gw-authorization', 'x-mine']
  const ask = {
    method: 'POST',
    target: '/a?b=1&token=canary',
    headers: [
      ...['host', 'gw.test', 'gw-request-id', requestId, 'x-forwarded-for', '192.0.2.7, 10.0.0.1'],
      ...secrets.flatMap((name) => [name, 'canary']),
    ],
  }
  const exchange = link.ask({ ...ask, body: Buffer.from('be'), end: false })
  exchange.stream.write(Buffer.from('fore'))
  exchange.stream.end()
  await exchange.done
  t.match(exchange.text, /"x-mine":"canary"/, 'the upstream gets it all')

  const shown = await last()
  t.match(shown, {
    request_id: requestId,
    state: 'ended',
    status: 200,
    code: null,
    path: '/a?b=1&token=[redacted]',
    tunnel_id: ID,
    route: 'the upstream',
    remote_address: '192.0.2.7',
    replay_of: null,
    request: { bytes: 6, truncated: false, body: { kind: 'text', text: 'before' } },
    response: { truncated: false, body: { kind: 'json', value: { method: 'POST', body: 'before' } } },
  })
  t.ok(shown.duration_ms! >= shown.first_byte_ms! && shown.first_byte_ms! > 0)
  for (const name of secrets) t.equal(field(shown.request, name), '[redacted]', name)
  t.equal(field(shown.response, 'set-cookie'), '[redacted]')
  const curl = await (await fetch(`${url}/inspect/${requestId}/curl`)).text()
  t.match(curl, /^curl -X POST 'http:\/\/upstream\.test\/a\?/)
  const own = JSON.stringify([shown.request.headers, field(shown.response, 'set-cookie'), shown.path, curl])
  t.notMatch(own, 'canary')

  await link.ask(ask).done
  const [second] = await list()
  t.not(second!.request_id, requestId, 'a second attempt of the same request has an id of its own')
  t.equal((await list()).length, 2)
  t.equal((await list('?path=/a&method=POST&code=2xx')).length, 2)
  t.equal((await list('?code=404')).length, 0)
  t.equal((await fetch(`${url}/inspect?colour=red`)).status, 400)
})

t.test('what went wrong', async (t) => {
  const port = await httpUpstream(t, (request, response) => {
    if (request.url === '/cut') response.write('begun')
    if (request.url === '/cut') setImmediate(() => response.destroy())
  })
  const { link, list, last, agent } = await inspected(t, { forward: port, maxConcurrent: 1 })
  await link.ask({ target: '/cut' }).done
  t.match(await last(), { status: 200, code: 'agent_error', state: 'ended', bytes_out: 5 })
  const left = link.ask({ target: '/silent' })
  await link.turn()
  await link.ask({ target: '/more' }).done
  t.match(await last(), { status: 503, code: 'overloaded', response: { bytes: 0 } })
  left.stream.reset(ResetCode.cancelled, 'the caller left')
  await link.turn()
  t.match((await list('?path=/silent'))[0], { status: 0, code: 'aborted', state: 'ended' })
  const late = link.ask({ target: '/late' })
  await link.turn()
  late.stream.reset(ResetCode.timeout, 'too long')
  await link.turn()
  t.match(await last(), { path: '/late', status: 504, code: 'response_timeout' })
  link.ask({ target: '/gone' })
  await link.turn()
  agent.destroy()
  t.match(await last(), { path: '/gone', status: 502, code: 'agent_disconnected' })
})

t.test('a caller who left, and a dead upstream', async (t) => {
  const gone = http.createServer()
  const port = await listen(t, gone as never)
  gone.close()
  const { link, last } = await inspected(t, { forward: port })
  await link.ask().done
  t.match(await last(), { status: 502, code: 'upstream_unreachable' })
  const slow = await inspected(t, { fetch: () => new Promise<Response>(() => {}) })
  slow.link.ask().stream.reset(ResetCode.cancelled, 'the caller left')
  await slow.link.turn()
  t.match(await slow.last(), { status: 0, code: 'aborted', response: null })
})

t.test('streams stay streams, and are seen as they grow', async (t) => {
  let response: http.ServerResponse | undefined
  const port = await httpUpstream(t, (_request, its) => {
    its.writeHead(200, { 'content-type': 'text/event-stream' })
    its.write('data: one\n\n')
    response = its
  })
  const inspector = await Inspector.start({ port: 0 })
  t.teardown(() => inspector.close())
  const gateway = await Gateway.start({ port: 0, log })
  t.teardown(() => gateway.close())
  const watch = inspector.watch({ tunnelId: ID, route: 'up', base: 'http://up.test' })
  const agent = new Agent({ gateway: gateway.url, tunnelId: ID, forward: port, watch })
  t.teardown(() => agent.destroy())
  await agent.start()

  const live = await eventStream(`${inspector.url}/inspect`)
  t.same(await live.until('snapshot'), { exchanges: [] })
  const answer = await fetch(`${gateway.url}/t/${ID}/events`)
  const reader = answer.body!.getReader()
  t.equal(Buffer.from((await reader.read()).value!).toString(), 'data: one\n\n', 'before the end')
  const begun = (await live.until('exchange')) as unknown as Shown
  t.match(begun, { state: 'open', path: '/events', request_id: answer.headers.get('gw-request-id') })
  const { show } = asker(inspector.url)
  t.match((await show(begun.request_id)).response?.body, { kind: 'events', events: [{ data: 'one' }] })
  response!.end('data: two\n\n')
  t.equal(Buffer.from((await reader.read()).value!).toString(), 'data: two\n\n')
  let told = begun
  while (told.state !== 'ended') told = (await live.until('exchange')) as unknown as Shown
  t.match(await show(begun.request_id), { status: 200, bytes_out: 22, remote_address: '127.0.0.1' })
  live.close()
})

t.test('a WebSocket is kept by its head and its bytes', async (t) => {
  const upstream = await SocketUpstream.start(t)
  upstream.on('socket', (socket) => socket.on('message', (data) => socket.send(data)))
  const { link, last, replay } = await inspected(t, { forward: upstream.port })
  const headers = [
    'host',
    'gw.test',
    'sec-websocket-version',
    '13',
    'sec-websocket-key',
    'dGhlIHNhbXBsZSBub25jZQ==',
  ]
  const exchange = await link.ask({ stream: StreamKind.websocket, target: '/ws', headers, end: false })
    .answered
  const message = Buffer.concat(messageFrame(false, Buffer.from('canary')))
  exchange.stream.write(message)
  exchange.stream.write(Buffer.from(closeFrame(1000, '')))
  exchange.stream.end()
  await exchange.done
  const shown = await last()
  t.match(shown, { status: 101, path: '/ws', state: 'ended' })
  t.ok(shown.bytes_in > message.length && shown.bytes_out >= message.length)
  t.notMatch(JSON.stringify(shown), 'canary')
  t.equal((await replay(shown.request_id)).status, 409)
})

t.test('sent again', async (t) => {
  const port = await httpUpstream(t, mirror)
  const { link, list, show, last, replay, agent } = await inspected(t, { forward: port })
  await link.ask({
    method: 'PUT',
    target: '/a?x=1&sig=canary',
    headers: ['host', 'gw.test', 'x-a', '1', 'x-b', '2', 'authorization', 'canary'],
    body: Buffer.from('whole'),
  }).done
  const [original] = await list()
  const id = original!.request_id

  const plain = await sent(replay(id))
  t.match(plain, { replay_of: id, status: 200, omitted: ['authorization', 'query'] })
  const again = await show(plain.request_id)
  t.match(again, { replay_of: id, state: 'ended', path: '/a?x=1' })
  t.match(again.response?.body.value, {
    method: 'PUT',
    url: '/a?x=1',
    headers: { 'x-a': '1' },
    body: 'whole',
  })
  t.notMatch(JSON.stringify(again), 'canary')

  const changes = {
    method: 'POST',
    path: '/b',
    headers: { 'x-a': null, 'x-b': 'two', authorization: 'given' },
    body: 'another',
  }
  const changed = await sent(replay(id, changes))
  t.match(changed, { status: 200, omitted: [] })
  const answer = (await show(changed.request_id)).response?.body.value as { headers: Record<string, string> }
  t.match(answer, {
    method: 'POST',
    url: '/b',
    headers: { 'x-b': 'two', authorization: 'given', 'content-length': '7' },
    body: 'another',
  })
  t.notOk('x-a' in answer.headers)

  t.equal((await replay(id, { colour: 'red' })).status, 400)
  t.equal((await replay('nobody')).status, 404)
  const upload = link.ask({ method: 'POST', target: '/big', end: false })
  upload.stream.write(Buffer.alloc(70_000, 'x'))
  upload.stream.end()
  await upload.done
  const big = await last()
  t.match(big, { request: { bytes: 70_000, truncated: true } })
  const cut = await replay(big.request_id)
  t.equal(cut.status, 409)
  t.match(await cut.json(), { code: 'conflict' })
  t.equal((await replay(big.request_id, { body: 'new' })).status, 200)
  t.equal(agent.inFlight, 0)
})

t.test('sent again to whatever answers', async (t) => {
  const handlers = fileURLToPath(new URL('../../../examples/handlers.js', import.meta.url))
  const answers: Partial<AgentOptions>[] = [
    {},
    { static: fileURLToPath(new URL('.', import.meta.url)) },
    { handlers: await loadHandlers(handlers) },
    { fetch: async (request) => new Response(await request.text()) },
  ]
  for (const answer of answers) {
    const { link, last, replay } = await inspected(t, answer)
    await link.ask({ method: 'POST', target: '/', headers: ['host', 'gw.test'], body: Buffer.from('x') }).done
    const { request_id, status } = await last()
    t.match(await sent(replay(request_id)), { status }, Object.keys(answer).join())
    t.equal((await last()).replay_of, request_id)
  }
})

t.test('an answer that goes on is told about while it comes, and is cut with the inspector', async (t) => {
  const aborted: unknown[] = []
  const body = () =>
    new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from('data: one\n\n')),
      cancel: (reason) => void aborted.push(reason),
    })
  const fetch = () => new Response(body(), { headers: { 'content-type': 'text/event-stream' } })
  const inspector = await Inspector.start({ port: 0 })
  const watch = inspector.watch({ tunnelId: ID, route: 'up', base: 'http://up.test' })
  const { link } = await rig(t, { watch, fetch })
  const { last, replay, show } = asker(inspector.url)
  link.ask().stream.reset(ResetCode.cancelled, 'the caller left')
  await link.turn()
  const { request_id } = await sent(replay((await last()).request_id))
  t.match(await show(request_id), { state: 'open', status: 200, bytes_out: 11 })
  await inspector.close()
  t.equal(aborted.length, 2)
})

t.test('whom it answers', async (t) => {
  const { url, link, list } = await inspected(t)
  await link.ask().done
  const [{ request_id }] = (await list()) as [Shown]
  const ask = async (path: string, method: string, headers: Record<string, string>) => {
    const request = http.request(`${url}${path}`, { method, headers }).end()
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    response.resume()
    return response
  }
  const port = new URL(url).port
  const replay = `/inspect/${request_id}/replay`
  const cases: [string, string, Record<string, string>, number][] = [
    ['/inspect', 'GET', { host: 'rebound.test' }, 403],
    ['/dashboard', 'GET', { host: `rebound.test:${port}` }, 403],
    ['/inspect', 'GET', { host: `localhost:${port}` }, 200],
    ['/inspect', 'GET', { host: '[::1]:1' }, 200],
    [replay, 'POST', { origin: 'http://evil.test' }, 403],
    [replay, 'POST', { origin: 'null' }, 403],
    [replay, 'POST', { origin: 'http://localhost:1' }, 403],
    [replay, 'POST', { 'sec-fetch-site': 'cross-site' }, 403],
    [replay, 'POST', { origin: url }, 200],
    [replay, 'POST', {}, 200],
    [replay, 'GET', {}, 405],
    ['/inspect', 'DELETE', {}, 405],
    ['/inspect/x/y', 'GET', {}, 404],
    ['/inspect/x/curl/z', 'GET', {}, 404],
    ['/connections', 'GET', {}, 404],
    ['//evil.test/dashboard', 'GET', {}, 404],
  ]
  for (const [path, method, headers, status] of cases) {
    const response = await ask(path, method, headers)
    t.equal(response.statusCode, status, `${method} ${path} ${JSON.stringify(headers)}`)
    t.equal(response.headers['content-security-policy'], PAGE_POLICY)
  }
  t.equal((await ask(replay, 'GET', {})).headers.allow, 'POST')
})

t.test('the page, and all that it leads to', async (t) => {
  const { url } = await inspected(t)
  const first = await fetch(url, { redirect: 'manual' })
  t.equal(first.headers.get('location'), '/dashboard')
  for (const path of ['/dashboard', '/dashboard/', '/dashboard/inspector', '/dashboard/inspector/a.b?x=1']) {
    const { status, headers } = await fetch(`${url}${path}`)
    t.equal(status, 200, path)
    t.match(headers.get('content-type'), /^text\/html/)
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('referrer-policy'), 'no-referrer')
    t.equal(
      headers.get('content-security-policy'),
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
  }
  const page = await (await fetch(`${url}/dashboard`)).text()
  t.notMatch(page, /<script(?![^>]*src=)|<style|https?:\/\//, 'nothing inline, nothing from elsewhere')
  const paths = new Set([...page.matchAll(/(?:src|href)="(\/dashboard\/[^"]+)"/g)].map(([, path]) => path!))
  for (const path of paths) {
    const response = await fetch(`${url}${path}`)
    t.equal(response.status, 200, path)
    t.equal(response.headers.get('cache-control'), 'no-cache')
    const text = await response.text()
    if (!path.endsWith('.js')) continue
    t.match(response.headers.get('content-type'), /javascript/)
    for (const [, to] of text.matchAll(/\b(?:from|import)\s*["']([^"']+)["']/g)) {
      t.match(to, /^\.\.?\//, `${path} names no package`)
      paths.add(new URL(to!, `${url}${path}`).pathname)
    }
  }
  t.ok(paths.has('/dashboard/inspector.js') && paths.has('/dashboard/vendor/preact.js'))
  t.notOk(
    [...paths].some((path) => /uplot|overview|links\.js|automation/.test(path)),
    'no more than it needs',
  )
  for (const path of ['/dashboard/none.js', '/dashboard/..%2fmain.js', '/dashboard/vendor/../../main.js'])
    t.equal((await fetch(`${url}${path}`)).status, 404, path)
  const session = await (await fetch(`${url}/dashboard/session`)).json()
  t.same(session, { modes: ['none'], signed_in: true, scopes: ['operator.admin'] })
})

t.test('the page in a browser', browserOrSkip, async (t) => {
  const inspector = await Inspector.start({ port: 0 })
  const watch = inspector.watch({ tunnelId: ID, route: 'echo', base: 'http://up.test' })
  const { link } = await rig(t, { watch })
  await link.ask({ method: 'POST', target: '/seen?token=canary', body: Buffer.from('{"a":1}') }).done
  const { page, wrongs } = await openPage(await launch(t), inspector.url)
  await page.goto(inspector.url)
  await page.getByText('/seen?token=[redacted]').first().click()
  await page.getByRole('button', { name: 'Send again…' }).click()
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await page.getByText('Sent again from').waitFor()
  t.same(wrongs, [])
  t.same(await violations(page), [])
  // There is no other view to go to.
  await page.getByRole('link', { name: /^gw/ }).click()
  await page.waitForURL(`${inspector.url}/dashboard/inspector`)
  await inspector.close()
  await page.getByText('The agent does not answer').waitFor()
  t.ok(await page.getByText('/seen').first().isVisible())
})

t.test('the command', async (t) => {
  const gateway = await Gateway.start({ port: 0, log })
  t.teardown(() => gateway.close())
  const args = ['--gateway', gateway.url, '--tunnel-id', ID, '--log-format', 'json']
  const child = spawn(process.execPath, [MAIN, ...args, '--inspect-port', '0', '--redact', 'X-Mine'], {
    cwd: folder(t),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  let out = ''
  while (!/"connected"/.test(out)) out += (await once(child.stdout, 'data'))[0]
  const url = /"url":"(http:\/\/127\.0\.0\.1:\d+)"/.exec(out)![1]!
  const answer = await fetch(`${gateway.url}/t/${ID}/x`, { headers: { 'x-mine': 'canary' } })
  t.equal(answer.status, 200)
  const { last, replay } = asker(url)
  const shown = await last()
  t.match(shown, { path: '/x', route: 'echo', request_id: answer.headers.get('gw-request-id') })
  t.equal(field(shown.request, 'x-mine'), '[redacted]')
  t.match(await sent(replay(shown.request_id)), { status: 200, omitted: ['x-mine'] })

  const taken = await runProgram(process.execPath, [MAIN, ...args, '--inspect-port', new URL(url).port], {
    cwd: folder(t),
  })
  t.equal(taken.code, 1)
  t.match(taken.err, /^gw-agent: --inspect-port: port \d+ of 127\.0\.0\.1 is taken; 0 picks a free one\n$/)
  const stopped = once(child, 'exit')
  child.kill('SIGTERM')
  t.same(await stopped, [0, null])
})

t.test('its options', async (t) => {
  const resolve = (argv: string[], env: Record<string, string> = {}) => {
    const mistakes: string[] = []
    const report = (mistake: string) => void mistakes.push(mistake)
    const { flags } = parseCommandLine(argv, agentOptions.specs, report)
    const config = resolveAgent(loadOptions(agentOptions, { flags, env, file: undefined }, report), report)
    return { inspector: config.inspector, mistakes }
  }
  t.same(resolve([]), { inspector: undefined, mistakes: [] })
  const both = resolve(['--inspect-port', '4040', '--redact', 'X-One,x-two'])
  t.same(both, { inspector: { port: 4040, redact: ['x-one', 'x-two'] }, mistakes: [] })
  t.same(resolve(['--redact', 'x']).mistakes, ['--redact needs --inspect-port'])
  t.same(resolve([], { GW_REDACT: 'x' }).mistakes, [], "the variable may be the gateway's")
  t.match(resolve(['--redact', 'a b', '--inspect-port', '1']).mistakes, [/--redact: "a b" .*field name/])
})

t.test('the live screen shows where the inspector is', async (t) => {
  let shown = ''
  const terminal = { isTTY: true, columns: 60, write: (text: string) => (shown += text) }
  new StatusScreen(terminal, 'http://gateway.test', 'http://127.0.0.1:4040').close()
  t.match(shown, /inspect {3}http:\/\/127\.0\.0\.1:4040\n/)
})
