/** Upstreams that speak WebSocket, and what they saw. */
import { EventEmitter, once } from 'node:events'
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { createServer as createTls } from 'node:https'
import type { Server } from 'node:net'
import type { Test } from 'tap'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { listen } from './agent-rig.js'

type Secure = { key: string; cert: string }

export interface SocketUpstreamOptions {
  where?: object
  tls?: Secure
  websocket?: ServerOptions
}

/** Keeps each socket that opens; by itself it does nothing with them. */
export class SocketUpstream extends EventEmitter<{ socket: [WebSocket, IncomingMessage] }> {
  readonly http: HttpServer
  readonly websockets: WebSocketServer
  readonly sockets: WebSocket[] = []
  readonly requests: IncomingMessage[] = []
  port = 0

  private constructor({ tls, websocket }: SocketUpstreamOptions) {
    super()
    this.http = tls === undefined ? createServer() : createTls(tls)
    this.websockets = new WebSocketServer({ server: this.http, maxPayload: 512 * 1024 * 1024, ...websocket })
    this.websockets.on('connection', (socket, request) => {
      socket.on('error', () => {})
      this.sockets.push(socket)
      this.requests.push(request)
      this.emit('socket', socket, request)
    })
  }

  static async start(t: Test, options: SocketUpstreamOptions = {}): Promise<SocketUpstream> {
    const upstream = new SocketUpstream(options)
    upstream.port = await listen(t, upstream.http as unknown as Server, options.where)
    return upstream
  }

  /** Sends each message back. */
  static async echo(t: Test, options: SocketUpstreamOptions = {}): Promise<SocketUpstream> {
    const upstream = await SocketUpstream.start(t, options)
    upstream.on('socket', (socket) => {
      socket.on('message', (data, binary) => socket.send(data, { binary }))
    })
    return upstream
  }

  /** The next socket that opens. */
  async socket(): Promise<WebSocket> {
    const [socket] = await once(this, 'socket')
    return socket
  }
}

/** How a socket of `ws` ends. */
export async function closed(socket: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = await once(socket, 'close')
  return { code, reason: reason.toString() }
}
