import { randomBytes, randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { Decoder, Encoder } from '../shared/codec.js'
import { type Frame, Kind } from '../shared/frames.js'
import { LINK_WINDOW, PROTOCOL, STREAM_WINDOW } from '../shared/limits.js'
import { FrameReader, frame, Opcode } from './websocket.js'

/** Agents that do nothing but stay: the driver of a gateway's side of many links. */
export interface Links {
  /** How many have closed since they were opened. */
  lost(): number
  destroy(): void
}

/** How many handshakes are under way at once: the listen queue of a gateway is not what is measured. */
const AT_ONCE = 50
const PATIENCE_MS = 10_000

type State = 'opening' | 'ready' | 'closed'

/** One encoder serves all: a message is sent before the next is packed. */
const encoder = new Encoder()
const decoder = new Decoder()

class IdleLink {
  readonly ready: Promise<void>
  state: State = 'opening'
  readonly #socket: Socket
  readonly #reader: FrameReader

  constructor(gateway: string) {
    const [host = '', port = ''] = gateway.split(':')
    this.#socket = connect({ host, port: Number(port), noDelay: true })
    this.#reader = new FrameReader((opcode, payload) => this.#message(opcode, payload))
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = resolve
      const fail = (error: Error) => {
        this.state = 'closed'
        reject(error)
      }
      this.#socket.setTimeout(PATIENCE_MS, () =>
        this.#socket.destroy(new Error('a link did not become ready')),
      )
      this.#socket.on('error', fail)
      this.#socket.on('close', () => fail(new Error('the gateway closed a link')))
    })
    this.#socket.on('connect', () => this.#socket.write(handshake(gateway)))
    this.#socket.on('data', (data: Buffer) => this.#data(data))
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #onReady: () => void = () => {}
  #head: string | undefined = ''

  #data(data: Buffer): void {
    if (this.#head === undefined) {
      this.#reader.push(data)
      return
    }
    this.#head += data.toString('latin1')
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) return
    if (!this.#head.startsWith('HTTP/1.1 101')) {
      this.#socket.destroy(new Error(`a link was refused: ${this.#head.slice(0, 300)}`))
      return
    }
    const rest = Buffer.from(this.#head.slice(end + 4), 'latin1')
    this.#head = undefined
    this.#send({
      kind: Kind.hello,
      agentVersion: 'bench',
      maxConcurrent: 256,
      weight: 1,
      labels: [],
      capabilities: [],
      streamWindow: STREAM_WINDOW,
      linkWindow: LINK_WINDOW,
    })
    this.#reader.push(rest)
  }

  #send(message: Frame): void {
    encoder.add(message)
    this.#socket.write(frame(Opcode.binary, encoder.take()))
  }

  #message(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.ping) this.#socket.write(frame(Opcode.pong, payload))
    else if (opcode === Opcode.close) this.#socket.end(frame(Opcode.close, payload))
    else if (opcode === Opcode.binary) decoder.decode(payload, (message) => this.#frame(message))
  }

  #frame(message: Frame): void {
    if (message.kind === Kind.ping) this.#send({ kind: Kind.pong, nonce: message.nonce })
    if (message.kind !== Kind.welcome) return
    this.state = 'ready'
    this.#socket.setTimeout(0)
    this.#onReady()
  }
}

function handshake(host: string): string {
  const query = new URLSearchParams({
    tunnel_id: `agent_${randomUUID()}_idle`,
    instance: randomUUID(),
    link: '0',
  })
  return [
    `GET /ws?${query} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    `Sec-WebSocket-Protocol: ${PROTOCOL}`,
    '\r\n',
  ].join('\r\n')
}

export async function openLinks(gateway: string, count: number): Promise<Links> {
  const links: IdleLink[] = []
  const destroy = () => {
    for (const link of links) link.destroy()
  }
  try {
    while (links.length < count) {
      const some = Array.from(
        { length: Math.min(AT_ONCE, count - links.length) },
        () => new IdleLink(gateway),
      )
      links.push(...some)
      await Promise.all(some.map((link) => link.ready))
    }
  } catch (error) {
    destroy()
    throw error
  }
  return { lost: () => links.filter((link) => link.state === 'closed').length, destroy }
}
