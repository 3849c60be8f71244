/**
 * `GET /connections` as an event stream: first the whole, then each change. Counters come as `changed` at most
 * once a second. A reader that does not keep up gets the latest state of each link once it reads again, so that
 * what waits for it is bounded by the number of links.
 */
import { assertNever } from '../../shared/errors.js'
import type { Link } from '../agents/link.js'
import type { Change, Registry } from '../agents/registry.js'
import type { Caller, CallerEvents } from '../edge/engine.js'
import { type ConnectionFilter, connection, connections } from './connections.js'

const COUNTERS_EVERY = 1000
const COMMENT_EVERY = 15_000

export class ConnectionStream implements CallerEvents {
  readonly #caller: Caller
  readonly #registry: Registry
  readonly #filter: ConnectionFilter
  readonly #now: () => number
  readonly #stopListening: () => void
  readonly #timers: NodeJS.Timeout[]
  readonly #onEnd: () => void
  /** What the reader has not been told, by link; `connected` is not undone by a later `changed`. */
  readonly #pending = new Map<Link, Change['kind']>()
  /** Counters as last told, to tell them only where they moved. */
  readonly #told = new Map<Link, string>()
  #id = 0
  #writable = true

  constructor(
    caller: Caller,
    headers: readonly string[],
    registry: Registry,
    filter: ConnectionFilter,
    now: () => number,
    onEnd: () => void,
  ) {
    this.#caller = caller
    this.#registry = registry
    this.#filter = filter
    this.#now = now
    this.#onEnd = onEnd
    caller.start({
      status: 200,
      headers: ['content-type', 'text/event-stream', 'cache-control', 'no-store', ...headers],
    })
    this.#event('snapshot', connections(registry, filter, now()))
    for (const link of registry.links) this.#told.set(link, counted(link))
    this.#stopListening = registry.listen((change) => this.#follow(change))
    this.#timers = [
      setInterval(() => this.#counters(), COUNTERS_EVERY),
      setInterval(() => this.#comment(), COMMENT_EVERY),
    ]
  }

  data(): void {}
  end(): void {}

  writable(): void {
    this.#writable = true
    this.#flush()
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

  /** A proxy on the way may drop a connection that says nothing. */
  #comment(): void {
    if (this.#writable) this.#write(': still here\n\n')
  }

  #flush(): void {
    for (const [link, kind] of this.#pending) {
      if (!this.#writable) return
      this.#pending.delete(link)
      if (kind !== 'disconnected') this.#told.set(link, counted(link))
      this.#event(kind, connection(link, this.#now()))
    }
  }

  #event(event: string, data: unknown): void {
    this.#write(`event: ${event}\nid: ${++this.#id}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  #write(text: string): void {
    if (!this.#caller.write(Buffer.from(text))) this.#writable = false
  }
}

const counted = ({ requests, errors, bytesIn, bytesOut, rtt, instance }: Link): string =>
  `${requests} ${errors} ${bytesIn} ${bytesOut} ${rtt} ${instance?.inflight}`
