/** A session's events as the body of an answer, as server-sent events or as lines, at the reader's pace. */
import { SERVER_SENT, serverSent, takesServerSent } from '../../shared/server-sent.js'
import type { Item, Subscription } from '../../shared/sessions/subscription.js'
import { LiveAnswer } from '../api/live-answer.js'
import type { ApiRequest } from '../api/request.js'
import type { CallerEvents } from '../edge/engine.js'

export type Format = 'sse' | 'ndjson'

const TYPES: Readonly<Record<Format, string>> = {
  sse: SERVER_SENT,
  ndjson: 'application/x-ndjson',
}

/** What `Accept` asks for; undefined where it names neither. */
export function formatOf(accept: string | undefined): Format | undefined {
  if (takesServerSent(accept)) return 'sse'
  return accept !== undefined && /application\/(x-)?ndjson/i.test(accept) ? 'ndjson' : undefined
}

export class EventStream implements CallerEvents {
  readonly #answer: LiveAnswer
  readonly #events: Subscription
  readonly #format: Format
  readonly #left: () => void
  #room: (() => void) | undefined
  #over = false

  /** `left`: the stream is over, whoever ended it. */
  constructor({ caller, headers }: ApiRequest, events: Subscription, format: Format, left: () => void) {
    this.#events = events
    this.#format = format
    this.#left = left
    caller.events = this
    this.#answer = new LiveAnswer(caller, TYPES[format], headers)
    void this.#pass()
  }

  /** Ends it before its time. */
  readonly close = (): void => {
    this.#events.close()
  }

  data(): void {}
  end(): void {}

  writable(): void {
    this.#answer.drained()
    this.#room?.()
    this.#room = undefined
  }

  aborted(): void {
    this.#over = true
    this.#answer.stop()
    this.#events.close()
    this.writable()
  }

  async #pass(): Promise<void> {
    try {
      for (let items = await this.#events.read(); items !== undefined; items = await this.#events.read()) {
        if (this.#over) break
        this.#answer.write(items.map((item) => this.#text(item)).join(''))
        if (!this.#answer.writable) await new Promise<void>((resolve) => (this.#room = resolve))
      }
      if (!this.#over) this.#answer.end()
    } catch {
      // The store cannot be read: the reader sees a cut, and comes again.
      this.#answer.cut()
      this.#events.close()
    }
    this.#over = true
    this.#left()
  }

  #text({ seq, json }: Item): string {
    return this.#format === 'sse' ? serverSent(json, undefined, seq) : `${json}\n`
  }
}
