/** Answers with what it was asked, so that a newcomer sees the whole way work. */
import type { Exchange } from '../exchange.js'
import { objectOf } from '../fields.js'
import type { ExchangeEvents, Handler } from '../handler.js'
import { echoMessages } from './echo-messages.js'

/** More of a body is counted, not shown. */
const MOST_SHOWN = 1024 * 1024

export function echo(tunnelId: string): Handler {
  return {
    serve(exchange) {
      if (exchange.whole)
        answer(exchange, tunnelId, exchange.body === null ? [] : [exchange.body], exchange.body?.length ?? 0)
      else exchange.events = new Collector(exchange, tunnelId)
    },
    websocket: echoMessages,
    destroy() {},
  }
}

class Collector implements ExchangeEvents {
  readonly #exchange: Exchange
  readonly #tunnelId: string
  readonly #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(exchange: Exchange, tunnelId: string) {
    this.#exchange = exchange
    this.#tunnelId = tunnelId
    if (exchange.body !== null) this.#keep(exchange.body)
  }

  data(chunk: Uint8Array): void {
    this.#keep(chunk)
    this.#exchange.read(chunk.length)
  }

  end(): void {
    answer(this.#exchange, this.#tunnelId, this.#chunks, this.#bytes)
  }

  drain(): void {}

  abort(): void {}

  #keep(chunk: Uint8Array): void {
    if (this.#bytes < MOST_SHOWN) this.#chunks.push(chunk.subarray(0, MOST_SHOWN - this.#bytes))
    this.#bytes += chunk.length
  }
}

function answer(exchange: Exchange, tunnelId: string, chunks: readonly Uint8Array[], bytes: number): void {
  const [path = '', ...query] = exchange.target.split('?')
  const shown = Buffer.concat(chunks)
  const reply = {
    method: exchange.method,
    path,
    query: query.join('?'),
    headers: objectOf(exchange.headers),
    ...bodyOf(shown),
    ...(bytes > shown.length ? { body_truncated: true, body_bytes: bytes } : {}),
    tunnel_id: tunnelId,
  }
  const body = Buffer.from(`${JSON.stringify(reply)}\n`)
  const headers = ['content-type', 'application/json', 'content-length', String(body.length)]
  exchange.respond(200, null, headers, exchange.method === 'HEAD' ? null : body)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function bodyOf(bytes: Uint8Array): { body: string; body_encoding?: 'base64' } {
  try {
    return { body: utf8.decode(bytes) }
  } catch {
    return { body: Buffer.from(bytes).toString('base64'), body_encoding: 'base64' }
  }
}
