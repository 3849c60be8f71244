/** Exchanges that fail: which move to another instance, and what the others come to. */
import { once } from 'node:events'
import t from 'tap'
import { Kind } from '../../shared/frames.js'
import { type RawAgent, type RawExchange, ResetCode, tunnelId } from '../helpers/raw-agent.js'
import { type Asked, ask, call, startGateway } from '../helpers/tunnel.js'

/** What happens to the first try of an exchange. */
const FAULTS: Record<string, (exchange: RawExchange, agent: RawAgent) => void> = {
  refused: (exchange) => exchange.refuse(ResetCode.refused),
  unreachable: (exchange) => exchange.refuse(ResetCode.unreachable),
  failed: (exchange) => exchange.refuse(ResetCode.failed),
  lost: (_, agent) => agent.socket.terminate(),
}

t.test('an exchange moves only where nobody could tell', async (t) => {
  const big = Buffer.alloc(100 * 1024)
  const any = ['refused', 'unreachable']
  const sent = ['failed', 'lost']
  const cases: [asked: Asked, faults: string[], moves: boolean][] = [
    [{}, [...any, ...sent], true],
    [{ method: 'HEAD' }, sent, true],
    [{ method: 'QUERY', body: 'q' }, sent, true],
    [{ method: 'PUT', body: 'x' }, sent, true],
    [{ method: 'DELETE' }, sent, true],
    [{ method: 'PUT', body: 'x', headers: { 'if-match': '"a"' } }, any, true],
    [{ method: 'PUT', body: 'x', headers: { 'if-match': '"a"' } }, sent, false],
    [{ method: 'DELETE', headers: { 'if-none-match': '*' } }, sent, false],
    [{ method: 'POST', body: 'x' }, any, true],
    [{ method: 'PATCH', body: 'x' }, any, true],
    [{ method: 'POST', body: 'x' }, sent, false],
    [{ method: 'POST', body: big }, [...any, ...sent], false],
    [{ method: 'PUT', body: big }, [...any, ...sent], false],
  ]
  const codes: Record<string, string> = {
    refused: 'overloaded',
    unreachable: 'upstream_unreachable',
    failed: 'agent_error',
    lost: 'agent_disconnected',
  }
  for (const [asked, faults, moves] of cases) {
    for (const fault of faults) {
      const title = `${asked.method ?? 'GET'} ${Object.keys(asked.headers ?? {})} ${asked.body?.length ?? 0} ${fault}`
      const site = await startGateway(t)
      const id = tunnelId()
      const first = await site.agent({ tunnelId: id })
      const second = await site.agent({ tunnelId: id })
      const answer = call(`${site.url}/forward?policy=first`, asked)
      const exchange = await (await first.next()).whole()
      FAULTS[fault]!(exchange, first)
      if (moves) {
        const again = await (await second.next()).whole()
        t.equal(again.body, asked.body?.toString() ?? '', title)
        again.respond(200, 'moved')
        t.match(await answer, { status: 200, body: asked.method === 'HEAD' ? '' : 'moved' }, title)
        t.match(await site.log.find({ msg: 'exchange moved to another instance' }), {
          code: codes[fault],
          request_id: exchange.field('gw-request-id'),
        })
        t.match(await site.log.find({ msg: 'request' }), { moves: 1 })
      } else {
        t.match(await answer, { code: codes[fault] }, title)
        t.equal(second.pending, 0, 'nobody else saw it')
      }
    }
  }
})

t.test('it moves at most twice, and the last error is the answer', async (t) => {
  const site = await startGateway(t)
  const id = tunnelId()
  const agents = [
    await site.agent({ tunnelId: id }),
    await site.agent({ tunnelId: id }),
    await site.agent({ tunnelId: id }),
    await site.agent({ tunnelId: id }),
  ]
  const answer = call(`${site.url}/forward?policy=first`, { method: 'POST', body: 'x' })
  const reasons = [ResetCode.refused, ResetCode.refused, ResetCode.unreachable]
  for (const [i, code] of reasons.entries()) (await agents[i]!.next()).refuse(code, `the reason of ${i}`)
  t.match(await answer, { status: 502, code: 'upstream_unreachable', body: /the reason of 2/ })
  t.equal(agents[3]!.pending, 0)
  t.match(await site.log.find({ msg: 'request' }), { moves: 2, status: 502 })
})

