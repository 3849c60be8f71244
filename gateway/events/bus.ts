import type { Logger } from '../../shared/log.js'
import { EVENT_TYPES, type EventType, type GatewayEvent, type Happening } from './event.js'
import { eventTypes, unknownEvent } from './pattern.js'

export type EventHandler = (event: GatewayEvent) => unknown

export interface BusParts {
  readonly log: Logger
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** What one turn of the loop may tell before events are dropped: a few megabytes, and far more than a gateway tells. */
const MOST_WAITING = 16_384

/**
 * Carries what happens from the rooms to those who listen. Handlers run in a later turn of the loop, in the order of
 * the events: the room that tells is never entered again by them, and never waits for them.
 */
export class EventBus {
  /** Events that were lost because too many came in one turn. */
  dropped = 0
  readonly #log: Logger
  readonly #now: () => number
  readonly #handlers = new Map<EventType, readonly EventHandler[]>(EVENT_TYPES.map((type) => [type, []]))
  #waiting: GatewayEvent[] = []
  #seq = 0

  constructor({ log, now = Date.now }: BusParts) {
    this.#log = log
    this.#now = now
  }

  /** Never blocks, never throws. `happening` must not change afterwards. */
  readonly tell = (happening: Happening): void => {
    this.#seq += 1
    // Under a flood of errors that nobody listens to, an event costs no more than this.
    if (this.#handlers.get(happening.type)!.length === 0) return
    if (this.#waiting.length >= MOST_WAITING) {
      this.dropped += 1
      return
    }
    if (this.#waiting.length === 0) setImmediate(() => this.flush())
    this.#waiting.push({
      ...happening,
      seq: this.#seq,
      timestamp: new Date(this.#now()).toISOString(),
    })
  }

  /**
   * Calls `handler` with each event that `pattern` names: an exact name, or a prefix with `*` (`session:*`). What it
   * throws or rejects with is logged.
   *
   * @returns ends it.
   * @throws RangeError where the pattern names nothing that happens.
   */
  on(pattern: string, handler: EventHandler): () => void {
    const types = eventTypes(pattern)
    if (types.length === 0) throw new RangeError(unknownEvent(pattern))
    // One listener may be given twice; each is ended by itself.
    const own: EventHandler = (event) => handler(event)
    for (const type of types) this.#handlers.set(type, [...this.#handlers.get(type)!, own])
    return () => {
      for (const type of types) {
        const others = this.#handlers.get(type)!.filter((other) => other !== own)
        this.#handlers.set(type, others)
      }
    }
  }

  /** Hands out now what waits; else the next turn does. */
  flush(): void {
    const events = this.#waiting
    this.#waiting = []
    for (const event of events)
      for (const handler of this.#handlers.get(event.type)!) void this.#hand(event, handler)
  }

  async #hand(event: GatewayEvent, handler: EventHandler): Promise<void> {
    try {
      await handler(event)
    } catch (error) {
      this.#log.error('a handler of events failed', { event: event.type, error })
    }
  }
}
