/** An agent on a gateway that the test plays, and upstreams for it. */
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Agent, type AgentOptions } from '../../agent/index.js'
import { FakeGateway, type FakeGatewayOptions, type FakeLink } from './fake-gateway.js'

export const ID = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'

export interface Rig {
  readonly gateway: FakeGateway
  readonly agent: Agent
  readonly link: FakeLink
}

/** An agent with one link that is up. */
export async function rig(
  t: Test,
  options: Partial<AgentOptions> = {},
  fake: FakeGatewayOptions = {},
): Promise<Rig> {
  const gateway = await FakeGateway.start(fake)
  const agent = new Agent({ gateway: gateway.url, tunnelId: ID, ...options })
  t.teardown(async () => {
    agent.destroy()
    await gateway.stop()
  })
  const [link] = await Promise.all([gateway.link(), agent.start()])
  return { gateway, agent, link }
}

/** @returns the port. What is connected when the test ends is cut. */
export async function listen(
  t: Test,
  server: Server,
  where: object = { host: '127.0.0.1', port: 0 },
): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.listen(where)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export const httpUpstream = (t: Test, listener: RequestListener): Promise<number> =>
  listen(t, createHttp(listener) as unknown as Server)

/** A server that says `answer` to the first bytes that come, reads no more, and does what is `next`. */
export const rawUpstream = (t: Test, answer: string, next: (socket: Socket) => void): Promise<number> =>
  listen(
    t,
    createTcp((socket) => {
      socket.once('data', () => {
        socket.pause()
        socket.write(Buffer.from(answer, 'latin1'), () => next(socket))
      })
    }),
  )

/** A directory of the test's own. */
export const folderOf = (name: string): string => mkdtempSync(join(tmpdir(), `gw-${name}-`))
