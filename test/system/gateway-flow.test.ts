/** Bodies through a gateway: who stops whom, who notices that whom is gone, and that nobody else is touched. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { RawCaller } from '../helpers/engine-rig.js'
import { type RawExchange, ResetCode } from '../helpers/raw-agent.js'
import { answerOf, ask, call, settled, startGateway } from '../helpers/tunnel.js'

const MB = 1024 * 1024

/** Writes as fast as it may until it must wait; again at each `drain`. @returns how much is written so far. */
function pour(exchange: RawExchange, total: number): { written: number } {
  const state = { written: 0 }
  const go = (): void => {
    while (state.written < total) {
      const chunk = Buffer.alloc(Math.min(16 * 1024, total - state.written), 0x61)
      state.written += chunk.length
      if (!exchange.stream.write(chunk)) return
    }
    exchange.stream.end()
  }
  exchange.on('drain', go)
  go()
  return state
}

/** Resolves when `value` is the same three times in a row. */
async function still(site: { url: string }, value: () => number): Promise<number> {
  for (let last = -1, same = 0; ; ) {
    await settled(site)
    same = value() === last ? same + 1 : 0
    last = value()
    if (same === 20) return last
  }
}

t.test('a caller that leaves resets its stream at once', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const stages: [title: string, reach: (exchange: RawExchange) => unknown][] = [
    ['before the head', () => undefined],
    ['after the head', (exchange) => exchange.begin(200, [], 'x')],
  ]
  for (const [title, reach] of stages) {
    const controller = new AbortController()
    const request = ask(`${site.url}/forward`, { method: 'POST', signal: controller.signal })
    request.write('some')
    const exchange = await agent.next()
    reach(exchange)
    if (title === 'after the head') await once(request, 'response')
    controller.abort()
    t.match(await exchange.wasReset(), { kind: 'peer', code: ResetCode.cancelled }, title)
    t.match(await site.log.find({ code: 'aborted', status: title === 'after the head' ? 200 : 0 }), {
      bytes_in: 4,
    })
  }
  t.match(await call(`${site.url}/health`), { status: 200 })
})

t.test('an agent that goes is told to the caller, and never as a clean end', async (t) => {
  const site = await startGateway(t)
  for (const length of [[], ['content-length', '100']]) {
    const agent = await site.agent()
    const before = call(`${site.url}/forward`, { method: 'POST' })
    await agent.next()
    const after = call(`${site.url}/forward`)
    ;(await agent.next()).begin(200, length, 'half')
    const upload = ask(`${site.url}/forward`, { method: 'POST' })
    const uploaded = answerOf(upload)
    upload.write('x')
    await agent.next()
    const reader = ask(`${site.url}/forward`)
    reader.end()
    ;(await agent.next()).begin(200, length, 'half')
    await once(reader, 'response')
    await agent.kill()
    t.match(await before, { status: 502, code: 'agent_disconnected' })
    t.match(await uploaded, { status: 502, code: 'agent_disconnected' })
    t.match(await after, { complete: false })
  }
})

t.test('an answer before the end of the upload is delivered, and the upload is let go', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  for (const streamed of [false, true]) {
    const caller = new RawCaller(site.port).send(
      'POST /forward HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n',
    )
    const exchange = await agent.next()
    if (streamed) {
      exchange.begin(403, ['content-length', '2'])
      exchange.stream.write(Buffer.from('no'))
      exchange.stream.end()
    } else exchange.respond(403, 'no')
    const { status, body, complete } = await caller.response()
    t.same([status, String(body), complete], [403, 'no', true])
    t.match(await exchange.wasReset(), { kind: 'peer', code: ResetCode.cancelled })
    caller.socket.destroy()
  }
})

t.test('an answer may flow while the upload does', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const request = ask(`${site.url}/forward`, { method: 'POST' })
  const answer = answerOf(request)
  request.write('one')
  const exchange = (await agent.next()).begin(200, [], 'first ')
  await once(request, 'response')
  request.end('two')
  await exchange.whole()
  t.equal(exchange.body, 'onetwo')
  exchange.stream.write(Buffer.from('last'))
  exchange.stream.end()
  t.match(await answer, { body: 'first last', complete: true })
})

t.test('bodies of any size go through unchanged, both ways', async (t) => {
  const site = await startGateway(t)
  await site.agent({
    serve: (exchange) => {
      exchange.begin()
      for (const chunk of exchange.chunks) exchange.stream.write(chunk)
      exchange.on('data', () => {
        exchange.stream.write(exchange.chunks.at(-1)!)
      })
      exchange.on('end', () => exchange.stream.end())
      if (exchange.ended) exchange.stream.end()
    },
  })
  for (const size of [1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 256 * 1024 + 7, 3 * MB]) {
    const body = randomBytes(size)
    const answer = await call(`${site.url}/forward`, { method: 'POST', body })
    t.equal(answer.complete, true)
    t.ok(Buffer.from(answer.body, 'latin1').equals(body), `${size} bytes`)
  }
})

