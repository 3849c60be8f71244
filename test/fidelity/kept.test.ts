/** Connections that an upstream closes between requests, which callers of a gateway never see. */
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Agent } from '../../agent/index.js'
import { listen } from '../helpers/agent-rig.js'
import { call, startGateway } from '../helpers/tunnel.js'
import { TUNNEL } from './suite.js'

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** `serve` gets each request as it comes, and which one on its connection it is. */
async function tunnelTo(
  t: Test,
  serve: (socket: Socket, nth: number, head: string) => void,
): Promise<string> {
  const server = createServer((socket) => {
    let nth = 0
    socket.on('data', (chunk) => serve(socket, ++nth, chunk.toString('latin1')))
  })
  const port = await listen(t, server)
  const site = await startGateway(t, { accessLog: 'off' })
  const agent = new Agent({ gateway: site.url, tunnelId: TUNNEL, forward: port })
  t.teardown(() => agent.destroy())
  await agent.start()
  return `${site.url}/t/${TUNNEL}`
}

t.test('a connection that is closed behind each answer', async (t) => {
  const url = await tunnelTo(t, (socket) => socket.end(ANSWER))
  for (let i = 0; i < 100; i++) t.equal((await call(url)).status, 200)
})

t.test('a kept connection that dies under the next request', async (t) => {
  let died = 0
  const url = await tunnelTo(t, (socket, nth) => {
    if (nth === 1) socket.write(ANSWER)
    else {
      died++
      socket.destroy()
    }
  })
  for (const method of ['GET', 'GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'GET', 'GET'])
    t.equal((await call(url, { method })).status, 200, method)
  t.ok(died > 2, `${died} requests met their end`)

  died = 0
  const posts = [await call(url, { method: 'POST' }), await call(url, { method: 'POST' })]
  t.ok(died > 0)
  t.equal(posts.filter(({ code }) => code === 'agent_error').length, died, 'no POST is sent twice')
})
