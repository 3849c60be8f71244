/** An agent whose every frame a test decides: one link on `ws`, and the streams that the gateway opens on it. */
import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import { Encoder } from '../../shared/codec.js'
import {
  type Frame,
  type GoAway,
  type Hello,
  Kind,
  type LinkFrame,
  type Open,
  ResetCode,
  type Welcome,
} from '../../shared/frames.js'
import { LINK_WINDOW, PROTOCOL, STREAM_WINDOW } from '../../shared/limits.js'
import { Mux } from '../../shared/mux.js'
import type { Stream } from '../../shared/stream.js'
import { WindowPool } from '../../shared/window.js'

import { RawExchange } from './raw-exchange.js'

export const tunnelId = (purpose = 'prod'): string => `agent_${randomUUID()}_${purpose}`

export interface RawAgentOptions {
  tunnelId?: string
  instance?: string
  link?: number
  name?: string
  labels?: readonly string[]
  weight?: number
  maxConcurrent?: number
  /** Of the handshake. */
  headers?: Readonly<Record<string, string>>
  /** Says hello; true where it is not given. */
  hello?: boolean
  /** Answers every stream; without it `next` hands them out. */
  serve?: (exchange: RawExchange) => void
}

export const HELLO: Hello = {
  kind: Kind.hello,
  agentVersion: '0.0.1',
  maxConcurrent: 256,
  weight: 1,
  labels: [],
  capabilities: [],
  streamWindow: STREAM_WINDOW,
  linkWindow: LINK_WINDOW,
}

type Events = { welcome: [Welcome]; exchange: []; goAway: [GoAway]; ping: []; close: [number, string] }

export class RawAgent extends EventEmitter<Events> {
  readonly tunnelId: string
  readonly instance: string
  readonly socket: WebSocket
  readonly mux: Mux
  welcome: Welcome | undefined
  readonly goAways: GoAway[] = []
  closed: { code: number; reason: string } | undefined
  /** Takes what comes and says nothing, not even a pong. */
  mute = false
  readonly #waiting: RawExchange[] = []
  readonly #options: RawAgentOptions

  private constructor(gateway: string, options: RawAgentOptions) {
    super()
    this.setMaxListeners(0)
    this.#options = options
    this.tunnelId = options.tunnelId ?? tunnelId()
    this.instance = options.instance ?? randomUUID()
    this.socket = new WebSocket(
      linkUrl(gateway, { ...options, tunnelId: this.tunnelId, instance: this.instance }),
      [PROTOCOL],
      { perMessageDeflate: false, ...(options.headers && { headers: { ...options.headers } }) },
    )
    this.mux = new Mux({
      pool: new WindowPool(),
      now: () => performance.now(),
      wake: () => setImmediate(() => this.#flush()),
      link: (frame) => this.#control(frame),
      accept: (stream, open) => this.#accept(stream, open),
    })
    this.socket.on('message', (data: Buffer) => {
      if (!this.mute) this.mux.receive(Buffer.from(data))
    })
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
      this.mux.lost('closed')
      this.emit('close', code, this.closed.reason)
    })
    this.socket.on('error', () => {})
  }

  /** Resolves once the link is ready, or open where it says no hello. */
  static async connect(gateway: string, options: RawAgentOptions = {}): Promise<RawAgent> {
    const agent = new RawAgent(gateway, options)
    const { hello = true, maxConcurrent = 256, weight = 1, labels = [] } = options
    await once(agent.socket, 'open')
    if (!hello) return agent
    agent.send({ ...HELLO, maxConcurrent, weight, labels })
    await Promise.race([once(agent, 'welcome'), once(agent, 'close')])
    return agent
  }

  get linkId(): string {
    return this.welcome!.linkId
  }

  /** The next stream that the gateway opened. */
  async next(): Promise<RawExchange> {
    while (this.#waiting.length === 0) await once(this, 'exchange')
    return this.#waiting.shift()!
  }

  /** Streams opened that `next` has not handed out. */
  get pending(): number {
    return this.#waiting.length
  }

  /** Frames beside the mux, in one message. */
  send(...frames: Frame[]): void {
    const encoder = new Encoder()
    for (const frame of frames) encoder.add(frame)
    this.raw(Buffer.from(encoder.take()))
  }

  raw(message: Buffer | string): void {
    this.socket.send(message)
  }

  goAway(): void {
    this.mux.send({ kind: Kind.goAway, reason: 1, delay: 0, message: 'restart' })
  }

  /** How the link ended. */
  async ended(): Promise<{ code: number; reason: string }> {
    if (this.closed === undefined) await once(this, 'close')
    return this.closed!
  }

  /** As a process that is killed. */
  async kill(): Promise<void> {
    this.socket.terminate()
    await this.ended()
  }

  #accept(stream: Stream, open: Open): RawExchange {
    const exchange = new RawExchange(stream, open)
    if (this.#options.serve !== undefined) this.#options.serve(exchange)
    else {
      this.#waiting.push(exchange)
      this.emit('exchange')
    }
    return exchange
  }

  #control(frame: LinkFrame): void {
    switch (frame.kind) {
      case Kind.welcome:
        this.welcome = frame
        this.mux.begin({ ...frame, streamWindow: frame.streamWindow })
        this.emit('welcome', frame)
        return
      case Kind.ping:
        this.mux.send({ kind: Kind.pong, nonce: frame.nonce })
        this.emit('ping')
        return
      case Kind.goAway:
        this.goAways.push(frame)
        this.emit('goAway', frame)
        return
      case Kind.hello:
      case Kind.pong:
        return
    }
  }

  #flush(): void {
    for (;;) {
      const message = this.mux.pull()
      if (message === undefined) return
      if (!this.mute && this.socket.readyState === WebSocket.OPEN) this.socket.send(Buffer.from(message))
    }
  }
}

export function linkUrl(gateway: string, { tunnelId, instance, link, name }: RawAgentOptions): string {
  const url = new URL('/ws', gateway.replace('http', 'ws'))
  if (tunnelId !== undefined) url.searchParams.set('tunnel_id', tunnelId)
  if (instance !== undefined) url.searchParams.set('instance', instance)
  if (link !== undefined) url.searchParams.set('link', String(link))
  if (name !== undefined) url.searchParams.set('name', name)
  return url.href
}

/** The answer to a handshake that is refused. */
export async function refusal(
  url: string,
  protocols: string[] = [PROTOCOL],
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; code: string }> {
  const socket = new WebSocket(url, protocols, { perMessageDeflate: false, headers })
  socket.on('error', () => {})
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  socket.terminate()
  const { code } = JSON.parse(Buffer.concat(chunks).toString()) as { code: string }
  return { status: response.statusCode!, headers: response.headers, code }
}

export { RawExchange, ResetCode }
