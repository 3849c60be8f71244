/**
 * What a reader of `GET /inspect` as an event stream is told: first those that are kept, then each as it begins, grows
 * and ends. One that does not keep up gets the latest of each once it reads again.
 */
import { serverSent } from '../server-sent.js'
import type { ExchangeFilter } from './filter.js'
import type { Recording } from './recording.js'
import { MOST_EXCHANGES, type Ring } from './ring.js'
import { listed } from './view.js'

/** Milliseconds between two readings: a reader is told four times a second at the most. */
export const NEWS_EVERY = 250

export class ExchangeNews {
  /** Of those that are kept now: the first thing to be told. */
  readonly snapshot: string
  readonly #filter: ExchangeFilter
  readonly #stopListening: () => void
  /** What has not been told; as many at the most as are kept. */
  readonly #pending = new Map<string, Recording>()

  constructor(ring: Ring, filter: ExchangeFilter) {
    this.#filter = filter
    const exchanges = ring.recordings().filter(filter).map(listed)
    this.snapshot = serverSent(JSON.stringify({ exchanges }), 'snapshot')
    this.#stopListening = ring.listen(({ recording }) => this.#follow(recording))
  }

  /** The next event; undefined where all is told. */
  next(): string | undefined {
    for (const [id, recording] of this.#pending) {
      this.#pending.delete(id)
      return serverSent(JSON.stringify(listed(recording)), 'exchange')
    }
    return undefined
  }

  /** The reader is gone. */
  close(): void {
    this.#stopListening()
  }

  #follow(recording: Recording): void {
    if (!this.#filter(recording)) return
    this.#pending.set(recording.requestId, recording)
    if (this.#pending.size <= MOST_EXCHANGES) return
    const [oldest] = this.#pending.keys()
    this.#pending.delete(oldest!)
  }
}
