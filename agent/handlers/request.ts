/** The WHATWG request of an exchange. */
import type { Exchange } from '../exchange.js'

/**
 * The internal property by which the platform's own `new Request(request)` and `fetch(request)` follow a signal;
 * undefined on platforms that hide it.
 */
const SIGNAL = Object.getOwnPropertySymbols(new Request('http://localhost/')).find(
  (symbol) => symbol.description === 'signal',
)

/** Fires the request's signal. */
let fire: (request: CallerRequest, reason: Error) => void

/**
 * A request whose signal is made when it is first asked for: handing one to the constructor takes 7 µs of the 12
 * that a request costs, and few handlers look at it. Where the platform hides its property, one is handed over.
 */
class CallerRequest extends Request {
  #controller: AbortController | undefined
  #reason: Error | undefined

  static {
    fire = (request, reason) => {
      request.#reason = reason
      request.#controller?.abort(reason)
    }
    Object.defineProperty(CallerRequest.prototype, 'signal', {
      configurable: true,
      enumerable: true,
      get(this: CallerRequest): AbortSignal {
        return this.#made()
      },
    })
  }

  constructor(url: string, init: RequestInit) {
    const controller = SIGNAL === undefined ? new AbortController() : undefined
    super(url, controller === undefined ? init : { ...init, signal: controller.signal })
    this.#controller = controller
    if (SIGNAL !== undefined) Object.defineProperty(this, SIGNAL, FOLLOWED)
  }

  #made(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }
}

const FOLLOWED = {
  configurable: true,
  get(this: Request): AbortSignal {
    return this.signal
  },
}

export { type CallerRequest, fire as abortRequest }

/**
 * The request of `exchange`, its `url` as the caller wrote it; `body` where it has one and its method may.
 * @throws TypeError where method or host are none that a `Request` can have.
 */
export function requestOf(exchange: Exchange, body: Uint8Array | ReadableStream | null): CallerRequest {
  const { headers: fields, method, target } = exchange
  const headers: [string, string][] = []
  let host = 'localhost'
  let scheme = 'http'
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    const value = fields[i + 1]!
    if (name === 'host') host = value
    else if (name === 'x-forwarded-proto' && value === 'https') scheme = 'https'
    headers.push([name, value])
  }
  const url = `${scheme}://${host}${target}`
  return new CallerRequest(
    url,
    body === null ? { method, headers } : { method, headers, body, duplex: 'half' },
  )
}

/** A body as it comes; each chunk is a copy, since a byte stream takes the whole buffer behind a view away. */
export function bodyStream(exchange: Exchange): { stream: ReadableStream; feed: BodyFeed } {
  const feed = new BodyFeed(exchange)
  const stream = new ReadableStream({
    type: 'bytes',
    start: (controller) => feed.start(controller),
    pull: () => feed.pull(),
    cancel: () => feed.cancel(),
  })
  return { stream, feed }
}

/** Credit goes back as the handler reads. */
export class BodyFeed {
  readonly #exchange: Exchange
  #controller: ReadableByteStreamController | undefined
  #wanted = false
  #unread = 0

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  start(controller: ReadableByteStreamController): void {
    this.#controller = controller
    const { body } = this.#exchange
    if (body !== null) controller.enqueue(Uint8Array.from(body))
  }

  /** The handler waits for more. */
  pull(): void {
    this.#wanted = true
    const bytes = this.#unread
    this.#unread = 0
    if (bytes > 0) this.#exchange.read(bytes)
  }

  cancel(): void {
    this.#controller = undefined
    this.pull()
  }

  data(chunk: Uint8Array): void {
    if (this.#controller === undefined || this.#wanted) this.#exchange.read(chunk.length)
    else this.#unread += chunk.length
    this.#wanted = false
    this.#controller?.enqueue(Uint8Array.from(chunk))
  }

  end(): void {
    this.#controller?.close()
    this.#controller = undefined
  }

  abort(reason: Error): void {
    this.#controller?.error(reason)
    this.#controller = undefined
  }
}
