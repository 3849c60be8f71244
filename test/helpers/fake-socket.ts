/** A caller's WebSocket as the gateway holds it: messages on a stream that the test opens. */
import { EventEmitter, once } from 'node:events'
import { type Head, isInterim, ResetCode, StreamKind } from '../../shared/frames.js'
import { closeFrame, MessageReader, messageFrame } from '../../shared/message-frames.js'
import type { Stream } from '../../shared/stream.js'
import type { StreamEnd, StreamEvents } from '../../shared/stream-events.js'
import type { FakeLink } from './fake-gateway.js'

export interface Message {
  readonly payload: Buffer
  readonly binary: boolean
}

export type SocketEnd = { readonly code: number; readonly reason: string } | StreamEnd

export interface SocketAsk {
  target?: string
  headers?: readonly string[]
  /** Reads nothing until `release`. */
  hold?: boolean
}

export class FakeSocket extends EventEmitter<{ told: []; drain: [] }> implements StreamEvents {
  readonly stream: Stream
  status = 0
  headers: readonly string[] = []
  /** Bytes of the stream that came. */
  bytes = 0
  /** Messages that came and that `next` has not given. */
  readonly inbox: Message[] = []
  /** A close frame, or a reset. */
  ending: SocketEnd | undefined
  /** The agent's direction is complete. */
  complete = false
  readonly #refusal: Buffer[] = []
  #held: boolean
  #unread = 0
  readonly #reader = new MessageReader(0, {
    message: (payload, binary) => void this.inbox.push({ payload, binary }),
    close: (code, reason) => {
      this.ending = { code, reason }
    },
  })

  constructor(link: FakeLink, { target = '/', headers = ['host', 'tunnel.test'], hold = false }: SocketAsk) {
    super()
    this.setMaxListeners(0)
    this.#held = hold
    const stream = StreamKind.websocket
    this.stream = link.mux.open({ stream, method: 'GET', target, headers, body: null, end: false }, this)
  }

  /** Resolves once it is accepted. */
  static async open(link: FakeLink, ask: SocketAsk = {}): Promise<FakeSocket> {
    const socket = await new FakeSocket(link, ask).answered()
    if (socket.status !== 101) throw new Error(`answered ${socket.status} ${JSON.stringify(socket.ending)}`)
    return socket
  }

  field(name: string): string | undefined {
    const at = this.headers.findIndex((text, index) => index % 2 === 0 && text === name)
    return at < 0 ? undefined : this.headers[at + 1]
  }

  /** Body of a refusal. */
  get text(): string {
    return Buffer.concat(this.#refusal).toString()
  }

  /** Resolves with the head, or with the end where that comes first. */
  async answered(): Promise<this> {
    while (this.status === 0 && this.ending === undefined) await once(this, 'told')
    return this
  }

  async next(): Promise<Message> {
    while (this.inbox.length === 0) {
      if (this.ending !== undefined) throw new Error(`ended with ${JSON.stringify(this.ending)}`)
      await once(this, 'told')
    }
    return this.inbox.shift()!
  }

  /** Resolves with the close frame or the reset; a close frame is followed by an end. */
  async ended(): Promise<SocketEnd> {
    while (this.ending === undefined || ('code' in this.ending && !('kind' in this.ending) && !this.complete))
      await once(this, 'told')
    return this.ending
  }

  /** A refusal's body is complete. */
  async completed(): Promise<this> {
    while (!this.complete && this.ending === undefined) await once(this, 'told')
    return this
  }

  send(message: string | Uint8Array): boolean {
    const payload = typeof message === 'string' ? Buffer.from(message) : message
    const [header] = messageFrame(typeof message !== 'string', payload)
    return this.stream.write(Buffer.concat([header, payload]))
  }

  /** Waits where the stream says so. */
  async sendPatiently(message: string | Uint8Array): Promise<void> {
    if (!this.send(message) && this.ending === undefined) await once(this, 'drain')
  }

  close(code: number, reason = ''): void {
    this.stream.write(closeFrame(code, reason))
    this.stream.end()
  }

  leave(): void {
    this.stream.reset(ResetCode.cancelled, 'the caller left')
  }

  release(): void {
    this.#held = false
    this.stream.read(this.#unread)
    this.#unread = 0
  }

  // From the stream.

  head(head: Head): void {
    if (isInterim(head.status)) return
    this.status = head.status
    this.headers = head.headers
    if (head.body !== null) this.#refusal.push(Buffer.from(head.body))
    if (head.end) this.complete = true
    this.emit('told')
  }

  data(chunk: Uint8Array): void {
    this.bytes += chunk.length
    if (this.#held) this.#unread += chunk.length
    else this.stream.read(chunk.length)
    const copy = Buffer.from(chunk)
    if (this.status === 101) this.#reader.push(copy)
    else this.#refusal.push(copy)
    this.emit('told')
  }

  end(): void {
    this.complete = true
    this.emit('told')
  }

  drain(): void {
    this.emit('drain')
  }

  reset(reason: StreamEnd): void {
    this.ending = reason
    this.emit('told')
    this.emit('drain')
  }
}
