/** A WHATWG response on its way to the caller. */
import { ResetCode } from '../../shared/frames.js'
import { isHopByHop } from '../../shared/headers.js'
import type { Exchange } from '../exchange.js'
import type { ExchangeEvents } from '../handler.js'
import { abortRequest, type BodyFeed, type CallerRequest } from './request.js'

const isAnswer = (result: unknown): result is Response =>
  result instanceof Response && result.status >= 200 && !result.bodyUsed

/** Which rule a handler's result breaks. */
function faultOf(result: unknown): string {
  if (!(result instanceof Response)) {
    const kind = result === null ? 'null' : typeof result
    return `handler returned ${kind}, not a Response`
  }
  if (result.bodyUsed) return 'handler returned a Response whose body was read already'
  return `handler returned a Response with the status ${result.status}`
}

/** What the gateway tells of an exchange, and the answer. */
export class Caller implements ExchangeEvents {
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

  /** Of what a handler returned, which may be anything. Rejects where the body fails. */
  async send(response: unknown): Promise<void> {
    const exchange = this.#exchange
    if (!isAnswer(response)) {
      exchange.fail(ResetCode.failed, faultOf(response))
      return
    }
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
