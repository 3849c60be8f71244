/** One WebSocket to an upstream: its handshake, then messages. Deadlines are the gateway's, but for the connection's. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { objectOf, rawFields } from './fields.js'
import { MAX_PROXIED_MESSAGE, SocketCode } from './messages.js'
import { describeError } from './text.js'
import type { UpstreamFailure } from './upstream.js'
import type { Connect } from './upstream-socket.js'
import { openWebSocket, type WebSocket } from './ws.js'

export interface Handshake {
  /** As the caller wrote it. */
  readonly target: string
  /** Flat; with `host`, without fields of one connection or of the handshake itself. */
  readonly headers: readonly string[]
  readonly protocols: readonly string[]
}

export interface UpstreamSocketEvents {
  /** The upstream's 101. Flat; names in lower case. */
  opened(headers: string[]): void
  /** It answered otherwise. The body is the receiver's to read or to destroy; nothing else follows. */
  refused(response: IncomingMessage): void
  /** `payload` is the receiver's. */
  message(payload: Buffer, binary: boolean): void
  /** Some of what was sent has left. */
  sent(): void
  /** It closed, 1005 where it gave no code, or sent what is too large. Nothing follows. */
  closed(code: number, reason: string): void
  /** The end without a close frame, before `opened` or after. Nothing follows. */
  failed(failure: UpstreamFailure): void
}

/** Names and values of an answer's head together. */
const MAX_ANSWER_HEAD = 64 * 1024
/** How long an upstream may take to answer a close frame, or to close its connection after its own. */
const CLOSE_TIMEOUT = 5_000

type State =
  | { readonly kind: 'connecting' }
  /** The request is on its way: from now on nothing is safe to repeat. */
  | { readonly kind: 'asking' }
  | { readonly kind: 'open'; readonly tcp: Socket }
  | { readonly kind: 'over' }

export class UpstreamSocket {
  readonly #events: UpstreamSocketEvents
  readonly #websocket: WebSocket
  #state: State = { kind: 'connecting' }
  #corked = false

  /** @throws TypeError where HTTP does not carry the handshake. */
  constructor(connect: Connect, { target, headers, protocols }: Handshake, events: UpstreamSocketEvents) {
    if (/[^\x21-\x7e\x80-\xff]/.test(target)) throw new TypeError('the target holds a control character')
    this.#events = events
    this.#websocket = openWebSocket('ws://upstream', protocols, {
      createConnection: () =>
        connect((error) => {
          if (error === null && this.#state.kind === 'connecting') this.#state = { kind: 'asking' }
        }),
      // The URL would tidy it.
      finishRequest: (request) => {
        request.path = target
        request.end()
      },
      headers: objectOf(headers) as Record<string, string>,
      maxHeaderSize: MAX_ANSWER_HEAD,
      maxPayload: MAX_PROXIED_MESSAGE,
      closeTimeout: CLOSE_TIMEOUT,
    })
    this.#listen(this.#websocket, protocols[0])
  }

  /** Bytes taken by `send` that the kernel has not. */
  get buffered(): number {
    return this.#websocket.bufferedAmount
  }

  /** Copies `payload`. Does nothing on a socket that is closing. */
  send(payload: Uint8Array, binary: boolean): void {
    if (this.#state.kind !== 'open') return
    const { tcp } = this.#state
    // Messages that come together leave together.
    if (!this.#corked) {
      this.#corked = true
      tcp.cork()
      process.nextTick(() => {
        this.#corked = false
        tcp.uncork()
      })
    }
    this.#websocket.send(payload, { binary }, this.#sent)
  }

  /** Sends a close frame; `closed` or `failed` tells how the upstream answers. A code that no frame carries becomes 1002. */
  close(code: number, reason: string): void {
    try {
      if (code === SocketCode.none) this.#websocket.close()
      else this.#websocket.close(code, reason)
    } catch {
      this.#websocket.close(1002)
    }
  }

  pause(): void {
    this.#websocket.pause()
  }

  resume(): void {
    this.#websocket.resume()
  }

  /** Cuts the connection, or gives up making it. Nothing is told afterwards. */
  destroy(): void {
    this.#state = { kind: 'over' }
    this.#websocket.terminate()
  }

  readonly #sent = (): void => {
    if (this.#state.kind === 'open') this.#events.sent()
  }

  #listen(websocket: WebSocket, firstProtocol: string | undefined): void {
    let answer: IncomingMessage | undefined
    websocket.on('upgrade', (response: IncomingMessage) => {
      answer = response
      // Without a choice of the server's, ws fails; whether that will do is for the caller to say.
      response.headers['sec-websocket-protocol'] ??= firstProtocol
    })
    websocket.on('open', () => {
      if (this.#state.kind === 'over' || answer === undefined) return
      this.#state = { kind: 'open', tcp: answer.socket }
      this.#events.opened(rawFields(answer.rawHeaders))
    })
    websocket.on('unexpected-response', (_request, response: IncomingMessage) => {
      if (response.statusCode === 101) {
        response.destroy()
        this.#failed(new Error('it answered 101 without an upgrade'))
      }
      if (this.#state.kind === 'over') return
      this.#state = { kind: 'over' }
      this.#events.refused(response)
    })
    websocket.on('message', (data, binary) => {
      if (this.#state.kind === 'open') this.#events.message(data as Buffer, binary)
    })
    websocket.on('error', (error) => this.#failed(error))
    websocket.on('close', (code, reason) => {
      if (code === SocketCode.abnormal) this.#failed(new Error('it left without a close frame'))
      else this.#closed(code, reason.toString())
    })
  }

  #failed(error: Error): void {
    if ('code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
      this.#closed(SocketCode.tooBig, `a message has more than ${MAX_PROXIED_MESSAGE} bytes`)
      return
    }
    const { kind } = this.#state
    if (kind === 'over') return
    this.#state = { kind: 'over' }
    this.#events.failed({
      kind: kind === 'connecting' ? 'unreachable' : 'failed',
      message: describeError(error),
    })
  }

  #closed(code: number, reason: string): void {
    if (this.#state.kind === 'over') return
    this.#state = { kind: 'over' }
    this.#events.closed(code, reason)
  }
}
