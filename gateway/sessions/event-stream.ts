/** A session's events as the body of an answer, as server-sent events or as lines, at the reader's pace. */
import type { Item, Subscription } from '../../shared/sessions/subscription.js'
import type { ApiRequest } from '../api/request.js'
import type { Caller, CallerEvents } from '../edge/engine.js'

export type Format = 'sse' | 'ndjson'

const TYPES: Readonly<Record<Format, string>> = {
  sse: 'text/event-stream',
  ndjson: 'application/x-ndjson',
}

/** A proxy on the way may drop a connection that says nothing. */
const COMMENT_EVERY = 15_000

/** What `Accept` asks for; undefined where it names neither. */
export function formatOf(accept: string | undefined): Format | undefined {
  if (accept === undefined) return undefined
  if (/text\/event-stream/i.test(accept)) return 'sse'
  return /application\/(x-)?ndjson/i.test(accept) ? 'ndjson' : undefined
}

export class EventStream implements CallerEvents {
  readonly #caller: Caller
  readonly #events: Subscription
  readonly #format: Format
  readonly #left: () => void
  readonly #timer: NodeJS.Timeout | undefined
  #room: (() => void) | undefined
  #writable = true
  #over = false

  /** `left`: the stream is over, whoever ended it. */
  constructor({ caller, headers }: ApiRequest, events: Subscription, format: Format, left: () => void) {
    this.#caller = caller
    this.#events = events
    this.#format = format
    this.#left = left
    caller.events = this
    const fields = ['content-type', TYPES[format], 'cache-control', 'no-store', 'x-accel-buffering', 'no']
    caller.start({ status: 200, headers: [...fields, ...headers] })
    if (format === 'sse') this.#timer = setInterval(() => this.#comment(), COMMENT_EVERY)
    void this.#pass()
  }

  /** Ends it before its time. */
  readonly close = (): void => {
    this.#events.close()
  }

  data(): void {}
  end(): void {}

  writable(): void {
    this.#writable = true
    this.#room?.()
    this.#room = undefined
  }

  aborted(): void {
    this.#over = true
    this.#events.close()
    this.writable()
  }

  async #pass(): Promise<void> {
    try {
      for (let items = await this.#events.read(); items !== undefined; items = await this.#events.read()) {
        if (this.#over) break
        this.#write(items.map((item) => this.#text(item)).join(''))
        if (!this.#writable) await new Promise<void>((resolve) => (this.#room = resolve))
      }
      if (!this.#over) this.#caller.end()
    } catch {
      // The store cannot be read: the reader sees a cut, and comes again.
      this.#caller.cut()
      this.#events.close()
    }
    clearInterval(this.#timer)
    this.#over = true
    this.#left()
  }

  #text({ seq, json }: Item): string {
    return this.#format === 'sse' ? `id: ${seq}\ndata: ${json}\n\n` : `${json}\n`
  }

  #comment(): void {
    if (this.#writable && !this.#over) this.#write(': still here\n\n')
  }

  #write(text: string): void {
    if (!this.#caller.write(Buffer.from(text))) this.#writable = false
  }
}
