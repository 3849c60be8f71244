/** The gateway's end of links, by itself: a WebSocket server, a mux for each link, and exchanges to order. */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { type GoAway, type Hello, Kind, type LinkFrame } from '../../shared/frames.js'
import { LINK_WINDOW, PROTOCOL, STREAM_WINDOW } from '../../shared/limits.js'
import { Mux } from '../../shared/mux.js'
import { WindowPool } from '../../shared/window.js'
import { type Ask, FakeExchange } from './fake-exchange.js'

export interface FakeGatewayOptions {
  pingInterval?: number
  pingTimeout?: number
  urls?: string[]
  /** Answers the handshake instead of the upgrade. */
  refuse?: (
    request: IncomingMessage,
  ) => { status: number; headers?: Record<string, string>; body?: string } | undefined
  /** Says welcome to a hello; true where it is not given. */
  welcome?: boolean
  port?: number
}

export class FakeGateway extends EventEmitter<{ link: [FakeLink]; dial: [IncomingMessage] }> {
  readonly links: FakeLink[] = []
  readonly #options: FakeGatewayOptions
  readonly #http: Server
  readonly #sockets = new Set<Socket>()

  private constructor(options: FakeGatewayOptions) {
    super()
    this.#options = options
    const websockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
    })
    this.#http = createServer((_request, response) => response.writeHead(404).end())
    this.#http.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#http.on('upgrade', (request, socket, head) => {
      this.emit('dial', request)
      const refusal = options.refuse?.(request)
      if (refusal !== undefined) {
        const fields = Object.entries({ connection: 'close', ...refusal.headers })
        const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
        socket.end(`HTTP/1.1 ${refusal.status} Refused\r\n${lines}\r\n${refusal.body ?? ''}`)
        return
      }
      websockets.handleUpgrade(request, socket, head, (websocket) => {
        this.links.push(new FakeLink(websocket, request, this.#options, (link) => this.emit('link', link)))
      })
    })
  }

  static async start(options: FakeGatewayOptions = {}): Promise<FakeGateway> {
    const gateway = new FakeGateway(options)
    gateway.#http.listen(options.port ?? 0, '127.0.0.1')
    await once(gateway.#http, 'listening')
    return gateway
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** The next link that says hello. */
  async link(): Promise<FakeLink> {
    const [link] = await once(this, 'link')
    return link
  }

  /** Cuts every connection and frees the port. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#http.close()
    await once(this.#http, 'close')
  }
}

export class FakeLink extends EventEmitter<{
  frame: [LinkFrame]
  goAway: [GoAway]
  close: [number, string]
}> {
  readonly request: IncomingMessage
  readonly websocket: WebSocket
  readonly mux: Mux
  hello: Hello | undefined
  closed: { code: number; reason: string } | undefined
  /** Answers pings. */
  lively = true
  #turns = 0

  constructor(
    websocket: WebSocket,
    request: IncomingMessage,
    options: FakeGatewayOptions,
    greeted: (link: FakeLink) => void,
  ) {
    super()
    this.request = request
    this.websocket = websocket
    let flushDue = false
    const flush = (): void => {
      flushDue = false
      if (websocket.readyState !== WebSocket.OPEN) return
      while (websocket.bufferedAmount < 1024 * 1024) {
        const message = this.mux.pull()
        if (message === undefined) return
        websocket.send(Buffer.from(message))
      }
    }
    const wake = (): void => {
      if (!flushDue) setImmediate(flush)
      flushDue = true
    }
    request.socket.on('drain', wake)
    this.mux = new Mux({
      pool: new WindowPool(),
      now: () => performance.now(),
      wake,
      link: (frame) => {
        this.emit('frame', frame)
        if (frame.kind === Kind.ping && this.lively) this.mux.send({ kind: Kind.pong, nonce: frame.nonce })
        if (frame.kind === Kind.goAway) this.emit('goAway', frame)
        if (frame.kind !== Kind.hello) return
        this.hello = frame
        const { streamWindow, linkWindow } = frame
        this.mux.begin({ streamWindow, linkWindow, maxStreams: 1000 })
        if (options.welcome === false) return
        this.mux.send({
          kind: Kind.welcome,
          gatewayVersion: '0.0.0',
          linkId: 'link-1',
          pingInterval: options.pingInterval ?? 15_000,
          pingTimeout: options.pingTimeout ?? 10_000,
          maxStreams: 1000,
          streamWindow: STREAM_WINDOW,
          linkWindow: LINK_WINDOW,
          urls: options.urls ?? ['http://tunnel.test'],
        })
        greeted(this)
      },
      empty() {},
    })
    websocket.on('message', (data) => this.mux.receive(data as Buffer))
    websocket.on('error', () => {})
    websocket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
      this.mux.lost('closed')
      this.emit('close', code, reason.toString())
    })
  }

  ask(ask: Ask = {}): FakeExchange {
    return new FakeExchange(this.mux, ask)
  }

  /** One round trip to the agent and what it does meanwhile. */
  turn(): Promise<void> {
    const nonce = 1_000_000 + this.#turns++
    this.mux.send({ kind: Kind.ping, nonce })
    return new Promise((resolve) => {
      const heard = (frame: LinkFrame): void => {
        if (frame.kind !== Kind.pong || frame.nonce < nonce) return
        this.off('frame', heard)
        resolve()
      }
      this.on('frame', heard)
    })
  }
}
