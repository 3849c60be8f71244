import { randomBytes, randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { Backoff } from '../../shared/backoff.js'
import { Decoder, Encoder } from '../../shared/codec.js'
import { type Frame, Kind } from '../../shared/frames.js'
import { LINK_WINDOW, PROTOCOL, STREAM_WINDOW } from '../../shared/limits.js'
import { FrameReader, frame, Opcode } from '../websocket.js'

export type LinkState = 'down' | 'dialling' | 'ready' | 'closed'

/** What befell a link; `refused` is an end before it was ready. */
export interface LinkEvents {
  ready(link: Link): void
  lost(link: Link): void
  refused(link: Link, reason: string): void
}

const PATIENCE_MS = 30_000
/** The ceilings between which `gw-agent` draws its delays. */
const BACKOFF = { base: 250, max: 15_000, random: Math.random }

/** One encoder serves all: a message is sent before the next is packed. */
const encoder = new Encoder()
const decoder = new Decoder()
const BODY = Buffer.from('Hello, world!')
const HEADERS = ['content-type', 'text/plain']

/** As little of an agent as the gateway's side of a link needs: it introduces itself, answers pings and, at once, requests. */
export class Link {
  state: LinkState = 'down'
  pings = 0
  readonly #gateway: string
  readonly #tunnelId: string
  readonly #events: LinkEvents
  readonly #backoff = new Backoff(BACKOFF)
  #socket: Socket | undefined
  /** Milliseconds that the gateway asked to wait before the next attempt. */
  #advised: number | undefined

  constructor(gateway: string, tunnelId: string, events: LinkEvents) {
    this.#gateway = gateway
    this.#tunnelId = tunnelId
    this.#events = events
  }

  dial(): void {
    const [host = '', port = ''] = this.#gateway.split(':')
    const socket = connect({ host, port: Number(port), noDelay: true })
    const reader = new FrameReader((opcode, payload) => this.#message(opcode, payload))
    this.#socket = socket
    this.state = 'dialling'
    let reason = 'the connection ended'
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('it did not become ready')))
    socket.on('error', (error) => (reason = error.message))
    socket.on('close', () => this.#closed(reason))
    socket.on('connect', () => socket.write(this.#handshake()))
    let head: string | undefined = ''
    socket.on('data', (data: Buffer) => {
      if (head === undefined) {
        reader.push(data)
        return
      }
      head += data.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!head.startsWith('HTTP/1.1 101')) {
        socket.destroy(new Error(`it was refused: ${head.slice(0, 300)}`))
        return
      }
      const rest = Buffer.from(head.slice(end + 4), 'latin1')
      head = undefined
      this.#hello()
      reader.push(rest)
    })
  }

  /** Dials again as an agent does: after a delay drawn below a ceiling that doubles, or about the one it was told. */
  redial(): void {
    setTimeout(() => this.dial(), this.#backoff.next(this.#advised))
    this.#advised = undefined
  }

  #closed(reason: string): void {
    const was = this.state
    this.state = 'closed'
    if (was === 'ready') this.#events.lost(this)
    else this.#events.refused(this, reason)
  }

  #hello(): void {
    encoder.add({
      kind: Kind.hello,
      agentVersion: 'bench',
      maxConcurrent: 256,
      weight: 1,
      labels: [],
      capabilities: [],
      streamWindow: STREAM_WINDOW,
      linkWindow: LINK_WINDOW,
    })
    this.#flush()
  }

  #flush(): void {
    if (encoder.length > 0) this.#socket?.write(frame(Opcode.binary, encoder.take()))
  }

  #message(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.ping) this.#socket?.write(frame(Opcode.pong, payload))
    else if (opcode === Opcode.close) this.#socket?.end(frame(Opcode.close, payload))
    else if (opcode === Opcode.binary) {
      decoder.decode(payload, (message) => this.#frame(message))
      this.#flush()
    }
  }

  #frame(message: Frame): void {
    switch (message.kind) {
      case Kind.welcome:
        this.state = 'ready'
        this.#socket?.setTimeout(0)
        this.#events.ready(this)
        return
      case Kind.ping:
        this.pings++
        encoder.add({ kind: Kind.pong, nonce: message.nonce })
        return
      case Kind.open:
        encoder.add({
          kind: Kind.head,
          id: message.id,
          status: 200,
          reason: null,
          headers: HEADERS,
          body: BODY,
          end: true,
        })
        return
      case Kind.goAway:
        this.#advised = message.delay || undefined
        return
      default:
        // Credit, ends and resets: nothing here lives long enough to need them.
        return
    }
  }

  #handshake(): string {
    const query = new URLSearchParams({ tunnel_id: this.#tunnelId, instance: randomUUID(), link: '0' })
    return [
      `GET /ws?${query} HTTP/1.1`,
      `Host: ${this.#gateway}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      `Sec-WebSocket-Protocol: ${PROTOCOL}`,
      '\r\n',
    ].join('\r\n')
  }
}
