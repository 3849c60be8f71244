/** A caller's WebSocket ⇄ one to an upstream, message by message, each as fast as the other side takes it. */
import type { IncomingMessage } from 'node:http'
import { ResetCode } from '../../shared/frames.js'
import { endToEnd, getField, isToken, listField } from '../../shared/headers.js'
import type { Exchange } from '../exchange.js'
import { phraseOf, rawFields, requestFields, withoutHandshake } from '../fields.js'
import type { ExchangeEvents } from '../handler.js'
import { type MessageOwner, Messages } from '../messages.js'
import type { UpstreamFailure } from '../upstream.js'
import type { Connect } from '../upstream-socket.js'
import { type Handshake, UpstreamSocket, type UpstreamSocketEvents } from '../upstream-websocket.js'
import { respondText } from './text.js'

/** What may wait in the upstream's socket before the caller is held back. */
const MOST_BUFFERED = 1024 * 1024

/** `host` undefined: the caller's. `name` is for the message of a failure. */
export function forwardWebSocket(
  exchange: Exchange,
  connect: Connect,
  host: string | undefined,
  name: string,
): void {
  // ws takes no list with one twice.
  const protocols = [...new Set(listField(exchange.headers, 'sec-websocket-protocol'))]
  if (!protocols.every(isToken)) {
    respondText(exchange, 400, 'A subprotocol is not a token.')
    return
  }
  const headers = withoutHandshake(requestFields(exchange.headers, host))
  new SocketRelay(exchange, name).connect(connect, { target: exchange.target, headers, protocols })
}

class SocketRelay implements UpstreamSocketEvents, MessageOwner {
  readonly #exchange: Exchange
  readonly #name: string
  readonly #messages: Messages
  #upstream: UpstreamSocket | undefined
  /** The caller's close frame, to which the upstream's is the answer. */
  #closing: { readonly code: number; readonly reason: string } | undefined

  constructor(exchange: Exchange, name: string) {
    this.#exchange = exchange
    this.#name = name
    this.#messages = new Messages(exchange, this)
  }

  connect(connect: Connect, handshake: Handshake): void {
    this.#upstream = new UpstreamSocket(connect, handshake, this)
  }

  // From the caller.

  get full(): boolean {
    return this.#upstream !== undefined && this.#upstream.buffered > MOST_BUFFERED
  }

  received(payload: Buffer, binary: boolean): void {
    this.#upstream?.send(payload, binary)
  }

  callerClosed(code: number, reason: string): void {
    this.#closing = { code, reason }
    this.#upstream?.close(code, reason)
  }

  drained(): void {
    this.#upstream?.resume()
  }

  gone(): void {
    this.#upstream?.destroy()
  }

  // From the upstream.

  opened(headers: string[]): void {
    const protocol = getField(headers, 'sec-websocket-protocol')
    const fields = withoutHandshake(endToEnd(headers))
    if (protocol !== undefined) fields.push('sec-websocket-protocol', protocol)
    this.#exchange.accept(fields)
  }

  refused(response: IncomingMessage): void {
    new DeclinedUpgrade(this.#exchange, response, this.#name).start()
  }

  message(payload: Buffer, binary: boolean): void {
    if (!this.#messages.send(payload, binary)) this.#upstream?.pause()
  }

  sent(): void {
    this.#messages.resume()
  }

  closed(code: number, reason: string): void {
    this.#messages.close(code, reason)
  }

  failed({ kind, message }: UpstreamFailure): void {
    // Many servers hang up at a close frame instead of answering it: it ends well all the same.
    if (this.#closing !== undefined) this.#messages.close(this.#closing.code, this.#closing.reason)
    else this.#exchange.fail(ResetCode[kind], `${this.#name}: ${message}`)
  }
}

/** An upstream's own answer to the handshake, passed on with its body. */
class DeclinedUpgrade implements ExchangeEvents {
  readonly #exchange: Exchange
  readonly #response: IncomingMessage
  readonly #name: string

  constructor(exchange: Exchange, response: IncomingMessage, name: string) {
    this.#exchange = exchange
    this.#response = response
    this.#name = name
    exchange.events = this
  }

  start(): void {
    const exchange = this.#exchange
    const response = this.#response
    const { socket, statusCode: status = 0, statusMessage: reason = '' } = response
    exchange.start(status, phraseOf(status, reason), endToEnd(rawFields(response.rawHeaders)))
    response.on('data', (chunk: Buffer) => {
      if (!exchange.write(chunk)) response.pause()
    })
    response.on('end', () => {
      exchange.finish(rawFields(response.rawTrailers))
      // It was made for this handshake, and nobody would use it again.
      socket.destroy()
    })
    response.on('error', (error) => exchange.fail(ResetCode.failed, `${this.#name}: ${error.message}`))
  }

  data(chunk: Uint8Array): void {
    this.#exchange.read(chunk.length)
  }

  end(): void {}

  drain(): void {
    this.#response.resume()
  }

  abort(): void {
    this.#response.destroy()
  }
}
