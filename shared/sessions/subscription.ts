/**
 * One reader of a session's events: from a seq on, each once and in order, first from the store and then as they
 * come. A reader that does not keep up is no queue: it goes on from the store, by its cursor.
 */
import { MAX_UNREAD, PAGE_BYTES, PAGE_EVENTS } from './bounds.js'
import type { EventType, SessionEvent, StoredEvent } from './event.js'
import { parseEvent } from './event.js'
import { iso } from './session.js'

/** What a stream says: a recorded event, or `session_info`, whose `seq` is where the stream goes on from. */
export interface Item {
  readonly type: EventType
  readonly seq: number
  readonly runId: string | null
  /** A `SessionEvent`. */
  readonly json: string
}

/** `done`: the run that was asked for is over. `deleted`: the session is. `closed`: the engine is. `left`: by the reader. */
export type SubscriptionEnd = 'done' | 'deleted' | 'closed' | 'left'

export interface SubscriptionHost {
  readonly sessionId: string
  /** Of the oldest and the newest event in the store. */
  readonly firstSeq: number
  readonly storedSeq: number
  now(): number
  read(after: number, limit: number, bytes: number): StoredEvent[]
  left(subscription: Subscription): void
}

export class Subscription implements AsyncIterable<SessionEvent> {
  readonly #host: SubscriptionHost
  /** Only this run's events, until its `done`. */
  readonly #runId: string | undefined
  /** Of the last event that was read. */
  #cursor: number
  #unread: StoredEvent[] = []
  #bytes = 0
  #opened = false
  #end: SubscriptionEnd | undefined
  #wake: (() => void) | undefined

  constructor(host: SubscriptionHost, after: number, runId: string | undefined) {
    this.#host = host
    this.#cursor = after
    this.#runId = runId
  }

  /** Why nothing follows; undefined as long as something may. */
  get ended(): SubscriptionEnd | undefined {
    return this.#end
  }

  /**
   * The next items, at least one; undefined once it is over. Not to be called again before it has resolved. The
   * first is `session_info`; another follows only where events were dropped before they could be read.
   */
  async read(): Promise<readonly Item[] | undefined> {
    if (!this.#opened) {
      this.#opened = true
      const { firstSeq } = this.#host
      // What waits already was there when it came.
      const missed = this.#unread.length === 0 && this.#cursor + 1 < firstSeq
      if (missed) this.#cursor = firstSeq - 1
      return [this.#info(missed)]
    }
    for (;;) {
      const items = this.#take()
      if (items.length > 0) return items
      if (this.#end !== undefined) return undefined
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** As objects of the wire. */
  async *[Symbol.asyncIterator](): AsyncGenerator<SessionEvent, void, undefined> {
    try {
      for (let items = await this.read(); items !== undefined; items = await this.read())
        for (const item of items) yield parseEvent({ ...item, bytes: 0 })
    } finally {
      this.close()
    }
  }

  /** The reader leaves. Idempotent. */
  close(): void {
    this.over('left')
    this.#unread = []
  }

  // From the journal.

  stored(events: readonly StoredEvent[]): void {
    const at = this.#unread.at(-1)?.seq ?? this.#cursor
    // What is not taken here is found in the store.
    if (events[0]!.seq === at + 1 && this.#bytes < MAX_UNREAD) {
      for (const event of events) {
        this.#unread.push(event)
        this.#bytes += event.bytes
      }
    }
    this.#stir()
  }

  over(end: SubscriptionEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#host.left(this)
    this.#stir()
  }

  #take(): readonly Item[] {
    const items: Item[] = []
    while (items.length === 0) {
      const events = this.#next()
      if (events.length === 0) break
      const gap = events[0]!.seq > this.#cursor + 1
      this.#cursor = events[0]!.seq - 1
      if (gap) items.push(this.#info(true))
      for (const event of events) {
        this.#cursor = event.seq
        if (this.#runId !== undefined && event.runId !== this.#runId) continue
        items.push(event)
        if (this.#runId === undefined || event.type !== 'done') continue
        this.over('done')
        this.#unread = []
        break
      }
    }
    return items
  }

  #next(): readonly StoredEvent[] {
    if (this.#unread.length > 0) {
      const events = this.#unread
      this.#unread = []
      this.#bytes = 0
      return events
    }
    if (this.#end !== undefined || this.#cursor >= this.#host.storedSeq) return []
    return this.#host.read(this.#cursor, PAGE_EVENTS, PAGE_BYTES)
  }

  /** `missed`: events that this reader asked for were dropped. */
  #info(missed: boolean): Item {
    const { sessionId, firstSeq } = this.#host
    const data = { session_id: sessionId, ...(missed && { first_seq: firstSeq }) }
    const event: SessionEvent = {
      type: 'session_info',
      data,
      timestamp: iso(this.#host.now()),
      seq: this.#cursor,
    }
    return { type: 'session_info', seq: this.#cursor, runId: null, json: JSON.stringify(event) }
  }

  #stir(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
