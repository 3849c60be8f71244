import { listField } from '../../shared/headers.js'
import type { Exchange } from '../exchange.js'
import { type MessageOwner, Messages } from '../messages.js'

/** Sends each message of a WebSocket back. Of subprotocols the first will do: a browser insists on one. */
export function echoMessages(exchange: Exchange): void {
  new Echo(exchange)
  const [protocol] = listField(exchange.headers, 'sec-websocket-protocol')
  exchange.accept(protocol === undefined ? [] : ['sec-websocket-protocol', protocol])
}

class Echo implements MessageOwner {
  readonly #messages: Messages
  /** A caller who does not read is not read from. */
  full = false

  constructor(exchange: Exchange) {
    this.#messages = new Messages(exchange, this)
  }

  received(payload: Buffer, binary: boolean): void {
    if (!this.#messages.send(payload, binary)) this.full = true
  }

  callerClosed(code: number, reason: string): void {
    this.#messages.close(code, reason)
  }

  drained(): void {
    this.full = false
    this.#messages.resume()
  }

  gone(): void {}
}
