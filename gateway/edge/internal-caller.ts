/** A caller inside the gateway: a request that the scheduler or a replay sends goes the same way as everybody's. */
import { type Caller, type CallerEvents, NO_EVENTS, type RequestHead, type ResponseHead } from './engine.js'

export interface InternalRequest {
  method: string
  target: string
  /** Flat, names in lower case, without framing. */
  headers: readonly string[]
  body: Uint8Array
}

export interface InternalAnswer {
  status: number
  headers: readonly string[]
  /** Its beginning, as far as was asked for. */
  body: Buffer
  /** All of it came. */
  complete: boolean
}

export class InternalCaller implements Caller {
  readonly head: RequestHead
  readonly answer: Promise<InternalAnswer>
  events: CallerEvents = NO_EVENTS

  readonly #most: number
  #settle!: (answer: InternalAnswer) => void
  #pending: Uint8Array
  #chunks: Buffer[] = []
  #kept = 0
  #said: ResponseHead | undefined
  #paused = false
  #ended = false
  #over = false

  /** Of the answer's body `most` bytes are kept; the rest is read and dropped. */
  constructor(request: InternalRequest, most: number) {
    const { method, target, headers, body } = request
    const framed = body.length === 0 ? [] : ['content-length', String(body.length)]
    const named = headers.includes('host') ? [] : ['host', 'localhost']
    this.head = {
      method,
      target,
      headers: [...named, ...headers, ...framed],
      remoteAddress: '127.0.0.1',
      secure: false,
      clientCertificate: true,
    }
    this.#most = most
    this.#pending = body
    this.answer = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** Hands its body over: to be called once `events` are set, as an engine does behind its `request`. */
  send(): void {
    setImmediate(() => this.#flow())
  }

  /** Nobody waits for the answer any more. */
  leave(): void {
    if (this.#over) return
    this.#over = true
    this.events.aborted()
    this.#settle({ status: 0, headers: [], body: Buffer.alloc(0), complete: false })
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.send()
  }

  respond(head: ResponseHead, body: Uint8Array | string = ''): void {
    this.start(head)
    this.write(typeof body === 'string' ? Buffer.from(body) : body)
    this.end()
  }

  start(head: ResponseHead): void {
    this.#said = head
  }

  write(chunk: Uint8Array): boolean {
    const room = Math.min(chunk.length, this.#most - this.#kept)
    if (room > 0) {
      this.#chunks.push(Buffer.from(chunk.subarray(0, room)))
      this.#kept += room
    }
    return true
  }

  end(): void {
    this.#done(true)
  }

  cut(): void {
    this.#done(false)
  }

  #flow(): void {
    if (this.#paused || this.#ended || this.#over) return
    if (this.#pending.length > 0) {
      const chunk = Buffer.from(this.#pending)
      this.#pending = new Uint8Array(0)
      this.events.data(chunk)
      this.send()
      return
    }
    this.#ended = true
    this.events.end()
  }

  #done(complete: boolean): void {
    if (this.#over) return
    this.#over = true
    const { status = 0, headers = [] } = this.#said ?? {}
    this.#settle({ status, headers, body: Buffer.concat(this.#chunks), complete })
  }
}
