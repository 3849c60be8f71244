/** The sessions that are in use: whose runs are in flight, or whose events somebody reads. The others lie in the store. */
import type { Clock } from './clock.js'
import type { StoredEvent } from './event.js'
import type { EventLog } from './event-log.js'
import { Journal } from './journal.js'
import { RunQueue } from './run-queue.js'
import type { SessionRecord } from './session.js'
import type { SessionStore } from './store.js'

/** While it is in use, `record` is the truth, ahead of the store by what is pending. */
export interface Live {
  readonly record: SessionRecord
  readonly journal: Journal
  readonly runs: RunQueue
}

export interface LiveParts {
  readonly store: SessionStore
  readonly log: EventLog
  readonly clock: Clock
}

export class LiveSessions {
  readonly #parts: LiveParts
  readonly #live = new Map<string, Live>()

  constructor(parts: LiveParts) {
    this.#parts = parts
  }

  get all(): Live[] {
    return [...this.#live.values()]
  }

  /** Those with a run in flight. */
  get running(): number {
    let count = 0
    for (const { runs } of this.#live.values()) if (runs.size > 0) count++
    return count
  }

  /** As it stands now, without taking it into use. */
  record(id: string): SessionRecord | undefined {
    return this.#live.get(id)?.record ?? this.#parts.store.get(id)
  }

  /** Takes it into use; `release` it where nothing came of that. */
  use(record: SessionRecord): Live {
    const known = this.#live.get(record.id)
    if (known !== undefined) return known
    const { store, log, clock } = this.#parts
    const idle = (): void => this.release(live)
    const live: Live = {
      record,
      journal: new Journal(record, { store, log, clock, idle }),
      runs: new RunQueue(),
    }
    this.#live.set(record.id, live)
    return live
  }

  release(live: Live): void {
    if (live.runs.size === 0 && !live.journal.busy) this.#live.delete(live.record.id)
  }

  delete(id: string): void {
    this.#live.delete(id)
  }

  stored(record: SessionRecord, events: readonly StoredEvent[]): void {
    this.#live.get(record.id)?.journal.stored(events)
  }
}
