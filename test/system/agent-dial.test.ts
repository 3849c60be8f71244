/** How an agent comes to its gateways, and comes back. */
import { connect, createServer as createTcp } from 'node:net'
import t from 'tap'
import { Agent, RefusedError } from '../../agent/index.js'
import { httpUpstream, ID, listen, rig } from '../helpers/agent-rig.js'
import { FakeExchange } from '../helpers/fake-exchange.js'
import { FakeGateway } from '../helpers/fake-gateway.js'

t.test('refusals', async (t) => {
  for (const status of [400, 401, 403, 426]) {
    const body = JSON.stringify({ code: 'some_code', detail: 'some detail' })
    const gateway = await FakeGateway.start({ refuse: () => ({ status, body }) })
    const agent = new Agent({ gateway: gateway.url, tunnelId: ID })
    await t.rejects(agent.start(), {
      name: 'RefusedError',
      message: new RegExp(`${status} some_code: some detail`),
    })
    t.ok((await agent.ended) instanceof RefusedError)
    await gateway.stop()
  }
  for (const status of [404, 409, 429, 500, 503]) {
    let dials = 0
    const gateway = await FakeGateway.start({
      refuse: () => (dials++ === 0 ? { status, headers: { 'retry-after': '0' } } : undefined),
    })
    const agent = new Agent({ gateway: gateway.url, tunnelId: ID })
    await agent.start()
    t.equal(dials, 2, `${status} is tried again`)
    agent.destroy()
    await gateway.stop()
  }
})

t.test('by way of a proxy', async (t) => {
  const asked: string[] = []
  const proxy = createTcp((socket) => {
    socket.once('data', (head) => {
      const [, host = '', port] = /^CONNECT (.+):(\d+) /.exec(head.toString()) ?? []
      asked.push(`${host}:${port}`)
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(onward).pipe(socket)
      })
      onward.on('error', () => socket.destroy())
      socket.on('close', () => onward.destroy())
    })
  })
  const port = await listen(t, proxy)
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  process.env.HTTP_PROXY = `http://127.0.0.1:${port}`
  const { gateway, link } = await rig(t)
  t.same(asked, [`127.0.0.1:${gateway.port}`])
  t.equal((await link.ask().done).status, 200)
  const upstream = await httpUpstream(t, (_request, response) => response.end('direct'))
  t.equal((await (await rig(t, { forward: upstream })).link.ask().done).text, 'direct')
  t.equal(asked.length, 2, 'upstreams are never asked for through it')
  process.env.NO_PROXY = '127.0.0.1'
  await rig(t)
  t.equal(asked.length, 2)
})

t.test('closed by the gateway', async (t) => {
  const { gateway, link } = await rig(t)
  const next = gateway.link()
  link.websocket.close(1001, 'restart')
  const second = await next
  t.equal((await second.ask().done).status, 200)

  const revoked = await rig(t)
  revoked.link.websocket.close(4401, 'revoked')
  t.match(await revoked.agent.ended, { name: 'RefusedError', message: /4401 revoked/ })
})

t.test('several links, several tunnels', async (t) => {
  const gateway = await FakeGateway.start()
  const log: string[] = []
  const ids = [ID, ID.replace('prod', 'other')]
  const agents = ids.map((tunnelId) => new Agent({ gateway: gateway.url, tunnelId, links: 3 }))
  const links = new Promise<void>((resolve) => {
    gateway.on('link', (link) => {
      const url = new URL(link.request.url ?? '', 'http://gateway')
      if (log.push(`${url.searchParams.get('tunnel_id')} ${url.searchParams.get('link')}`) === 6) resolve()
    })
  })
  await Promise.all(agents.map((agent) => agent.start()))
  await links
  t.same(log.sort(), ids.flatMap((id) => [`${id} 0`, `${id} 1`, `${id} 2`]).sort())
  const instances = new Set(gateway.links.map((link) => /instance=([^&]+)/.exec(link.request.url ?? '')?.[1]))
  t.equal(instances.size, 2)
  for (const link of gateway.links) t.equal((await new FakeExchange(link.mux, {}).done).status, 200)
  await Promise.all(agents.map((agent) => agent.stop()))
  await gateway.stop()
})
