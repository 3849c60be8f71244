/** One session that is in use: where its events get their numbers, and who reads them. */
import { Problem } from '../errors.js'
import type { Clock } from './clock.js'
import { type RecordedType, type StoredEvent, storedEvent } from './event.js'
import type { EventLog } from './event-log.js'
import type { SessionRecord } from './session.js'
import type { SessionStore } from './store.js'
import { Subscription, type SubscriptionEnd, type SubscriptionHost } from './subscription.js'

export interface JournalParts {
  readonly store: SessionStore
  readonly log: EventLog
  readonly clock: Clock
  /** Nobody reads, and nothing is on its way to the store. */
  idle(journal: Journal): void
}

export class Journal implements SubscriptionHost {
  readonly record: SessionRecord
  /** Of the newest event in the store. */
  storedSeq: number
  readonly #parts: JournalParts
  readonly #readers = new Set<Subscription>()

  constructor(record: SessionRecord, parts: JournalParts) {
    this.record = record
    this.storedSeq = record.lastSeq
    this.#parts = parts
  }

  get sessionId(): string {
    return this.record.id
  }

  get firstSeq(): number {
    return this.record.firstSeq
  }

  /** Somebody reads, or events are on their way. */
  get busy(): boolean {
    return this.#readers.size > 0 || this.storedSeq < this.record.lastSeq
  }

  /** Numbers and stamps an event, and records it with the next transaction. */
  append(type: RecordedType, data: unknown, runId: string | null): void {
    const { clock, log } = this.#parts
    const seq = ++this.record.lastSeq
    log.push({
      kind: 'event',
      record: this.record,
      event: storedEvent(type, data, { at: clock.now(), seq, runId }),
    })
  }

  /** `after` undefined: from now on. @throws Problem `bad_request` where `after` is past the last event. */
  subscribe(after: number | undefined, runId?: string): Subscription {
    const { lastSeq } = this.record
    if (after !== undefined && after > lastSeq)
      throw new Problem('bad_request', `after ${after} is past the last event, which is ${lastSeq}`)
    const reader = new Subscription(this, after ?? this.storedSeq, runId)
    this.#readers.add(reader)
    return reader
  }

  stored(events: readonly StoredEvent[]): void {
    this.storedSeq = events.at(-1)!.seq
    for (const reader of this.#readers) reader.stored(events)
    if (!this.busy) this.#parts.idle(this)
  }

  /** No reader is told anything any more. */
  over(end: SubscriptionEnd): void {
    for (const reader of this.#readers) reader.over(end)
  }

  // From readers.

  now(): number {
    return this.#parts.clock.now()
  }

  read(after: number, limit: number, bytes: number): StoredEvent[] {
    return this.#parts.store.read(this.record, after, limit, bytes)
  }

  left(reader: Subscription): void {
    this.#readers.delete(reader)
    if (!this.busy) this.#parts.idle(this)
  }
}
