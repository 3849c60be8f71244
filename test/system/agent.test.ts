/** What an agent is, takes and refuses, and how it ends. */
import { once } from 'node:events'
import { createServer as createTcp } from 'node:net'
import t from 'tap'
import { Agent, type AgentOptions } from '../../agent/index.js'
import { GoAwayReason, Kind, ResetCode, StreamKind } from '../../shared/frames.js'
import { httpUpstream, ID, listen, rig } from '../helpers/agent-rig.js'
import { FakeGateway, type FakeLink } from '../helpers/fake-gateway.js'

t.test('hello says what the agent is', async (t) => {
  const { link, agent } = await rig(t, {
    name: 'alias',
    labels: { region: 'eu', tier: 'a' },
    weight: 3,
    maxConcurrent: 7,
    token: () => 'secret',
  })
  t.match(link.hello, { weight: 3, maxConcurrent: 7, labels: ['region', 'eu', 'tier', 'a'] })
  t.equal(link.request.headers.authorization, 'Bearer secret')
  t.equal(link.request.headers['sec-websocket-protocol'], 'gw.v1')
  const url = new URL(link.request.url ?? '', 'http://gateway')
  t.equal(url.pathname, '/ws')
  t.same(Object.fromEntries(url.searchParams), {
    tunnel_id: ID,
    instance: agent.instance,
    link: '0',
    name: 'alias',
  })
  t.same(agent.urls, ['http://tunnel.test'])
})

t.test('what is refused', async (t) => {
  const held: (() => void)[] = []
  const port = await httpUpstream(t, (_request, response) => void held.push(() => response.end()))
  const { link } = await rig(t, { forward: port, maxConcurrent: 2 })
  const served = [link.ask(), link.ask()]
  const beyond = await link.ask().done
  t.match(beyond.ended, { kind: 'peer', code: ResetCode.refused, message: /2 exchanges/ })
  const socket = await link.ask({ stream: StreamKind.websocket }).done
  t.match(socket.ended, { kind: 'peer', code: ResetCode.refused })
  while (held.length < 2) await link.turn()
  for (const end of held) end()
  for (const exchange of served) t.equal((await exchange.done).status, 200)
  const next = link.ask()
  while (held.length < 3) await link.turn()
  held[2]?.()
  t.equal((await next.done).status, 200, 'a place that is free is taken again')
})

t.test('stop', async (t) => {
  await t.test('finishes what is in flight and serves what crosses', async (t) => {
    const ends: (() => void)[] = []
    const port = await httpUpstream(t, (_request, response) => {
      response.write('first')
      ends.push(() => response.end(' last'))
    })
    const { link, agent } = await rig(t, { forward: port })
    const exchange = await link.ask().answered
    const goAway = once(link, 'goAway')
    const stopped = agent.stop()
    t.equal(agent.stop(), stopped, 'once')
    const crossing = link.ask()
    const [frame] = await goAway
    t.match(frame, { kind: Kind.goAway, reason: GoAwayReason.draining })
    await crossing.answered
    for (const end of ends) end()
    t.equal((await exchange.done).text, 'first last')
    t.equal((await crossing.done).text, 'first last')
    await stopped
    t.equal(link.closed?.code, 1001)
    t.equal(await agent.ended, undefined)
  })

  await t.test('cuts what is left at the drain timeout', async (t) => {
    const server = createTcp()
    const { link, agent } = await rig(t, { forward: await listen(t, server), drainTimeout: 50 })
    const exchange = link.ask()
    await once(server, 'connection')
    await agent.stop()
    t.match((await exchange.done).ended, { kind: 'lost' })
  })

  await t.test('before a link is up', async (t) => {
    const gateway = await FakeGateway.start({ welcome: false })
    t.teardown(() => gateway.stop())
    const agent = new Agent({ gateway: gateway.url, tunnelId: ID })
    const started = agent.start()
    await once(gateway, 'dial')
    await agent.stop()
    await t.rejects(started, { message: /before a link was up/ })
  })
})

t.test('a gateway that goes away', async (t) => {
  const held: (() => void)[] = []
  const port = await httpUpstream(t, (_request, response) => void held.push(() => response.end('done')))
  const { gateway, link } = await rig(t, { forward: port })
  const exchange = link.ask()
  while (held.length < 1) await link.turn()
  const next = gateway.link()
  link.mux.send({ kind: Kind.goAway, reason: GoAwayReason.draining, delay: 1, message: 'restart' })
  const second = await next
  t.equal(link.closed, undefined, 'the old link stays for what is in flight')
  const closed = once(link, 'close')
  held[0]?.()
  t.equal((await exchange.done).text, 'done')
  await closed
  const again = second.ask()
  while (held.length < 2) await second.turn()
  held[1]?.()
  t.equal((await again.done).text, 'done')
})

t.test('a gateway that falls silent is left, and dialled again', async (t) => {
  const { gateway, link } = await rig(t, {}, { pingInterval: 100, pingTimeout: 100 })
  const closed = once(link, 'close')
  const next = gateway.link()
  link.lively = false
  t.equal((await closed)[0], 1006)
  await next
})

t.test('a gateway that breaks the protocol', async (t) => {
  const faults: [name: string, send: (link: FakeLink) => void][] = [
    ['text', (link) => link.websocket.send('hello')],
    ['garbage', (link) => link.websocket.send(Buffer.from([0xc1]))],
    [
      'a stream that never was',
      (link) => link.mux.send({ kind: Kind.reset, id: 99, code: 1, message: '' } as never),
    ],
  ]
  for (const [name, send] of faults) {
    const { link, agent } = await rig(t)
    const closed = once(link, 'close')
    send(link)
    t.equal((await closed)[0], 4400, name)
    t.match(await agent.ended, { name: 'RefusedError', message: /broke the protocol/ })
  }
})

t.test('settings that cannot be', async (t) => {
  const cases: [name: string, options: Partial<AgentOptions>, message: RegExp][] = [
    ['tunnel id', { tunnelId: 'x' }, /tunnel id/],
    ['gateway', { gateway: 'ftp://x' }, /gateway: "ftp:\/\/x"/],
    ['upstream', { forward: 'http://x/path' }, /forward: .*has a path/],
    ['two answers', { forward: 1, fetch: () => new Response() }, /fetch and forward exclude/],
    ['weight', { weight: -1 }, /weight: -1/],
    ['maxConcurrent', { maxConcurrent: 0 }, /maxConcurrent: 0/],
    ['links', { links: 0.5 }, /links: 0.5/],
    ['label', { labels: { 'a b': '1' } }, /labels: the key/],
    ['label value', { labels: { a: '1,2' } }, /labels: the value/],
    ['name', { name: '-x' }, /name: "-x"/],
  ]
  for (const [name, options, message] of cases)
    t.throws(() => new Agent({ tunnelId: ID, ...options }), { message }, name)
})
