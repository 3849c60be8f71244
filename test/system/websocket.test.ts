/** Callers' WebSockets from one end to the other: what they carry, by every way in, and how they close. */
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { ClientRequest } from 'node:http'
import t from 'tap'
import { engineOf, limited } from '../fidelity/limits.js'
import { tunnelId } from '../helpers/raw-agent.js'
import { connections, dial, open, type Peer, refused, socketSite } from '../helpers/socket-site.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const MIB = 1024 * 1024
const random = (size: number): Buffer => createHash('shake256', { outputLength: size }).digest()

t.test('every way in', async (t) => {
  const site = await socketSite(t, {
    echo: true,
    gateway: { domain: ['tunnel.test'] },
    agent: { name: 'chat', labels: { region: 'eu' } },
  })
  const id = site.tunnel.tunnelId
  const [, uuid, purpose] = id.split('_')
  // A URL would tidy it.
  const asIs = (path: string) => ({
    finishRequest: (request: ClientRequest) => {
      request.path = path
      request.end()
    },
  })
  const to = (host: string) => ({ headers: { host } })
  const ways: [url: string, target: string, dialling?: object][] = [
    [`${site.url}/t/${id}/a/b?c=d`, '/a/b?c=d'],
    [`${site.url}/t/${id}`, '/'],
    [`${site.url}/t/chat/a?b`, '/a?b'],
    [`${site.url}/forward/a?name=chat&b=1`, '/a?b=1'],
    [`${site.url}/forward?tunnel_id=${id}`, '/'],
    [`${site.url}/forward/a?b=1`, '/a?b=1', { headers: { 'gw-labels': 'region=eu' } }],
    [`${site.url}/a?b=1`, '/a?b=1', to('chat.tunnel.test')],
    [site.url, '//a/../b', { ...to(`${purpose}-${uuid}.tunnel.test:80`), ...asIs('//a/../b') }],
  ]
  for (const [url, target, dialling] of ways) {
    const caller = await open(url, dialling)
    t.equal(site.upstream.requests.at(-1)!.url, target, target)
    t.equal(caller.head.headers['gw-tunnel-id'], id)
    t.match(caller.head.headers['gw-request-id'], UUID)
    t.notOk(caller.head.headers['sec-websocket-extensions'], 'the gateway negotiates no extensions')
    t.match(await caller.trip('hi'), { data: Buffer.from('hi'), binary: false })
    caller.socket.close(1000)
    await caller.ended
  }
  for (const [url, status] of [
    [`${site.url}/connections`, 404],
    [`${site.url}/nowhere`, 404],
    [`${site.url}/t/nobody`, 503],
    [`${site.url}/forward?labels=region%3Dus`, 503],
    [`${site.url}/forward?labels=`, 400],
  ] as const)
    t.equal((await refused(dial(url))).status, status, url)
  await site.quiet(t)
})

t.test('messages of every size come back as they were', async (t) => {
  const site = await socketSite(t, { echo: true })
  const caller = await open(site.base)
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 300_000, 4 * MIB, 16 * MIB - 1]) {
    const binary = random(size)
    const echoed = await caller.trip(binary)
    t.ok(echoed.binary && echoed.data.equals(binary), `${size} bytes`)
    if (size > 4 * MIB) continue
    const text = Buffer.from('é'.repeat(size / 2))
    const said = await caller.trip(text.toString())
    t.ok(!said.binary && said.data.equals(text), `${size} bytes of text`)
  }
  caller.socket.close(1000)
  await site.quiet(t)
})

t.test('2,000 messages of both types keep their order and boundaries', async (t) => {
  const site = await socketSite(t, { echo: true })
  const [caller] = await site.pair()
  const sent = Array.from({ length: 2000 }, (_, i) => ({
    data: random((i * 7919) % (i % 50 === 0 ? 40_000 : 300)),
    binary: i % 3 !== 0,
  })).map((one) => (one.binary ? one : { data: Buffer.from(one.data.toString('hex')), binary: false }))
  for (const { data, binary } of sent) caller.socket.send(binary ? data : data.toString())
  for (const [i, { data, binary }] of sent.entries()) {
    const came = await caller.next()
    if (came.binary !== binary || !came.data.equals(data)) return t.fail(`message ${i} is another`)
  }
  caller.socket.close(1000)
  await caller.ended
  t.equal(caller.inbox.length, 0)
  await site.quiet(t)
})

