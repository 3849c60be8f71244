/** A function from `Request` to `Response` as a handler, bodies streamed both ways. */
import { ResetCode } from '../../shared/frames.js'
import { isHopByHop } from '../../shared/headers.js'
import type { Exchange } from '../exchange.js'
import type { ExchangeEvents, Handler } from '../handler.js'
import { abortRequest, type BodyFeed, bodyStream, type CallerRequest, requestOf } from './request.js'

/**
 * What answers a request. Its `url` has the caller's scheme, `Host` and the path that the agent sees; its `signal`
 * fires when the caller leaves. A throw or a rejection is the caller's 502.
 */
export type FetchHandler = (request: Request) => Response | Promise<Response>

export function fetchHandler(fetch: FetchHandler): Handler {
  return {
    serve(exchange) {
      void answer(exchange, fetch)
    },
    destroy() {},
  }
}

async function answer(exchange: Exchange, fetch: FetchHandler): Promise<void> {
  try {
    const { whole, body, method } = exchange
    const bodiless = method === 'GET' || method === 'HEAD'
    const upload = whole || bodiless ? undefined : bodyStream(exchange)
    const request = requestOf(exchange, upload?.stream ?? (bodiless ? null : body))
    const caller = new Caller(exchange, request, upload?.feed)
    exchange.events = caller
    const response = await fetch(request)
    const fault = responseFault(response)
    if (fault !== undefined) {
      exchange.fail(ResetCode.failed, fault)
      return
    }
    await caller.send(response)
  } catch (error) {
    exchange.threw(error)
  }
}

/** Which rule a handler's result breaks. */
function responseFault(response: unknown): string | undefined {
  if (!(response instanceof Response)) {
    const kind = response === null ? 'null' : typeof response
    return `handler returned ${kind}, not a Response`
  }
  if (response.status < 200) return `handler returned a Response with the status ${response.status}`
  if (response.bodyUsed) return 'handler returned a Response whose body was read already'
  return undefined
}

/** What the gateway tells, and the answer on its way. */
class Caller implements ExchangeEvents {
  readonly #exchange: Exchange
  readonly #request: CallerRequest
  readonly #feed: BodyFeed | undefined
  #reader: ReadableStreamDefaultReader<unknown> | undefined
  #drained: (() => void) | undefined

  constructor(exchange: Exchange, request: CallerRequest, feed: BodyFeed | undefined) {
    this.#exchange = exchange
    this.#request = request
    this.#feed = feed
  }

  async send(response: Response): Promise<void> {
    const exchange = this.#exchange
    const { status, statusText, body } = response
    const reason = statusText === '' ? null : statusText
    if (body === null || exchange.method === 'HEAD' || exchange.done) {
      exchange.respond(status, reason, fieldsOf(response), null)
      if (body !== null) await body.cancel()
      return
    }
    exchange.start(status, reason, fieldsOf(response))
    const reader = body.getReader()
    this.#reader = reader
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      if (!(value instanceof Uint8Array)) throw new TypeError('a chunk of the Response body is no Uint8Array')
      if (!exchange.write(value)) {
        await new Promise<void>((resolve) => {
          this.#drained = resolve
        })
      }
      if (exchange.done) return
    }
    exchange.finish()
  }

  data(chunk: Uint8Array): void {
    this.#feed?.data(chunk)
  }

  end(): void {
    this.#feed?.end()
  }

  drain(): void {
    this.#drained?.()
    this.#drained = undefined
  }

  abort(reason: string): void {
    const error = new DOMException(reason, 'AbortError')
    this.#feed?.abort(error)
    abortRequest(this.#request, error)
    // What the source makes of it is its own affair.
    this.#reader?.cancel(error).catch(() => {})
    this.drain()
  }
}

function fieldsOf(response: Response): string[] {
  // One that `fetch` has got is decoded: its coding and length are no longer true.
  const decoded = response.url !== '' && response.headers.has('content-encoding')
  const fields: string[] = []
  for (const [name, value] of response.headers) {
    if (isHopByHop(name)) continue
    if (decoded && (name === 'content-encoding' || name === 'content-length')) continue
    fields.push(name, value)
  }
  return fields
}