t.test('with nobody to move to, the failure is the answer', async (t) => {
  const site = await startGateway(t, { hold: 60_000 })
  const agent = await site.agent()
  const answer = call(`${site.url}/forward`)
  ;(await agent.next()).refuse(ResetCode.unreachable, 'connect ECONNREFUSED')
  t.match(await answer, { status: 502, code: 'upstream_unreachable', body: /connect ECONNREFUSED/ })
})

t.test('nothing moves once the answer has begun', async (t) => {
  const site = await startGateway(t)
  const id = tunnelId()
  const [first, second] = [await site.agent({ tunnelId: id }), await site.agent({ tunnelId: id })]
  for (const fault of ['failed', 'lost']) {
    const request = ask(`${site.url}/forward?policy=first`)
    request.end()
    const exchange = (await first.next()).begin(200, ['content-length', '10'], 'half')
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream & { complete: boolean }]
    response.on('error', () => {}).resume()
    const closed = new Promise((resolve) => response.on('close', resolve))
    FAULTS[fault]!(exchange, first)
    await closed
    t.notOk(response.complete, fault)
  }
  t.equal(second.pending, 0)
  t.match(await site.log.find({ code: 'agent_error' }), { status: 200 })
  t.match(await site.log.find({ code: 'agent_disconnected' }), { status: 200 })
})

t.test('what an agent sends against HTTP costs that exchange alone', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const beside = call(`${site.url}/forward`)
  const other = await agent.next()
  const head = {
    kind: Kind.head,
    status: 200,
    reason: null,
    headers: [] as string[],
    body: null as Buffer | null,
    end: true,
  } as const
  const cases: [
    title: string,
    more: Partial<{ status: number; reason: string; headers: string[]; body: Buffer; end: boolean }>,
  ][] = [
    ['CR LF in a value', { headers: ['a', 'b\r\nset-cookie: x=1'] }],
    ['LF in a name', { headers: ['a\nb', 'c'] }],
    ['an empty name', { headers: ['', 'c'] }],
    ['NUL in a value', { headers: ['a', 'b\0'] }],
    ['CR LF in the reason', { reason: 'OK\r\nx: y' }],
    ['two lengths', { headers: ['content-length', '1', 'content-length', '2'] }],
    ['no number for a length', { headers: ['content-length', 'x'] }],
    ['another length than the body has', { headers: ['content-length', '5'], body: Buffer.from('four') }],
    ['a protocol that nobody asked for', { status: 101, end: false }],
  ]
  for (const [title, more] of cases) {
    const answer = call(`${site.url}/forward`, { method: 'POST' })
    const { stream } = await agent.next()
    agent.send({ ...head, id: stream.id, ...more })
    const { status, code, headers } = await answer
    t.same(
      [status, code, headers['set-cookie'], headers.x],
      [502, 'agent_error', undefined, undefined],
      title,
    )
  }
  for (const [title, bytes] of [
    ['too short', 'four'],
    ['too long', 'sixsix'],
  ] as const) {
    const answer = call(`${site.url}/forward`)
    const exchange = (await agent.next()).begin(200, ['content-length', '5'])
    exchange.stream.write(Buffer.from(bytes))
    exchange.stream.end()
    // Where nothing of it was out yet there is no answer at all.
    const { complete, body } = await answer.catch(() => ({ complete: false, body: '' }))
    t.ok(title === 'too long' ? body === bytes.slice(0, 5) || !complete : !complete, title)
    await site.log.find({ code: 'agent_error', status: 200 })
  }
  const errors = (
    JSON.parse((await call(`${site.url}/connections`)).body) as { connections: { errors_total: number }[] }
  ).connections[0]!.errors_total
  t.equal(errors, cases.length + 2)
  other.respond(200, 'undisturbed')
  t.match(await beside, { status: 200, body: 'undisturbed' })
})