t.test('fragments arrive as one message; pings stay on their hop', async (t) => {
  const site = await socketSite(t)
  const [caller, upstream] = await site.pair()
  let pings = 0
  upstream.socket.on('ping', () => pings++)
  caller.socket.send('one ', { fin: false })
  caller.socket.ping('are you there')
  caller.socket.send('', { fin: false })
  caller.socket.send('two', { fin: true })
  t.equal(String((await once(caller.socket, 'pong'))[0]), 'are you there')
  t.match(await upstream.next(), { data: Buffer.from('one two'), binary: false })
  upstream.socket.send(Buffer.from('three '), { fin: false })
  upstream.socket.ping('and you')
  upstream.socket.send(Buffer.from('four'), { fin: true })
  t.equal(String((await once(upstream.socket, 'pong'))[0]), 'and you')
  t.match(await caller.next(), { data: Buffer.from('three four'), binary: true })
  t.equal(pings, 0)
  caller.socket.close()
  await site.quiet(t)
})

t.test('close codes and reasons', async (t) => {
  const site = await socketSite(t)
  // Not every engine reads every code, see below.
  const cases: [code: number, reason: string, fromCaller: boolean][] = [
    [1000, '', true],
    [1000, 'done', true],
    [1001, 'going', true],
    [1011, 'grüezi', true],
    [3000, 'x'.repeat(123), false],
    [4000, 'x'.repeat(123), true],
    [4999, 'own', true],
    [1005, '', true],
  ]
  for (const [code, reason, fromCaller] of cases) {
    const name = `${code} ${reason.slice(0, 9)}`
    const close = ({ socket }: Peer): void => (code === 1005 ? socket.close() : socket.close(code, reason))
    if (fromCaller) {
      const [caller, upstream] = await site.pair()
      close(caller)
      t.same(await upstream.ended, { code, reason }, `${name} from the caller`)
      t.same(await caller.ended, { code, reason }, `${name} comes back`)
    }
    const [caller, upstream] = await site.pair()
    close(upstream)
    t.same(await caller.ended, { code, reason }, `${name} from the upstream`)
    t.same(await upstream.ended, { code, reason }, `${name} comes back`)
  }
  await site.quiet(t)
})

t.test(
  'a close code of the caller that uWebSockets.js does not read ends both sides all the same',
  async (t) => {
    const site = await socketSite(t)
    const engine = await engineOf(site.log)
    for (const code of [1012, 3000, 3999]) {
      const [caller, upstream] = await site.pair()
      caller.socket.close(code, 'lost')
      t.equal((await upstream.ended).code, limited(engine, 'close-codes') ? 1006 : code)
      t.equal((await caller.ended).code, limited(engine, 'close-codes') ? 1005 : code)
    }
    await site.quiet(t)
  },
)

t.test('both close at once', async (t) => {
  const site = await socketSite(t)
  const [caller, upstream] = await site.pair()
  caller.socket.close(4001, 'mine')
  upstream.socket.close(4002, 'yours')
  t.match((await caller.ended).code, /^400[12]$/)
  t.match((await upstream.ended).code, /^400[12]$/)
  await site.quiet(t)
})

t.test('what is under way when a side closes arrives before its close', async (t) => {
  const site = await socketSite(t)
  const bulk = random(3 * MIB)
  const [caller, upstream] = await site.pair()
  for (const data of [bulk, Buffer.from('last')]) caller.socket.send(data)
  caller.socket.close(4000)
  t.equal((await upstream.ended).code, 4000)
  t.same(
    upstream.inbox.map(({ data }) => data.length),
    [bulk.length, 4],
  )
  const [other, behind] = await site.pair()
  for (const data of [bulk, Buffer.from('last')]) behind.socket.send(data)
  behind.socket.close(4000)
  t.equal((await other.ended).code, 4000)
  t.same(
    other.inbox.map(({ data }) => data.length),
    [bulk.length, 4],
  )
  await site.quiet(t)
})

t.test('abrupt ends pass on as such', async (t) => {
  const site = await socketSite(t)
  const [caller, upstream] = await site.pair()
  caller.socket.terminate()
  t.equal((await upstream.ended).code, 1006, 'the upstream sees it')
  t.match(await site.log.find({ code: 'aborted' }), { status: 101 })
  const [other, behind] = await site.pair()
  behind.socket.terminate()
  t.equal((await other.ended).code, 1006, 'the caller sees it')
  t.match(await site.log.find({ code: 'agent_error' }), { status: 101 })
  await site.quiet(t)
})

t.test('an agent that is killed takes its sockets along, at once', async (t) => {
  const site = await socketSite(t)
  const [caller, upstream] = await site.pair()
  const started = performance.now()
  site.tunnel.destroy()
  t.equal((await caller.ended).code, 1006)
  t.ok(performance.now() - started < 5000)
  t.equal((await upstream.ended).code, 1006)
  t.match(await site.log.find({ code: 'agent_disconnected' }), { status: 101 })
  await site.quiet(t)
})

t.test('an agent that stops lets its sockets finish', async (t) => {
  const site = await socketSite(t, { echo: true })
  const caller = await open(site.base)
  const stopped = site.tunnel.stop()
  t.match(await caller.trip('still here'), { data: Buffer.from('still here') })
  caller.socket.close(1000)
  await stopped
  t.same(await caller.ended, { code: 1000, reason: '' })
  await site.quiet(t)
})

