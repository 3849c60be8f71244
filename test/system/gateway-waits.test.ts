import t from 'tap'
import { ResetCode, tunnelId } from '../helpers/raw-agent.js'
import { answerOf, ask, call, settled, startGateway } from '../helpers/tunnel.js'

t.test('a request waits for an agent as long as it asks, up to the limit', async (t) => {
  const site = await startGateway(t, { holdLimit: 150 })
  for (const [hold, least] of [
    ['0', 0],
    ['50ms', 45],
    ['60s', 145],
  ] as const) {
    const started = performance.now()
    t.match(await call(`${site.url}/forward`, { headers: { 'gw-hold': hold } }), {
      status: 503,
      code: 'no_agent',
      headers: { 'retry-after': '1' },
    })
    const took = performance.now() - started
    t.ok(took >= least && took < 30_000, `${hold}: ${took}`)
  }
})

t.test('a request that is held is served when an agent comes, its body with it', async (t) => {
  const site = await startGateway(t, { hold: 60_000 })
  const body = 'x'.repeat(300 * 1024)
  const answers = [
    call(`${site.url}/forward`),
    call(`${site.url}/forward`, { method: 'POST', body: 'short' }),
    call(`${site.url}/forward`, { method: 'POST', body }),
  ]
  await settled(site)
  await site.agent({
    serve: (exchange) => void exchange.whole().then(() => exchange.respond(200, String(exchange.received))),
  })
  t.same(
    (await Promise.all(answers)).map((answer) => answer.body),
    ['0', '5', String(body.length)],
  )
})

t.test('a caller that leaves while it waits drops out of the queue', async (t) => {
  const site = await startGateway(t, { hold: 60_000, holdMax: 1 })
  const controller = new AbortController()
  const request = ask(`${site.url}/forward`, { method: 'POST', signal: controller.signal })
  request.write('some of it')
  await settled(site)
  t.match(
    await call(`${site.url}/forward`),
    { status: 503, code: 'overloaded', headers: { 'retry-after': '1' } },
    'hold-max',
  )
  controller.abort()
  t.match(await site.log.find({ code: 'aborted' }), { status: 0 })
  const next = call(`${site.url}/forward`)
  await settled(site)
  const agent = await site.agent()
  ;(await agent.next()).respond(200, 'next')
  t.match(await next, { body: 'next' })
  t.equal(agent.pending, 0)
})

t.test('a caller that left while its body was stopped is noticed before anyone is asked', async (t) => {
  const site = await startGateway(t, { hold: 60_000 })
  const request = ask(`${site.url}/forward`, { method: 'POST', headers: { 'content-length': '1000000' } })
  await new Promise<void>((resolve) => request.write(Buffer.alloc(100 * 1024), () => resolve()))
  await settled(site)
  request.destroy()
  await settled(site)
  const agent = await site.agent()
  t.match(await site.log.find({ msg: 'request', path: '/forward' }), { code: 'aborted', status: 0 })
  const next = call(`${site.url}/forward/next`)
  const exchange = await agent.next()
  t.equal(exchange.open.target, '/next')
  exchange.respond()
  await next
})

t.test('a place is waited for up to the queue timeout', async (t) => {
  const site = await startGateway(t, { queueTimeout: 1000 })
  const agent = await site.agent({ maxConcurrent: 1 })
  const first = call(`${site.url}/forward`)
  const held = await agent.next()
  t.match(await call(`${site.url}/forward`), {
    status: 503,
    code: 'overloaded',
    headers: { 'retry-after': '1' },
  })
  const second = call(`${site.url}/forward`)
  await settled(site)
  t.equal(agent.pending, 0)
  held.respond()
  t.match(await first, { status: 200 })
  ;(await agent.next()).respond()
  t.match(await second, { status: 200 })
})

t.test('an agent that restarts costs its callers time, not errors', async (t) => {
  const site = await startGateway(t, { hold: 60_000 })
  const id = tunnelId()
  const options = { tunnelId: id, maxConcurrent: 1 }
  const old = await site.agent(options)
  const inflight = call(`${site.url}/forward`)
  await old.next()
  const queued = call(`${site.url}/forward`, { method: 'POST', body: 'x' })
  await settled(site)
  await old.kill()
  const served: string[] = []
  await site.agent({
    ...options,
    serve: (exchange) => {
      served.push(exchange.open.method)
      exchange.respond()
    },
  })
  t.match([await inflight, await queued], [{ status: 200 }, { status: 200 }])
  t.same(served.sort(), ['GET', 'POST'])
})

