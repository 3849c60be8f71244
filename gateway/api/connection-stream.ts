/**
 * `GET /connections` as an event stream: first the whole, then each change. Counters come as `changed` at most
 * once a second. A reader that does not keep up gets the latest state of each link once it reads again, so that
 * what waits for it is bounded by the number of links.
 */
import { assertNever } from '../../shared/errors.js'
import { SERVER_SENT, serverSent } from '../../shared/server-sent.js'
import type { Link } from '../agents/link.js'
import type { Change, Registry } from '../agents/registry.js'
import type { Caller, CallerEvents } from '../edge/engine.js'
import { type ConnectionFilter, connection, connections } from './connections.js'
import { LiveAnswer } from './live-answer.js'

const COUNTERS_EVERY = 1000

export class ConnectionStream implements CallerEvents {
  readonly #answer: LiveAnswer
  readonly #registry: Registry
  readonly #filter: ConnectionFilter
  readonly #now: () => number
  readonly #stopListening: () => void
  readonly #timer: NodeJS.Timeout
  readonly #onEnd: () => void
  /** What the reader has not been told, by link; `connected` is not undone by a later `changed`. */
  readonly #pending = new Map<Link, Change['kind']>()
  /** Counters as last told, to tell them only where they moved. */
  readonly #told = new Map<Link, string>()
  #id = 0

  constructor(
    caller: Caller,
    headers: readonly string[],
    registry: Registry,
    filter: ConnectionFilter,
    now: () => number,
    onEnd: () => void,
  ) {
    this.#registry = registry
    this.#filter = filter
    this.#now = now
    this.#onEnd = onEnd
    this.#answer = new LiveAnswer(caller, SERVER_SENT, headers)
    this.#event('snapshot', connections(registry, filter, now()))
    for (const link of registry.links) this.#told.set(link, counted(link))
    this.#stopListening = registry.listen((change) => this.#follow(change))
    this.#timer = setInterval(() => this.#counters(), COUNTERS_EVERY)
  }

  data(): void {}
  end(): void {}

  writable(): void {
    this.#answer.drained()
    this.#flush()
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
    this.#stopListening()
    clearInterval(this.#timer)
    this.#answer.stop()
    this.#onEnd()
  }

  #follow(change: Change): void {
    const { link, kind } = change
    if (!this.#filter(link)) return
    switch (kind) {
      case 'connected':
        this.#pending.set(link, 'connected')
        break
      case 'changed':
        if (!this.#pending.has(link)) this.#pending.set(link, 'changed')
        break
      case 'disconnected':
        this.#told.delete(link)
        // A link that came and went while the reader slept was never told.
        if (this.#pending.get(link) === 'connected') this.#pending.delete(link)
        else this.#pending.set(link, 'disconnected')
        break
      default:
        assertNever(kind)
    }
    this.#flush()
  }

  #counters(): void {
    for (const link of this.#registry.links) {
      if (this.#told.get(link) === counted(link) || !this.#filter(link)) continue
      if (!this.#pending.has(link)) this.#pending.set(link, 'changed')
    }
    this.#flush()
  }

  #flush(): void {
    for (const [link, kind] of this.#pending) {
      if (!this.#answer.writable) return
      this.#pending.delete(link)
      if (kind !== 'disconnected') this.#told.set(link, counted(link))
      this.#event(kind, connection(link, this.#now()))
    }
  }

  #event(event: string, data: unknown): void {
    this.#answer.write(serverSent(JSON.stringify(data), event, ++this.#id))
  }
}

const counted = ({ requests, errors, bytesIn, bytesOut, rtt, instance }: Link): string =>
  `${requests} ${errors} ${bytesIn} ${bytesOut} ${rtt} ${instance?.inflight}`