t.test('a gateway that stops closes what is left with 1001', async (t) => {
  const site = await socketSite(t, { echo: true, gateway: { drainTimeout: 150 } })
  const callers = await Promise.all([open(site.base), open(site.base)])
  const started = performance.now()
  const stopped = site.gateway.stop()
  t.match(await refused(dial(site.base)), { status: 503, code: 'draining' })
  t.match(await callers[0].trip('still here'), { data: Buffer.from('still here') })
  for (const { ended } of callers) t.equal((await ended).code, 1001)
  t.ok(performance.now() - started >= 149)
  t.equal(await stopped, 2)
  t.equal(site.log.lines.filter(({ code, status }) => code === 'draining' && status === 101).length, 2)
})

t.test('a gateway that stops waits for sockets that end by themselves', async (t) => {
  const site = await socketSite(t, { echo: true })
  const caller = await open(site.base)
  const stopped = site.gateway.stop()
  caller.socket.close(1000)
  t.equal(await stopped, 0)
})

t.test('what is counted and logged', async (t) => {
  const site = await socketSite(t, { echo: true, gateway: { logFormat: 'json' } })
  const requestId = randomUUID()
  const caller = await open(`${site.base}/room?secret`, { headers: { 'gw-request-id': requestId } })
  t.equal(caller.head.headers['gw-request-id'], requestId)
  t.equal(site.upstream.requests[0]!.headers['gw-request-id'], requestId)
  await caller.trip('x'.repeat(1000))
  const before = { inflight: 1, requests_total: 1, errors_total: 0, bytes_in: 0, bytes_out: 0 }
  t.match(await connections(site), [before])
  t.equal(site.log.lines.filter(({ msg }) => msg === 'request').length, 1, 'only that of /connections')
  caller.socket.close(1000)
  const line = await site.log.find({ request_id: requestId })
  t.match(line, {
    method: 'GET',
    path: `/t/${site.tunnel.tunnelId}/room`,
    status: 101,
    tunnel_id: site.tunnel.tunnelId,
    bytes_in: 1000,
    bytes_out: 1000,
  })
  t.notOk('code' in line)
  t.match(await connections(site), [{ ...before, inflight: 0, bytes_in: 1000, bytes_out: 1000 }])
  await site.quiet(t)
})

t.test("a handler module's sockets", async (t) => {
  const site = await socketSite(t, {
    agent: {
      handlers: {
        fetch: () => new Response('plain'),
        websocket: async (request, socket) => {
          const { pathname } = new URL(request.url)
          if (pathname === '/no') return new Response('members only', { status: 403 })
          if (pathname === '/throws') throw new Error('out of order')
          socket.accept('chat')
          for await (const message of socket) {
            if (message === 'bye') socket.close(4000, 'as you wish')
            else await socket.send(typeof message === 'string' ? message.toUpperCase() : message)
          }
        },
      },
    },
  })
  const caller = await open(site.base, { protocols: ['news', 'chat'] })
  t.equal(caller.socket.protocol, 'chat')
  t.match(await caller.trip('hello'), { data: Buffer.from('HELLO'), binary: false })
  const bulk = random(MIB)
  const echoed = await caller.trip(bulk)
  t.ok(echoed.binary && echoed.data.equals(bulk))
  caller.socket.send('bye')
  t.same(await caller.ended, { code: 4000, reason: 'as you wish' })
  t.match(await refused(dial(`${site.base}/no`)), { status: 403, body: 'members only' })
  t.match(await refused(dial(`${site.base}/throws`)), { status: 502, code: 'agent_error' })
  await site.quiet(t)
})

t.test('an agent with nothing to serve echoes', async (t) => {
  const site = await socketSite(t, { agent: { forward: undefined } })
  const caller = await open(site.base, { protocols: ['a', 'b'] })
  t.equal(caller.socket.protocol, 'a')
  t.match(await caller.trip('hello'), { data: Buffer.from('hello'), binary: false })
  caller.socket.close(4333, 'bye')
  t.same(await caller.ended, { code: 4333, reason: 'bye' })
  await site.quiet(t)
})

t.test('500 sockets at once', async (t) => {
  const site = await socketSite(t, { echo: true, agent: { maxConcurrent: 1000, tunnelId: tunnelId() } })
  const callers = await Promise.all(Array.from({ length: 500 }, () => open(site.base)))
  t.match(await connections(site), [{ inflight: 500 }])
  const echoes = await Promise.all(callers.map((caller, i) => caller.trip(`${i} `.repeat(100))))
  t.ok(echoes.every(({ data }, i) => data.toString() === `${i} `.repeat(100)))
  for (const { socket } of callers) socket.close(1000)
  const ends = await Promise.all(callers.map(({ ended }) => ended))
  t.ok(ends.every(({ code }) => code === 1000))
  await site.quiet(t)
})
