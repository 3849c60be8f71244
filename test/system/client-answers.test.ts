/** `gw-agent/client` against a server that answers as it is told: what it makes of that. */
import http from 'node:http'
import t, { type Test } from 'tap'
import { ExternalGateway, InProcessGateway } from '../../agent/client/index.js'
import { listening } from '../helpers/processes.js'
import { collect } from '../helpers/session-rig.js'

const FAST = { base: 2, max: 10, patience: 5000 }

/** Of a server that answers as it is told. */
type Answer = (asked: string, response: http.ServerResponse, fields: http.IncomingHttpHeaders) => void

async function fake(t: Test, answer: Answer): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const server = http.createServer((request, response) => {
    const what = `${request.method} ${request.url!.replace(/^\/api\/v1\/sessions\/?/, '')}`
    asked.push(what)
    request.resume().on('end', () => answer(what, response, request.headers))
  })
  return { url: `http://127.0.0.1:${await listening(t, server)}`, asked }
}

const problem = (response: http.ServerResponse, status: number, code: string): void => {
  const fields = { 'content-type': 'application/problem+json', 'gw-request-id': 'r1' }
  response.writeHead(status, fields).end(JSON.stringify({ status, code, detail: `it is ${code}` }))
}

const sse = (...events: object[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
const recorded = (seq: number, run_id: string, type = 'text', data: object = { text: run_id }) => ({
  type,
  data,
  seq,
  run_id,
})
const ended = (seq: number, run_id: string) => recorded(seq, run_id, 'done', { run_id, status: 'completed' })
const INFO = { type: 'session_info', data: {}, seq: 0 }

/** A gateway with one session, but for `execute`. */
function session(execute: Answer, status: 'idle' | 'running', stream: () => string): Answer {
  return (asked, response, fields) => {
    if (asked.startsWith('POST')) execute(asked, response, fields)
    else if (!asked.includes('events')) response.end(JSON.stringify({ session_id: 'sess_1', status }))
    else if (asked.includes('limit=1')) response.end('{"events":[],"last_seq":0}')
    else response.end(stream())
  }
}

t.test('what a gateway may answer', async (t) => {
  const run = (url: string, retry = FAST) =>
    new ExternalGateway(url, { retry }).runQuery('sess_1', { userInput: 'x' })
  const whole = sse(INFO, recorded(1, 'run_a'), ended(2, 'run_a'))

  await t.test('the run in the head of its answer, so that it is told from those before it', async (t) => {
    const all = sse(INFO, recorded(1, 'run_a'), ended(2, 'run_a'), recorded(3, 'run_b'), ended(4, 'run_b'))
    const begun: Answer = (_, response) => {
      response.writeHead(200, { 'gw-run-id': 'run_b' }).write(sse(INFO), () => response.destroy())
    }
    const { url } = await fake(
      t,
      session(begun, 'running', () => all),
    )
    t.match(await run(url), { runId: 'run_b', events: [{ seq: 3 }, { seq: 4 }] })
  })

  await t.test('that it goes: the next one is asked', async (t) => {
    let going = 2
    const { url, asked } = await fake(
      t,
      session(
        (_, response) => (going-- > 0 ? problem(response, 503, 'draining') : response.end(whole)),
        'idle',
        () => '',
      ),
    )
    t.match(await run(url), { runId: 'run_a', status: 'completed' })
    t.equal(asked.filter((what) => what.startsWith('POST')).length, 3)
  })

  await t.test('a refusal, which is final', async (t) => {
    const refuse: Answer = (_, response) => problem(response, 503, 'overloaded')
    const { url, asked } = await fake(
      t,
      session(refuse, 'idle', () => ''),
    )
    const expected = { code: 'overloaded', status: 503, requestId: 'r1', message: 'it is overloaded' }
    await t.rejects(run(url), expected)
    t.equal(asked.filter((what) => what.startsWith('POST')).length, 1)
  })

  await t.test('by a proxy that lost it', async (t) => {
    const { url, asked } = await fake(
      t,
      session(
        (_, response) => response.writeHead(502).end('<h1>Bad gateway</h1>'),
        'idle',
        () => '',
      ),
    )
    await t.rejects(run(url), { code: 'interrupted' })
    t.equal(asked.filter((what) => what.startsWith('POST')).length, 1)
  })

  await t.test('that events were dropped', async (t) => {
    let streams = 0
    const dropped = { type: 'session_info', data: { first_seq: 5 }, seq: 4 }
    const begun: Answer = (_, response) =>
      response.write(sse(INFO, recorded(1, 'run_a')), () => response.destroy())
    const { url } = await fake(
      t,
      session(begun, 'idle', () => (streams++ === 0 ? sse(INFO) : sse(dropped, ended(5, 'run_a')))),
    )
    const events = await collect(
      new ExternalGateway(url, { retry: FAST }).execute('sess_1', { userInput: 'x' }),
    )
    t.same(
      events.map(({ type, seq }) => [type, seq]),
      [
        ['session_info', 0],
        ['text', 1],
        ['session_info', 4],
        ['done', 5],
      ],
    )
  })

  await t.test('nothing any more', async (t) => {
    const begun: Answer = (_, response) =>
      response.write(sse(INFO, recorded(1, 'run_a')), () => response.destroy())
    let gone = false
    const answer = session(begun, 'idle', () => '')
    const { url } = await fake(t, (asked, response, fields) => {
      gone ||= asked.startsWith('POST')
      if (gone && !asked.startsWith('POST')) response.destroy()
      else answer(asked, response, fields)
    })
    await t.rejects(run(url, { base: 1, max: 5, patience: 60 }), { code: 'unreachable' })
  })

  await t.test('something that is no gateway', async (t) => {
    const { url } = await fake(t, (asked, response) =>
      response.writeHead(asked.endsWith(' ') ? 200 : 404).end('<h1>Hello</h1>'),
    )
    const gateway = new ExternalGateway(url)
    await t.rejects(gateway.listSessions(), { code: 'unexpected_answer', status: 200 })
    await t.rejects(gateway.getSession('x'), { code: 'unexpected_answer', status: 404 })
    await t.rejects(run(url), { code: 'unexpected_answer' })
  })

  await t.test('to which credential', async (t) => {
    const seen: unknown[] = []
    const { url } = await fake(t, (asked, response, { authorization }) => {
      seen.push([asked, authorization])
      problem(response, 401, 'unauthorized')
    })
    let token = 'gwd_1_secret'
    const gateway = new ExternalGateway(`${url}/behind/`, { token: () => token })
    await t.rejects(gateway.getSession('a/b'), { code: 'unauthorized', status: 401 })
    token = 'gwt_1_secret'
    await t.rejects(gateway.cancel('a', 'run_1'), { code: 'unauthorized', status: 401 })
    t.match(seen[0], [/behind\/api\/v1\/sessions\/a%2Fb$/, 'DeviceToken gwd_1_secret'])
    t.match(seen[1], [/behind\/api\/v1\/sessions\/a\/stream$/, 'Bearer gwt_1_secret'])
  })
})

t.test('a gateway that cannot be reached, or must not be', async (t) => {
  const server = http.createServer()
  const port = await listening(t, server)
  await new Promise((resolve) => server.close(resolve))
  const url = `http://127.0.0.1:${port}`
  const gateway = new ExternalGateway(url)
  const unreachable = { name: 'GatewayError', code: 'unreachable', cause: { code: 'ECONNREFUSED' } }
  await t.rejects(gateway.createSession({ userId: 'u' }), unreachable)
  await t.rejects(gateway.runQuery('sess_1', { userInput: 'x' }), unreachable)
  await t.rejects(gateway.cancel('sess_1', 'run_1'), unreachable)
  t.throws(() => new ExternalGateway('gw.test'), /gateway "gw.test" is not such a URL/)
  t.throws(() => new ExternalGateway('http://gw.test', { token: 'x' }), /in the clear; it takes https/)
  t.ok(new ExternalGateway('http://gw.test', { token: 'x', insecure: true }))
  t.ok(new ExternalGateway('http://gw.test'))
  t.ok(new ExternalGateway('http://localhost:1', { token: 'x' }))
  const nowhere = new InProcessGateway({ handlers: './nowhere.js' })
  await t.rejects(nowhere.listSessions(), { name: 'GatewayError', code: 'bad_handlers', message: /nowhere/ })
})