t.test('one that drains is no match: requests wait for the next', async (t) => {
  const site = await startGateway(t, { hold: 60_000 })
  const id = tunnelId()
  const old = await site.agent({ tunnelId: id })
  const inflight = call(`${site.url}/forward`)
  const exchange = await old.next()
  old.goAway()
  while (!(await call(`${site.url}/connections`)).body.includes('"draining"')) await settled(site)
  const waiting = call(`${site.url}/forward`)
  await settled(site)
  t.equal(old.pending, 0)
  await site.agent({ tunnelId: id, serve: (one) => one.respond(200, 'new') })
  t.match(await waiting, { body: 'new' })
  exchange.respond(200, 'old')
  t.match(await inflight, { body: 'old' })
  t.equal((await old.ended()).code, 1001)
})

t.test('a response is waited for as long as is allowed', async (t) => {
  const site = await startGateway(t, { responseTimeout: 60_000, maxTimeout: 1500 })
  const agent = await site.agent()
  for (const asked of ['100ms', '1h', '0']) {
    const started = performance.now()
    const answer = call(`${site.url}/forward`, { headers: { 'gw-response-timeout': asked } })
    const exchange = await agent.next()
    t.match(await answer, { status: 504, code: 'response_timeout' })
    const took = performance.now() - started
    t.ok(asked === '100ms' ? took < 1490 : took >= 1500, `${asked}: ${took}`)
    t.match(await exchange.wasReset(), { kind: 'peer', code: ResetCode.timeout })
    exchange.respond(200, 'too late')
  }
  const next = call(`${site.url}/forward`)
  ;(await agent.next()).respond(200, 'in time')
  t.match(await next, { status: 200, body: 'in time' })
})

t.test('an upload that flows puts the response timeout off', async (t) => {
  const site = await startGateway(t, { responseTimeout: 1000 })
  const agent = await site.agent()
  const request = ask(`${site.url}/forward`, { method: 'POST' })
  const answer = answerOf(request)
  request.write('x')
  const exchange = await agent.next()
  const started = performance.now()
  let sent = 1
  const trickle = setInterval(() => {
    request.write('x')
    if (++sent === 8) clearInterval(trickle)
  }, 100)
  t.match(await answer, { status: 504, code: 'response_timeout' })
  t.ok(performance.now() - started >= 1600, 'counted from the last byte')
  t.equal(exchange.received, 8)
})

t.test('without a byte either way an answer is cut', async (t) => {
  const site = await startGateway(t, { idleTimeout: 1000 })
  const agent = await site.agent()
  const started = performance.now()
  const answer = call(`${site.url}/forward`, { headers: { 'gw-idle-timeout': '1s' } })
  const exchange = (await agent.next()).begin()
  let left = 4
  const trickle = setInterval(() => {
    exchange.stream.write(Buffer.from('x'))
    if (--left === 0) clearInterval(trickle)
  }, 100)
  t.match(await answer, { status: 200, body: 'xxxx', complete: false })
  t.ok(performance.now() - started >= 1350)
  t.match(await exchange.wasReset(), { kind: 'peer', code: ResetCode.timeout })
  t.match(await site.log.find({ msg: 'request' }), { status: 200, code: 'idle_timeout' })
})

t.test('a body over the bound is refused, declared or chunked', async (t) => {
  const site = await startGateway(t, { maxBody: 1000, hold: 60_000 })
  const body = 'x'.repeat(1001)
  t.match(
    await call(`${site.url}/forward`, { method: 'POST', body, headers: { 'content-length': '1001' } }),
    { status: 413, code: 'payload_too_large' },
  )
  const chunked = ask(`${site.url}/forward`, { method: 'POST' })
  const answer = answerOf(chunked)
  chunked.write(body.slice(1))
  chunked.write('xx')
  t.match(await answer, { status: 413, code: 'payload_too_large' }, 'while it waits')
  const agent = await site.agent()
  const sent = ask(`${site.url}/forward`, { method: 'POST' })
  const refused = answerOf(sent)
  sent.write(body.slice(1))
  const exchange = await agent.next()
  sent.write('xx')
  t.match(await refused, { status: 413, code: 'payload_too_large' }, 'while it is sent')
  t.match(await exchange.wasReset(), { kind: 'peer', code: ResetCode.cancelled })
})
