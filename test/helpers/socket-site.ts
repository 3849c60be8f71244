/** A gateway, an agent and an upstream, all real, and callers that speak WebSocket through them. */
import { EventEmitter, once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Test } from 'tap'
import { type ClientOptions, WebSocket } from 'ws'
import { Agent, type AgentOptions } from '../../agent/index.js'
import type { GatewayConfig } from '../../gateway/gateway.js'
import { tunnelId } from './raw-agent.js'
import { SocketUpstream, type SocketUpstreamOptions } from './socket-upstream.js'
import { call, type Site, startGateway } from './tunnel.js'

export interface Message {
  readonly data: Buffer
  readonly binary: boolean
}

/** One end of a WebSocket: what came to it, and how it ended. */
export class Peer extends EventEmitter<{ told: [] }> {
  readonly socket: WebSocket
  readonly inbox: Message[] = []
  /** 1005: a close frame without a code. 1006: none came. */
  readonly ended: Promise<{ code: number; reason: string }>

  constructor(socket: WebSocket) {
    super()
    this.socket = socket
    socket.on('error', () => {})
    socket.on('message', (data: Buffer, binary) => {
      this.inbox.push({ data, binary })
      this.emit('told')
    })
    this.ended = once(socket, 'close').then(([code, reason]) => {
      this.emit('told')
      return { code, reason: String(reason) }
    })
  }

  /** The next message that comes. */
  async next(): Promise<Message> {
    while (this.inbox.length === 0) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('it is closed')
      await once(this, 'told')
    }
    return this.inbox.shift()!
  }

  /** Sends `message` and waits for one to come back. */
  async trip(message: string | Buffer): Promise<Message> {
    this.socket.send(message)
    return this.next()
  }
}

/** A caller that has been accepted, and the 101. */
export interface Caller extends Peer {
  head: IncomingMessage
}

export interface Refusal {
  status: number
  head: IncomingMessage
  body: string
  /** Of a problem. */
  code: string | undefined
}

export interface Dialling extends ClientOptions {
  protocols?: string[]
}

export function dial(url: string, { protocols = [], ...options }: Dialling = {}): WebSocket {
  const socket = new WebSocket(url.replace('http', 'ws'), protocols, options)
  return socket.on('error', () => {})
}

/** Resolves once `url` has accepted. */
export async function open(url: string, dialling?: Dialling): Promise<Caller> {
  return accepted(dial(url, dialling))
}

export async function accepted(socket: WebSocket): Promise<Caller> {
  // Now: messages may come with the 101.
  const peer = new Peer(socket) as Caller
  socket.once('upgrade', (head: IncomingMessage) => {
    peer.head = head
  })
  const refused = once(socket, 'unexpected-response').then(([, head]) => {
    throw new Error(`refused with ${(head as IncomingMessage).statusCode}`)
  })
  await Promise.race([once(socket, 'open'), refused])
  return peer
}

export async function refused(socket: WebSocket): Promise<Refusal> {
  const [, head] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of head) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString()
  const json = head.headers['content-type']?.includes('problem+json') ? JSON.parse(body) : undefined
  return { status: head.statusCode!, head, body, code: (json as { code: string } | undefined)?.code }
}

/** What `GET /connections` tells of one link. */
export interface Connection {
  tunnel_id: string
  inflight: number
  requests_total: number
  errors_total: number
  bytes_in: number
  bytes_out: number
}

export async function connections(site: Site): Promise<Connection[]> {
  const { body } = await call(`${site.url}/connections`)
  return (JSON.parse(body) as { connections: Connection[] }).connections
}

export interface SocketSite extends Site {
  upstream: SocketUpstream
  tunnel: Agent
  /** Where the tunnel is. */
  base: string
  /** An agent that is destroyed when the test ends; it forwards to the upstream where nothing else is named. */
  join(options?: Partial<AgentOptions>): Promise<Agent>
  /** A caller and its upstream's end. */
  pair(path?: string, dialling?: Dialling): Promise<[Caller, Peer]>
  /** Waits until nothing is in flight, and looks at what is left: nothing may be. The gateway stops. */
  quiet(t: Test): Promise<void>
}

export interface SocketSiteOptions {
  gateway?: GatewayConfig
  agent?: Partial<AgentOptions>
  upstream?: SocketUpstreamOptions
  /** The upstream sends each message back. */
  echo?: boolean
}

export async function socketSite(t: Test, options: SocketSiteOptions = {}): Promise<SocketSite> {
  const site = await startGateway(t, { drainTimeout: 5000, ...options.gateway })
  const upstream = await SocketUpstream[options.echo ? 'echo' : 'start'](t, options.upstream)
  upstream.http.on('request', (_, response) => response.end('plain'))
  const join = async (given: Partial<AgentOptions> = {}): Promise<Agent> => {
    const agent = new Agent({
      gateway: site.url,
      tunnelId: tunnelId(),
      ...(answers(given) ? given : { ...given, forward: upstream.port }),
    })
    t.teardown(() => agent.destroy())
    await agent.start()
    return agent
  }
  const tunnel = await join(options.agent)
  const base = `${site.url}/t/${tunnel.tunnelId}`
  const pair = async (path = '/', dialling?: Dialling): Promise<[Caller, Peer]> => {
    const server = upstream.socket().then((socket) => new Peer(socket))
    return Promise.all([open(base + path, dialling), server])
  }
  const quiet = async (t: Test): Promise<void> => {
    for (;;) {
      // Each exchange that ends leaves a line.
      const line = once(site.log, 'line')
      if ((await connections(site)).every(({ inflight }) => inflight === 0)) break
      await line
    }
    // What is said on a link comes in order: behind this answer nothing is under way.
    await call(base)
    t.equal(tunnel.inFlight, 0, 'the agent has nothing in flight')
    t.equal(await site.gateway.stop(), 0, 'the gateway has nothing in flight')
    t.same(
      site.log.lines.filter(({ level }) => level === 'error'),
      [],
    )
  }
  return { ...site, upstream, tunnel, base, join, pair, quiet }
}

const answers = (given: Partial<AgentOptions>): boolean =>
  ['fetch', 'websocket', 'forward', 'handlers', 'static'].some((key) => key in given)
