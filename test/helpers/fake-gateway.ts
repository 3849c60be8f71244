/** The gateway's end of links, by itself: a WebSocket server, a mux for each link, and exchanges to order. */
import { createHash, type Hash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { type GoAway, type Head, type Hello, Kind, type LinkFrame, StreamKind } from '../../shared/frames.js'
import { LINK_WINDOW, PROTOCOL, STREAM_WINDOW } from '../../shared/limits.js'
import { Mux } from '../../shared/mux.js'
import type { Stream, StreamEnd, StreamEvents } from '../../shared/stream.js'
import { WindowPool } from '../../shared/window.js'

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

export interface Ask {
  method?: string
  target?: string
  headers?: readonly string[]
  body?: Uint8Array | null
  /** The body is complete with `body`. */
  end?: boolean
  stream?: StreamKind
  /** Reads nothing of the answer until `release`. */
  hold?: boolean
  /** Keeps no body, only its digest. */
  digest?: boolean
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
}

export class FakeExchange extends EventEmitter<{ drain: [] }> implements StreamEvents {
  readonly stream: Stream
  readonly interim: Head[] = []
  status = 0
  reason: string | null = null
  headers: readonly string[] = []
  trailers: readonly string[] = []
  bytes = 0
  ended: StreamEnd | 'complete' | undefined
  /** Whether head, body and end came in one frame. */
  oneFrame = false
  /** Settles with the head, or with the end where that comes first. */
  readonly answered: Promise<this>
  /** Settles when the answer is complete or reset. */
  readonly done: Promise<this>
  #answer!: (exchange: this) => void
  #finish!: (exchange: this) => void
  readonly #hash: Hash = createHash('sha256')
  readonly #chunks: Buffer[] = []
  readonly #digest: boolean
  #held: boolean
  #unread = 0

  constructor(mux: Mux, ask: Ask) {
    super()
    this.answered = new Promise((resolve) => {
      this.#answer = resolve
    })
    this.done = new Promise((resolve) => {
      this.#finish = resolve
    })
    this.#held = ask.hold ?? false
    this.#digest = ask.digest ?? false
    this.stream = mux.open(
      {
        stream: ask.stream ?? StreamKind.http,
        method: ask.method ?? 'GET',
        target: ask.target ?? '/',
        headers: ask.headers ?? ['host', 'tunnel.test'],
        body: ask.body ?? null,
        end: ask.end ?? true,
      },
      this,
    )
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.body.toString()
  }

  get digest(): string {
    return this.#hash.copy().digest('hex')
  }

  field(name: string): string | undefined {
    const at = this.headers.findIndex((text, index) => index % 2 === 0 && text === name)
    return at < 0 ? undefined : this.headers[at + 1]
  }

  /** Sends `bytes` of zeros and the end, as fast as they are taken. @returns their digest. */
  async upload(bytes: number): Promise<string> {
    const hash = createHash('sha256')
    const chunk = Buffer.alloc(64 * 1024, 'u')
    for (let left = bytes; left > 0 && this.ended === undefined; left -= chunk.length) {
      const piece = chunk.subarray(0, left)
      hash.update(piece)
      if (!this.stream.write(piece)) await once(this, 'drain')
    }
    this.stream.end()
    return hash.digest('hex')
  }

  release(): void {
    this.#held = false
    this.stream.read(this.#unread)
    this.#unread = 0
  }

  head(head: Head): void {
    if (head.status < 200) {
      this.interim.push(head)
      return
    }
    this.status = head.status
    this.reason = head.reason
    this.headers = head.headers
    this.oneFrame = head.end
    if (head.body !== null) this.#keep(head.body)
    this.#answer(this)
    if (head.end) this.#over('complete')
  }

  data(chunk: Uint8Array): void {
    this.#keep(chunk)
    if (this.#held) this.#unread += chunk.length
    else this.stream.read(chunk.length)
  }

  end(trailers: readonly string[]): void {
    this.trailers = trailers
    this.#over('complete')
  }

  drain(): void {
    this.emit('drain')
  }

  reset(reason: StreamEnd): void {
    this.#over(reason)
  }

  #keep(chunk: Uint8Array): void {
    this.bytes += chunk.length
    this.#hash.update(chunk)
    if (!this.#digest) this.#chunks.push(Buffer.from(chunk))
  }

  #over(ended: StreamEnd | 'complete'): void {
    this.ended = ended
    this.emit('drain')
    this.#answer(this)
    this.#finish(this)
  }
}
