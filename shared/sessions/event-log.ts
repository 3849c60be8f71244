/**
 * What is written to the store, in batches: a transaction every 20 ms at the most, the first of them at once. An
 * event is told to its readers once its transaction is done, so that nobody has seen what a crash takes back.
 */
import { MAX_BATCH, MAX_PENDING, MAX_PENDING_BYTES, RETRY_INTERVAL, WRITE_INTERVAL } from './bounds.js'
import type { Clock } from './clock.js'
import type { StoredEvent } from './event.js'
import type { SessionRecord } from './session.js'
import type { Retention, SessionStore, Write } from './store.js'

export interface EventLogOwner {
  /** These are in the store now, in order. Must not throw. */
  stored(record: SessionRecord, events: readonly StoredEvent[]): void
  /** A transaction failed; it is tried again. */
  failed(error: unknown): void
}

type State =
  | { readonly kind: 'idle' }
  /** The next transaction is due. */
  | { readonly kind: 'armed'; readonly hurried: boolean; readonly disarm: () => void }
  | { readonly kind: 'closed' }

const IDLE: State = { kind: 'idle' }

export class EventLog {
  readonly #store: SessionStore
  readonly #clock: Clock
  readonly #retention: Retention
  readonly #owner: EventLogOwner
  #pending: Write[] = []
  #bytes = 0
  #state: State = IDLE
  #wroteAt = 0
  #failing = false
  #room: { readonly promise: Promise<void>; readonly open: () => void } | undefined

  constructor(store: SessionStore, clock: Clock, retention: Retention, owner: EventLogOwner) {
    this.#store = store
    this.#clock = clock
    this.#retention = retention
    this.#owner = owner
  }

  /** The last transaction failed: what waits is kept in memory alone. */
  get failing(): boolean {
    return this.#failing
  }

  push(write: Write): void {
    if (this.#state.kind === 'closed') return
    this.#pending.push(write)
    if (write.kind === 'event') this.#bytes += write.event.bytes
    else if (write.kind === 'run') this.#bytes += write.run.input.length
    this.#arm()
  }

  /**
   * Undefined where there is room for more; else resolves when there is. Whoever waits for it cannot fill the
   * memory, nor keep the loop for itself.
   */
  room(): Promise<void> | undefined {
    if (!this.#full || this.#state.kind === 'closed') return undefined
    if (this.#room === undefined) {
      let open = (): void => {}
      const promise = new Promise<void>((resolve) => (open = resolve))
      this.#room = { promise, open }
    }
    return this.#room.promise
  }

  /** Writes what is pending, now. */
  flush(): void {
    while (this.#pending.length > 0 && this.#write());
  }

  /** Writes the rest; nothing is taken from now on. */
  close(): void {
    this.flush()
    if (this.#state.kind === 'armed') this.#state.disarm()
    this.#state = { kind: 'closed' }
    this.#pending = []
    this.#room?.open()
  }

  get #full(): boolean {
    return this.#pending.length >= MAX_PENDING || this.#bytes >= MAX_PENDING_BYTES
  }

  #arm(): void {
    const state = this.#state
    if (state.kind === 'closed') return
    const hurried = this.#full && !this.#failing
    if (state.kind === 'armed') {
      if (state.hurried || !hurried) return
      state.disarm()
    }
    const since = this.#clock.now() - this.#wroteAt
    const pause = this.#failing ? RETRY_INTERVAL : hurried ? 0 : Math.max(0, WRITE_INTERVAL - since)
    const disarm = this.#clock.after(pause, () => {
      this.#state = IDLE
      this.#write()
      if (this.#pending.length > 0) this.#arm()
    })
    this.#state = { kind: 'armed', hurried, disarm }
  }

  /** One transaction. @returns whether it was done. */
  #write(): boolean {
    const batch = this.#pending.length <= MAX_BATCH ? this.#pending : this.#pending.slice(0, MAX_BATCH)
    try {
      this.#store.write(batch, this.#retention)
    } catch (error) {
      this.#failing = true
      this.#owner.failed(error)
      return false
    }
    this.#failing = false
    this.#wroteAt = this.#clock.now()
    this.#pending = batch === this.#pending ? [] : this.#pending.slice(MAX_BATCH)
    if (this.#pending.length === 0) this.#bytes = 0
    if (!this.#full) {
      this.#room?.open()
      this.#room = undefined
    }
    this.#tell(batch)
    return true
  }

  #tell(batch: readonly Write[]): void {
    const told = new Map<SessionRecord, StoredEvent[]>()
    for (const write of batch) {
      if (write.kind !== 'event') continue
      const events = told.get(write.record)
      if (events === undefined) told.set(write.record, [write.event])
      else events.push(write.event)
    }
    for (const [record, events] of told) this.#owner.stored(record, events)
  }
}
