/**
 * Sessions: what the gateway serves over HTTP and a program uses in its own process. Every operation is asked by a
 * principal and throws a `Problem`; another's session is one that is not there.
 */
import { join } from 'node:path'
import { Problem } from '../errors.js'
import { DEFAULT_LIMITS, MAX_EVENTS_PAGE, PAGE_BYTES, PAGE_EVENTS, type SessionLimits } from './bounds.js'
import { type Clock, systemClock } from './clock.js'
import { Creation } from './creation.js'
import { cursorOf, rowOf } from './cursor.js'
import { type EventsPage, type SessionsOptions, STORE_FILE, type Started } from './engine-types.js'
import { EventLog } from './event-log.js'
import { LiveSessions } from './live-sessions.js'
import { MemoryStore } from './memory-store.js'
import { Reaper } from './reaper.js'
import { recover } from './recovery.js'
import { Runs } from './runs.js'
import * as schemas from './schemas.js'
import {
  type SessionBody,
  type SessionHappening,
  type SessionPrincipal,
  type SessionRecord,
  sessionBody,
} from './session.js'
import { SqliteStore } from './sqlite-store.js'
import type { SessionStore } from './store.js'
import type { Subscription } from './subscription.js'

export class Sessions {
  readonly #store: SessionStore
  readonly #clock: Clock
  readonly #limits: SessionLimits
  readonly #tell: (happening: SessionHappening) => void
  readonly #log: EventLog
  readonly #live: LiveSessions
  readonly #creation: Creation
  readonly #runs: Runs
  readonly #reaper: Reaper
  #state: 'open' | 'draining' | 'closed' = 'open'