t.test('a caller that stalls stops its agent, and nobody else', async (t) => {
  const site = await startGateway(t, { idleTimeout: 60_000 })
  const agent = await site.agent()
  const stalled = new RawCaller(site.port)
  stalled.socket.pause()
  stalled.send('GET /forward/stalled HTTP/1.1\r\nhost: a\r\n\r\n')
  const exchange = (await agent.next()).begin()
  const state = pour(exchange, 64 * MB)
  const stopped = await still(site, () => state.written)
  t.ok(stopped < 24 * MB, `${stopped / MB} MB are on the way`)
  const other = call(`${site.url}/forward/other`)
  const beside = (await agent.next()).begin()
  pour(beside, 5 * MB)
  t.equal((await other).body.length, 5 * MB, 'another caller of the same link has all of it')
  stalled.socket.resume()
  const { complete, body } = await stalled.response()
  t.same([complete, body.length], [true, 64 * MB])
  stalled.socket.destroy()
})

t.test('what waits for stalled callers is bounded', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const callers = Array.from({ length: 50 }, () => {
    const caller = new RawCaller(site.port)
    caller.socket.pause()
    return caller.send('GET /forward HTTP/1.1\r\nhost: a\r\n\r\n')
  })
  const states = await Promise.all(callers.map(async () => pour((await agent.next()).begin(), 100 * MB)))
  const written = () => states.reduce((sum, state) => sum + state.written, 0)
  const total = await still(site, written)
  // Of each: the agent's queue, the window, the sockets' buffers; and what windows grew by, of one pool.
  t.ok(total < 50 * 8 * MB + 48 * MB, `${Math.round(total / MB)} MB`)
  for (const caller of callers) caller.socket.destroy()
  await settled(site)
  const left = await still(site, () => site.log.lines.filter(({ code }) => code === 'aborted').length)
  t.equal(left, 50)
})

t.test('a reader that stalls is cut by the idle timeout', async (t) => {
  const site = await startGateway(t, { idleTimeout: 300 })
  const agent = await site.agent()
  const stalled = new RawCaller(site.port)
  stalled.socket.pause()
  stalled.send('GET /forward HTTP/1.1\r\nhost: a\r\n\r\n')
  const exchange = (await agent.next()).begin()
  const state = pour(exchange, 64 * MB)
  await exchange.wasReset()
  t.ok(state.written < 64 * MB)
  t.match(await site.log.find({ code: 'idle_timeout' }), { status: 200 })
  stalled.socket.destroy()
})

t.test('the gateway waits for a caller that has not taken all yet', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const slow = new RawCaller(site.port)
  slow.socket.pause()
  slow.send('GET /forward HTTP/1.1\r\nhost: a\r\n\r\n')
  const exchange = (await agent.next()).begin()
  const state = pour(exchange, 64 * MB)
  await still(site, () => state.written)
  const stopped = site.gateway.stop()
  slow.socket.resume()
  const { complete, body } = await slow.response()
  t.same([complete, body.length], [true, 64 * MB])
  t.equal(await stopped, 0)
})

t.test('an agent that does not read stops the caller, and its reading lets it on', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const request = ask(`${site.url}/forward`, { method: 'POST' })
  const answer = answerOf(request)
  const body = Buffer.alloc(32 * MB, 0x62)
  request.end(body)
  const exchange = await agent.next()
  exchange.reading = false
  const received = await still(site, () => exchange.received)
  t.ok(received <= 512 * 1024, `${received} bytes are at the agent`)
  t.ok(request.writableLength > 8 * MB, 'the rest is still at the caller')
  const other = call(`${site.url}/forward`, { method: 'POST', body: 'other' })
  ;(await (await agent.next()).whole()).respond(200, 'served')
  t.match(await other, { body: 'served' })
  exchange.resume()
  await exchange.whole()
  t.equal(exchange.received, body.length)
  exchange.respond()
  t.match(await answer, { status: 200 })
})

t.test('a caller that leaves while its upload is held back is noticed within 5 s', async (t) => {
  const site = await startGateway(t)
  const agent = await site.agent()
  const caller = new RawCaller(site.port).send(
    'POST /forward HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n',
  )
  const exchange = await agent.next()
  exchange.reading = false
  caller.send(Buffer.alloc(450 * 1024))
  await still(site, () => exchange.received)
  const left = performance.now()
  caller.socket.destroy()
  t.match(await exchange.wasReset(), { kind: 'peer', code: ResetCode.cancelled })
  t.ok(performance.now() - left < 5500)
})
