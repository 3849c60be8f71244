import { ServerResponse } from 'node:http'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { RequestHead, Socket, SocketEvents, SocketLimits, Upgrade } from './engine.js'
import { closeReason } from './handshake.js'
import { type Host, NodeCaller } from './node-caller.js'
import type { NodeConnection } from './node-connection.js'
import type { Incoming } from './node-head.js'
import { headFault } from './response-head.js'

/** What a caller may send before its handshake is answered; a well-behaved one sends nothing. */
const EARLY_MAX = 64 * 1024

/** A WebSocket's peer has this long (ms) to answer a close frame. */
const CLOSE_TIMEOUT = 5_000

/** One WebSocket on ws. */
class NodeSocket implements Socket {
  private readonly host: Host
  private readonly ws: WebSocket
  private readonly maxBackpressure: number
  private readonly events: SocketEvents
  /** Neither side has ended it. */
  private open = true

  constructor(host: Host, ws: WebSocket, maxBackpressure: number, events: SocketEvents) {
    this.host = host
    this.ws = ws
    this.maxBackpressure = maxBackpressure
    this.events = events
    ws.on('error', () => {})
    ws.on('message', (data, binary) => {
      if (this.open) this.guard(() => events.message(data as Buffer, binary))
    })
    ws.on('pong', () => this.guard(() => events.pong()))
    ws.on('close', (code, reason) => {
      this.open = false
      this.guard(() => events.close(code, reason.toString()))
    })
  }

  get bufferedAmount(): number {
    return this.open ? this.ws.bufferedAmount : 0
  }

  send(message: Uint8Array, binary: boolean): boolean {
    if (!this.open || this.ws.readyState !== this.ws.OPEN) return false
    if (this.ws.bufferedAmount > this.maxBackpressure) {
      this.destroy()
      return false
    }
    // ws keeps what it is given until the socket takes it.
    this.ws.send(Buffer.from(message), { binary, compress: false })
    return true
  }

  ping(): void {
    if (this.open && this.ws.readyState === this.ws.OPEN) this.ws.ping()
  }

  /** A code that no close frame may carry is left out. */
  close(code: number, reason: string): void {
    if (!this.open) return
    this.open = false
    if (isSendable(code)) this.ws.close(code, closeReason(reason))
    else this.ws.close()
  }

  destroy(): void {
    this.open = false
    this.ws.terminate()
  }

  drained(): void {
    if (this.open) this.guard(() => this.events.drain())
  }

  private guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.host.onError(error)
      this.destroy()
    }
  }
}

/** RFC 6455 §7.4, as ws draws it. */
const isSendable = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
  (code >= 3000 && code <= 4999)

/** A handshake that waits. Until it is accepted it is an exchange like any other, on a response of its own. */
export class NodeUpgrade implements Upgrade {
  readonly caller: NodeCaller
  private readonly host: Host
  private readonly connection: NodeConnection
  private readonly req: Incoming
  private readonly res: ServerResponse
  private readonly server: WebSocketServer
  private readonly maxBackpressure: number
  private readonly early: Buffer[]
  private earlyBytes: number

  constructor(
    host: Host,
    connection: NodeConnection,
    { head, req, early }: { head: RequestHead; req: Incoming; early: Buffer },
    { server, maxBackpressure }: { server: WebSocketServer; maxBackpressure: number },
  ) {
    this.host = host
    this.connection = connection
    this.req = req
    this.server = server
    this.maxBackpressure = maxBackpressure
    this.early = [early]
    this.earlyBytes = early.length
    this.res = new ServerResponse(req)
    this.caller = new NodeCaller(host, connection, head, req, this.res)
    // The parser is gone: after any other answer than 101 nothing can follow.
    this.res.shouldKeepAlive = false
    this.res.on('finish', () => connection.linger())
    this.res.assignSocket(connection.socket)
    connection.socket.on('drain', this.#drain)
    // Read, so that it is noticed where the caller leaves.
    connection.socket.on('data', this.#collect)
    connection.socket.on('end', this.#left)
  }

  accept(protocol: string | undefined, headers: readonly string[], events: SocketEvents): Socket | undefined {
    const list = protocol === undefined ? headers : [...headers, 'sec-websocket-protocol', protocol]
    const fault = headFault({ status: 200, headers: list })
    // A head with a fault is told and refused where every other one is.
    if (fault !== undefined) this.caller.respond({ status: 200, headers: list })
    const { socket } = this.connection
    if (!socket.readable || !socket.writable || !this.caller.take()) return undefined
    this.letGo()
    const { req } = this
    for (let i = 0; i < list.length; i += 2) req.accepted.push(`${list[i]}: ${list[i + 1]}`)
    // What ws would judge by its own rules has been judged.
    req.headers.upgrade = 'websocket'
    req.headers['sec-websocket-version'] = '13'
    delete req.headers['sec-websocket-protocol']
    delete req.headers['sec-websocket-extensions']
    socket.setDefaultEncoding('latin1')
    let accepted: NodeSocket | undefined
    this.server.handleUpgrade(req, socket, Buffer.concat(this.early), (ws) => {
      accepted = new NodeSocket(this.host, ws, this.maxBackpressure, events)
      socket.on('drain', () => accepted?.drained())
    })
    socket.resume()
    return accepted
  }

  #drain = (): void => this.caller.drained()

  #left = (): void => {
    if (this.caller.silent) this.connection.destroy(false)
  }

  #collect = (chunk: Buffer): void => {
    if (!this.caller.silent) return
    this.early.push(chunk)
    this.earlyBytes += chunk.length
    if (this.earlyBytes > EARLY_MAX) this.connection.destroy(false)
  }

  private letGo(): void {
    const { socket } = this.connection
    this.res.detachSocket(socket)
    socket.off('drain', this.#drain)
    socket.off('data', this.#collect)
    socket.off('end', this.#left)
    // ws puts the early bytes back in front, which a stream that flows would not look at.
    socket.pause()
  }
}

/** A message of `maxMessage` may come in fragments of so many bytes: what each costs in memory is of that order. */
const FRAGMENT_BYTES = 64
/** However small `maxMessage` is. */
const FRAGMENTS = 16 * 1024

/** Makes WebSockets of handshakes. */
export type SocketServer = WebSocketServer

/** `maxMessage`: as in `SocketLimits`. */
export function socketServer({ maxMessage }: SocketLimits): WebSocketServer {
  const options: ServerOptions<typeof WebSocket, typeof Incoming> & {
    closeTimeout: number
    maxFragments: number
  } = {
    noServer: true,
    clientTracking: false,
    // Compression costs 3 to 10 times a message.
    perMessageDeflate: false,
    skipUTF8Validation: false,
    maxPayload: maxMessage,
    maxFragments: Math.max(FRAGMENTS, Math.ceil(maxMessage / FRAGMENT_BYTES)),
    closeTimeout: CLOSE_TIMEOUT,
  }
  const server = new WebSocketServer(options)
  server.on('headers', (lines, req) => lines.push(...(req as Incoming).accepted))
  return server
}
