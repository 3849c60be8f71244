/**
 * `GET /inspect` as an event stream: first those that are kept, then each as it begins, grows and ends, at most four
 * times a second. A reader that does not keep up gets the latest of each once it reads again.
 */
import type { ExchangeFilter } from '../../shared/inspect/filter.js'
import type { Recording } from '../../shared/inspect/recording.js'
import { MOST_EXCHANGES, type Ring } from '../../shared/inspect/ring.js'
import { listed } from '../../shared/inspect/view.js'
import type { Caller, CallerEvents } from '../edge/engine.js'

const FLUSH_EVERY = 250
const COMMENT_EVERY = 15_000

export class ExchangeStream implements CallerEvents {
  readonly #caller: Caller
  readonly #filter: ExchangeFilter
  readonly #onEnd: () => void
  readonly #stopListening: () => void
  readonly #timers: NodeJS.Timeout[]
  /** What the reader has not been told; as many at the most as are kept. */
  readonly #pending = new Map<string, Recording>()
  #writable = true

  constructor(
    caller: Caller,
    headers: readonly string[],
    ring: Ring,
    filter: ExchangeFilter,
    onEnd: () => void,
  ) {
    this.#caller = caller
    this.#filter = filter
    this.#onEnd = onEnd
    caller.start({
      status: 200,
      headers: ['content-type', 'text/event-stream', 'cache-control', 'no-store', ...headers],
    })
    const exchanges = ring.recordings().filter(filter).map(listed)
    this.#write(`event: snapshot\ndata: ${JSON.stringify({ exchanges })}\n\n`)
    this.#stopListening = ring.listen(({ recording }) => this.#follow(recording))
    this.#timers = [
      setInterval(() => this.#flush(), FLUSH_EVERY),
      setInterval(() => this.#writable && this.#write(': still here\n\n'), COMMENT_EVERY),
    ]
  }

  data(): void {}
  end(): void {}

  writable(): void {
    this.#writable = true
  }

  aborted(): void {
    this.#stop()
  }

  /** The gateway ends. */
  close(): void {
    this.#stop()
    this.#caller.end()
  }

  #stop(): void {
    this.#stopListening()
    for (const timer of this.#timers) clearInterval(timer)
    this.#onEnd()
  }

  #follow(recording: Recording): void {
    if (!this.#filter(recording)) return
    this.#pending.set(recording.requestId, recording)
    if (this.#pending.size <= MOST_EXCHANGES) return
    const [oldest] = this.#pending.keys()
    this.#pending.delete(oldest!)
  }

  #flush(): void {
    for (const [id, recording] of this.#pending) {
      if (!this.#writable) return
      this.#pending.delete(id)
      this.#write(`event: exchange\ndata: ${JSON.stringify(listed(recording))}\n\n`)
    }
  }

  #write(text: string): void {
    if (!this.#caller.write(Buffer.from(text))) this.#writable = false
  }
}