  /**
   * Runs that a crash cut are ended.
   * @throws Problem `conflict` where another process owns the directory, StoreError where no SQLite driver loads.
   */
  constructor({
    runner,
    dataDir,
    limits,
    tell = () => {},
    fault = () => {},
    clock = systemClock,
  }: SessionsOptions) {
    this.#clock = clock
    this.#tell = tell
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#store =
      dataDir === undefined
        ? new MemoryStore(() => clock.now())
        : new SqliteStore(join(dataDir, STORE_FILE), clock)
    const store = this.#store
    try {
      recover(store, clock, this.#limits)
    } catch (error) {
      store.close()
      throw error
    }
    this.#log = new EventLog(store, clock, this.#limits, {
      stored: (record, events) => this.#live.stored(record, events),
      failed: fault,
    })
    this.#live = new LiveSessions({ store, log: this.#log, clock })
    this.#creation = new Creation(store, clock, this.#limits)
    this.#runs = new Runs({
      runner,
      store,
      clock,
      log: this.#log,
      live: this.#live,
      limits: this.#limits,
      tell,
    })
    this.#reaper = new Reaper({
      store,
      clock,
      ttl: this.#limits.ttl,
      expire: (record) => this.#expire(record),
      failed: fault,
    })
  }

  /** Sessions with a run in flight. */
  get active(): number {
    return this.#live.running
  }

  /** Where this process listens, for whoever finds the store taken. */
  announce(url: string): void {
    this.#store.announce(url)
  }

  /** With a key that was used before, the session it made then. */
  create(who: SessionPrincipal, body: unknown, idempotencyKey?: string): SessionBody {
    this.#checkOpen()
    const { record, made } = this.#creation.create(who, body, idempotencyKey)
    if (made) this.#say('session:start', record)
    return this.#body(record)
  }

  /** `query`: `user_id`, `status`, `limit`, `cursor`. */
  list(who: SessionPrincipal, query: unknown): { sessions: SessionBody[]; next_cursor: string | null } {
    const { user_id, status, limit, cursor } = schemas.check(schemas.listQuery, query, 'query')
    this.#log.flush()
    const found = this.#store.list({
      owner: who.admin ? undefined : who.id,
      userId: user_id,
      status,
      before: cursor === undefined ? undefined : rowOf(cursor),
      limit: limit + 1,
    })
    const shown = found.slice(0, limit)
    const more = found.length > limit
    return {
      sessions: shown.map((record) => this.#body(record)),
      next_cursor: more ? cursorOf(shown.at(-1)!.row) : null,
    }
  }

  get(who: SessionPrincipal, id: string): SessionBody {
    return this.#body(this.#find(who, id))
  }

  patch(who: SessionPrincipal, id: string, body: unknown): SessionBody {
    const { metadata, workspace_dir } = schemas.check(schemas.patchBody, body, 'session')
    const record = this.#find(who, id)
    if (metadata !== undefined) record.metadata = metadata
    if (workspace_dir !== undefined) record.workspaceDir = workspace_dir
    record.lastActiveAt = this.#clock.now()
    this.#store.save(record)
    return this.#body(record)
  }

  /** Its runs are cancelled; its readers see that, and then the end. */
  delete(who: SessionPrincipal, id: string): void {
    this.#remove(this.#find(who, id), 'session:end')
  }

  /** Accepts a run: from here on it has its one `done`, whatever happens. */
  execute(who: SessionPrincipal, id: string, body: unknown): Started {
    const asked = schemas.check(schemas.executeBody, body, 'execute')
    const record = this.#find(who, id)
    this.#checkOpen()
    return this.#runs.accept(who, record, asked)
  }

  /** Nothing happens where the run is over already. */
  cancel(who: SessionPrincipal, id: string, runId: string): void {
    this.#runs.cancel(this.#find(who, id), runId)
  }

  input(who: SessionPrincipal, id: string, runId: string, data: unknown): void {
    const checked = schemas.check(schemas.inputData, data, 'input')
    this.#runs.input(this.#find(who, id), runId, checked)
  }

  /** Recorded events above `after`. */
  events(who: SessionPrincipal, id: string, query: unknown): EventsPage {
    const { after = 0, limit } = schemas.check(schemas.eventsQuery, query, 'query')
    const record = this.#find(who, id)
    this.#log.flush()
    const events = this.#store.read(record, after, Math.min(limit, MAX_EVENTS_PAGE), PAGE_EVENTS * PAGE_BYTES)
    return { events, firstSeq: record.firstSeq, lastSeq: record.lastSeq }
  }

  /** Follows the session's events: above `after`, else from now on; with `runId` only that run's, until its end. */
  subscribe(who: SessionPrincipal, id: string, from: { after?: number; runId?: string } = {}): Subscription {
    if (this.#state === 'closed') throw new Problem('draining', 'the sessions are closed')
    const live = this.#live.use(this.#find(who, id))
    try {
      return live.journal.subscribe(from.after, from.runId)
    } catch (error) {
      this.#live.release(live)
      throw error
    }
  }

  /** No new sessions and runs. Resolves once those in flight are over. */
  drain(): Promise<void> {
    if (this.#state === 'open') this.#state = 'draining'
    return this.#runs.idle()
  }

  /** Runs in flight fail as `interrupted`; everything is written, and the store is free. Idempotent. */
  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#reaper.stop()
    for (const { runs } of this.#live.all) for (const run of runs.backwards) run.end('failed', 'interrupted')
    this.#log.close()
    for (const { journal } of this.#live.all) journal.over('closed')
    this.#store.close()
  }

  #find(who: SessionPrincipal, id: string): SessionRecord {
    if (this.#state === 'closed') throw new Problem('draining', 'the sessions are closed')
    const record = this.#live.record(id)
    if (record === undefined || !(who.admin || record.owner === who.id))
      throw new Problem('not_found', 'Session not found')
    return record
  }

  #expire(record: SessionRecord): void {
    // The store is behind what is in use.
    const current = this.#live.record(record.id)
    if (current?.status !== 'idle' || current.lastActiveAt !== record.lastActiveAt) return
    this.#remove(current, 'session:timeout')
  }

  #remove(record: SessionRecord, type: 'session:end' | 'session:timeout'): void {
    const live = this.#live.use(record)
    for (const run of live.runs.backwards) run.end('cancelled')
    this.#log.flush()
    this.#store.remove(record)
    this.#live.delete(record.id)
    live.journal.over('deleted')
    this.#reaper.sweep()
    this.#say(type, record)
  }

  #checkOpen(): void {
    if (this.#state !== 'open') throw new Problem('draining', 'no sessions and runs are taken any more')
  }

  #body(record: SessionRecord): SessionBody {
    return sessionBody(record, this.#limits.ttl)
  }

  #say(type: SessionHappening['type'], { id, userId, tunnelId }: SessionRecord): void {
    this.#tell({ type, sessionId: id, userId, tunnelId: tunnelId ?? undefined })
  }
}
