/** Sends exchanges on to an HTTP server, bodies streamed both ways as the other side takes them. */
import { Readable } from 'node:stream'
import { ResetCode } from '../../shared/frames.js'
import { endToEnd } from '../../shared/headers.js'
import type { Exchange } from '../exchange.js'
import { phraseOf, requestFields } from '../fields.js'
import type { ExchangeEvents, Handler } from '../handler.js'
import { formatTarget, type Target } from '../target.js'
import { Upstream, UpstreamCall, type UpstreamFailure } from '../upstream.js'
import { connector, type UpstreamTls } from '../upstream-socket.js'
import { forwardWebSocket } from './forward-websocket.js'

export interface ForwardOptions {
  readonly target: Target
  /** `rewrite` (the upstream's own), `preserve` (the caller's), or the value itself. */
  readonly hostHeader?: string | undefined
  readonly tls?: UpstreamTls | undefined
}

export function forward(options: ForwardOptions): Handler {
  const { target, hostHeader = 'rewrite', tls } = options
  const connect = connector(target, tls)
  const upstream = new Upstream(connect)
  const host =
    hostHeader === 'rewrite' ? target.authority : hostHeader === 'preserve' ? undefined : hostHeader
  const name = `upstream ${formatTarget(target)}`
  return {
    serve: (exchange) => forwardRequest(exchange, upstream, host, name),
    websocket: (exchange) => forwardWebSocket(exchange, connect, host, name),
    destroy: () => upstream.destroy(),
  }
}

/** `host` undefined: the caller's. `name` is for the message of a failure. */
export function forwardRequest(
  exchange: Exchange,
  upstream: Upstream,
  host: string | undefined,
  name: string,
): void {
  const headers = requestFields(exchange.headers, host)
  const { method, target, body, whole } = exchange
  const call = new Forwarding(exchange, name)
  const upload = whole ? undefined : new Upload(exchange)
  if (upload !== undefined && body !== null) upload.push(body)
  exchange.events = new Relay(call, upload)
  upstream.start(call, { method, target, headers, body: upload ?? body })
}

/** The upstream's answer → the exchange. */
class Forwarding extends UpstreamCall {
  readonly #exchange: Exchange
  readonly #name: string

  constructor(exchange: Exchange, name: string) {
    super()
    this.#exchange = exchange
    this.#name = name
  }

  protected override interim(status: number, headers: string[]): void {
    this.#exchange.interim(status, endToEnd(headers))
  }

  protected override head(status: number, reason: string, headers: string[]): void {
    this.#exchange.start(status, phraseOf(status, reason), endToEnd(headers))
  }

  protected override chunk(chunk: Buffer): boolean {
    return this.#exchange.write(chunk)
  }

  protected override complete(trailers: string[]): void {
    this.#exchange.finish(trailers)
  }

  protected override failure({ kind, message }: UpstreamFailure): void {
    this.#exchange.fail(ResetCode[kind], `${this.#name}: ${message}`)
  }
}

/** What the gateway tells → the upstream. */
class Relay implements ExchangeEvents {
  readonly #call: Forwarding
  readonly #upload: Upload | undefined

  constructor(call: Forwarding, upload: Upload | undefined) {
    this.#call = call
    this.#upload = upload
  }

  data(chunk: Uint8Array): void {
    this.#upload?.add(chunk)
  }

  end(): void {
    this.#upload?.push(null)
  }

  drain(): void {
    this.#call.resume()
  }

  abort(): void {
    this.#call.cancel()
  }
}

/** A request's body on its way out. Credit goes back as the upstream's socket takes it. */
class Upload extends Readable {
  readonly #exchange: Exchange
  #unread = 0

  constructor(exchange: Exchange) {
    super({ highWaterMark: 64 * 1024 })
    this.#exchange = exchange
    // How the call ends is told by the call.
    this.on('error', () => {})
  }

  add(chunk: Uint8Array): void {
    if (this.destroyed) {
      this.#exchange.read(chunk.length)
      return
    }
    this.#unread += chunk.length
    if (this.push(chunk)) this._read()
  }

  override _read(): void {
    const bytes = this.#unread
    this.#unread = 0
    if (bytes > 0) this.#exchange.read(bytes)
  }

  override _destroy(_error: Error | null, callback: (error?: Error | null) => void): void {
    this._read()
    callback(null)
  }
}
