import { EventEmitter, once } from 'node:events'
import type { Head, Open, ResetCode } from '../../shared/frames.js'
import type { Stream } from '../../shared/stream.js'
import type { StreamEnd, StreamEvents } from '../../shared/stream-events.js'

export class RawExchange
  extends EventEmitter<{ data: []; end: []; drain: []; reset: [StreamEnd] }>
  implements StreamEvents
{
  readonly open: Open
  readonly stream: Stream
  readonly chunks: Buffer[] = []
  ended: boolean
  ending: StreamEnd | undefined
  /** Gives credit for what comes. */
  reading = true
  #unread = 0

  constructor(stream: Stream, open: Open) {
    super()
    this.stream = stream
    this.open = { ...open, body: open.body && Buffer.from(open.body) }
    if (open.body !== null) this.chunks.push(Buffer.from(open.body))
    this.ended = open.end
  }

  get received(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }

  field(name: string): string | undefined {
    const { headers } = this.open
    for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1]
    return undefined
  }

  /** The whole request is here. */
  async whole(): Promise<this> {
    if (!this.ended) await once(this, 'end')
    return this
  }

  /** How the stream was ended by the other side. */
  async wasReset(): Promise<StreamEnd> {
    if (this.ending === undefined) await once(this, 'reset')
    return this.ending!
  }

  resume(): void {
    this.reading = true
    const bytes = this.#unread
    this.#unread = 0
    this.stream.read(bytes)
  }

  respond(status = 200, body = '', headers: readonly string[] = []): void {
    this.stream.head({
      status,
      reason: null,
      headers,
      body: body === '' ? null : Buffer.from(body),
      end: true,
    })
  }

  begin(status = 200, headers: readonly string[] = [], body: string | null = null): this {
    this.stream.head({ status, reason: null, headers, body: body && Buffer.from(body), end: false } as Head)
    return this
  }

  refuse(code: ResetCode, message = 'told so'): void {
    this.stream.reset(code, message)
  }

  head(): void {}

  data(chunk: Uint8Array): void {
    this.chunks.push(Buffer.from(chunk))
    if (this.reading) this.stream.read(chunk.length)
    else this.#unread += chunk.length
    this.emit('data')
  }

  end(): void {
    this.ended = true
    this.emit('end')
  }

  drain(): void {
    this.emit('drain')
  }

  reset(ending: StreamEnd): void {
    this.ending = ending
    this.emit('reset', ending)
  }
}
