/** One HTTP exchange as the gateway holds it, on a stream that the test opens. */
import { createHash, type Hash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { type Head, isInterim, StreamKind } from '../../shared/frames.js'
import type { Mux } from '../../shared/mux.js'
import type { Stream } from '../../shared/stream.js'
import type { StreamEnd, StreamEvents } from '../../shared/stream-events.js'

export interface Ask {
  method?: string
  target?: string
  headers?: readonly string[]
  body?: Uint8Array | null
  /** The body is complete with `body`. */
  end?: boolean
  stream?: StreamKind
  /** Reads nothing of the answer until `release`. */
  hold?: boolean
  /** Keeps no body, only its digest. */
  digest?: boolean
}

export class FakeExchange extends EventEmitter<{ drain: [] }> implements StreamEvents {
  readonly stream: Stream
  readonly interim: Head[] = []
  status = 0
  reason: string | null = null
  headers: readonly string[] = []
  trailers: readonly string[] = []
  bytes = 0
  ended: StreamEnd | 'complete' | undefined
  /** Whether head, body and end came in one frame. */
  oneFrame = false
  /** Settles with the head, or with the end where that comes first. */
  readonly answered: Promise<this>
  /** Settles when the answer is complete or reset. */
  readonly done: Promise<this>
  #answer!: (exchange: this) => void
  #finish!: (exchange: this) => void
  readonly #hash: Hash = createHash('sha256')
  readonly #chunks: Buffer[] = []
  readonly #digest: boolean
  #held: boolean
  #unread = 0

  constructor(mux: Mux, ask: Ask) {
    super()
    this.answered = new Promise((resolve) => {
      this.#answer = resolve
    })
    this.done = new Promise((resolve) => {
      this.#finish = resolve
    })
    this.#held = ask.hold ?? false
    this.#digest = ask.digest ?? false
    this.stream = mux.open(
      {
        stream: ask.stream ?? StreamKind.http,
        method: ask.method ?? 'GET',
        target: ask.target ?? '/',
        headers: ask.headers ?? ['host', 'tunnel.test'],
        body: ask.body ?? null,
        end: ask.end ?? true,
      },
      this,
    )
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.body.toString()
  }

  get digest(): string {
    return this.#hash.copy().digest('hex')
  }

  field(name: string): string | undefined {
    const at = this.headers.findIndex((text, index) => index % 2 === 0 && text === name)
    return at < 0 ? undefined : this.headers[at + 1]
  }

  /** Sends `bytes` of zeros and the end, as fast as they are taken. @returns their digest. */
  async upload(bytes: number): Promise<string> {
    const hash = createHash('sha256')
    const chunk = Buffer.alloc(64 * 1024, 'u')
    for (let left = bytes; left > 0 && this.ended === undefined; left -= chunk.length) {
      const piece = chunk.subarray(0, left)
      hash.update(piece)
      if (!this.stream.write(piece)) await once(this, 'drain')
    }
    this.stream.end()
    return hash.digest('hex')
  }

  release(): void {
    this.#held = false
    this.stream.read(this.#unread)
    this.#unread = 0
  }

  head(head: Head): void {
    if (isInterim(head.status)) {
      this.interim.push(head)
      return
    }
    this.status = head.status
    this.reason = head.reason
    this.headers = head.headers
    this.oneFrame = head.end
    if (head.body !== null) this.#keep(head.body)
    this.#answer(this)
    if (head.end) this.#over('complete')
  }

  data(chunk: Uint8Array): void {
    this.#keep(chunk)
    if (this.#held) this.#unread += chunk.length
    else this.stream.read(chunk.length)
  }

  end(trailers: readonly string[]): void {
    this.trailers = trailers
    this.#over('complete')
  }

  drain(): void {
    this.emit('drain')
  }

  reset(reason: StreamEnd): void {
    this.#over(reason)
  }

  #keep(chunk: Uint8Array): void {
    this.bytes += chunk.length
    this.#hash.update(chunk)
    if (!this.#digest) this.#chunks.push(Buffer.from(chunk))
  }

  #over(ended: StreamEnd | 'complete'): void {
    this.ended = ended
    this.emit('drain')
    this.#answer(this)
    this.#finish(this)
  }
}
