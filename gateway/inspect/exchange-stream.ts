import type { ExchangeFilter } from '../../shared/inspect/filter.js'
import { ExchangeNews, NEWS_EVERY } from '../../shared/inspect/news.js'
import type { Ring } from '../../shared/inspect/ring.js'
import { SERVER_SENT } from '../../shared/server-sent.js'
import { LiveAnswer } from '../api/live-answer.js'
import type { Caller, CallerEvents } from '../edge/engine.js'

/** `GET /inspect` as an event stream. */
export class ExchangeStream implements CallerEvents {
  readonly #answer: LiveAnswer
  readonly #news: ExchangeNews
  readonly #timer: NodeJS.Timeout
  readonly #onEnd: () => void

  constructor(
    caller: Caller,
    headers: readonly string[],
    ring: Ring,
    filter: ExchangeFilter,
    onEnd: () => void,
  ) {
    this.#onEnd = onEnd
    this.#answer = new LiveAnswer(caller, SERVER_SENT, headers)
    this.#news = new ExchangeNews(ring, filter)
    this.#answer.write(this.#news.snapshot)
    this.#timer = setInterval(() => this.#tell(), NEWS_EVERY)
  }

  data(): void {}
  end(): void {}

  writable(): void {
    this.#answer.drained()
  }

  aborted(): void {
    this.#stop()
  }

  /** The gateway ends. */
  close(): void {
    this.#stop()
    this.#answer.end()
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#news.close()
    this.#answer.stop()
    this.#onEnd()
  }

  #tell(): void {
    while (this.#answer.writable) {
      const event = this.#news.next()
      if (event === undefined) return
      this.#answer.write(event)
    }
  }
}
