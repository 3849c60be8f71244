/** Sessions of one process, gone with it: what a program has that names no directory, on any Node. */
import { MAX_KEYS } from './bounds.js'
import type { StoredEvent } from './event.js'
import type { NewSession, SessionRecord } from './session.js'
import type { KeptKey, ListFilter, Retention, SessionStore, StoredRun, Turn, Write } from './store.js'

interface Kept {
  readonly record: SessionRecord
  events: StoredEvent[]
  runs: (StoredRun & { done: boolean })[]
}

export class MemoryStore implements SessionStore {
  readonly #now: () => number
  readonly #sessions = new Map<string, Kept>()
  readonly #keys = new Map<string, KeptKey & { readonly at: number }>()
  #rows = 0

  constructor(now: () => number) {
    this.#now = now
  }

  insert(session: NewSession, key: ({ name: string } & KeptKey) | undefined): SessionRecord {
    const record = { ...session, row: ++this.#rows }
    this.#sessions.set(record.id, { record, events: [], runs: [] })
    if (key !== undefined) {
      const { name, fingerprint, sessionId } = key
      this.#keys.set(keyOf(session.owner, name), { fingerprint, sessionId, at: this.#now() })
      const [oldest] = this.#keys.keys()
      if (this.#keys.size > MAX_KEYS) this.#keys.delete(oldest!)
    }
    return record
  }

  get(id: string): SessionRecord | undefined {
    return this.#sessions.get(id)?.record
  }

  list({ owner, userId, status, before = Number.POSITIVE_INFINITY, limit }: ListFilter): SessionRecord[] {
    return [...this.#sessions.values()]
      .map(({ record }) => record)
      .reverse()
      .filter(
        (record) =>
          record.row < before &&
          (owner === undefined || record.owner === owner) &&
          (userId === undefined || record.userId === userId) &&
          (status === undefined || record.status === status),
      )
      .slice(0, limit)
  }

  /** The records are the store. */
  save(): void {}

  remove({ id }: SessionRecord): void {
    this.#sessions.delete(id)
  }

  sweep(): boolean {
    return false
  }

  key(owner: string, name: string): KeptKey | undefined {
    return this.#keys.get(keyOf(owner, name))
  }

  forgetKeys(time: number): void {
    for (const [key, { at }] of this.#keys) {
      if (at >= time) return
      this.#keys.delete(key)
    }
  }

  usage(owner: string): { sessions: number; bytes: number } {
    const sum = { sessions: 0, bytes: 0 }
    for (const { record } of this.#sessions.values()) {
      if (record.owner !== owner) continue
      sum.sessions++
      sum.bytes += record.bytes
    }
    return sum
  }

  idleSince(time: number, limit: number): SessionRecord[] {
    return [...this.#sessions.values()]
      .map(({ record }) => record)
      .filter(({ status, lastActiveAt }) => status === 'idle' && lastActiveAt < time)
      .slice(0, limit)
  }

  write(writes: readonly Write[], retention: Retention): void {
    const touched = new Set<Kept>()
    for (const write of writes) {
      const kept = this.#sessions.get(write.record.id)
      if (kept === undefined) continue
      touched.add(kept)
      switch (write.kind) {
        case 'event':
          kept.events.push(write.event)
          kept.record.bytes += write.event.bytes
          if (write.event.type === 'done')
            for (const run of kept.runs) if (run.id === write.event.runId) run.done = true
          break
        case 'run':
          kept.runs.push({ ...write.run, done: false })
          kept.record.bytes += Buffer.byteLength(write.run.input)
          break
      }
    }
    for (const kept of touched) trim(kept, retention)
  }

  read(record: SessionRecord, after: number, limit: number, bytes: number): StoredEvent[] {
    const { events } = this.#sessions.get(record.id) ?? { events: [] }
    const page: StoredEvent[] = []
    let sum = 0
    for (let at = Math.max(0, after + 1 - record.firstSeq); at < events.length && page.length < limit; at++) {
      const event = events[at]!
      sum += event.bytes
      if (page.length > 0 && sum > bytes) break
      page.push(event)
    }
    return page
  }

  turns({ id }: SessionRecord): Turn[] {
    const runs = this.#sessions.get(id)?.runs ?? []
    return runs.filter(({ done }) => done).map((run) => ({ run_id: run.id, user_input: run.input }))
  }

  runDone({ id }: SessionRecord, runId: string): boolean | undefined {
    return this.#sessions.get(id)?.runs.find((run) => run.id === runId)?.done
  }

  openRuns(): [] {
    return []
  }

  announce(): void {}

  close(): void {
    this.#sessions.clear()
  }
}

const keyOf = (owner: string, name: string): string => JSON.stringify([owner, name])

/** Of a history that is too long a tenth goes at once, as in `sqlite-store.ts`. */
function trim(kept: Kept, { maxEvents, maxBytes }: Retention): void {
  const { record, events } = kept
  let gone = 0
  const over = (): boolean =>
    (maxEvents > 0 && events.length - gone > maxEvents) || (maxBytes > 0 && record.bytes > maxBytes)
  while (over() && gone < events.length - 1) {
    const count = Math.max(1, Math.ceil((events.length - gone) * 0.1))
    for (let i = 0; i < count && gone < events.length - 1; i++) record.bytes -= events[gone++]!.bytes
    record.firstSeq = events[gone]!.seq
    const next = Math.max(0, ...kept.runs.map((run) => (run.fromSeq <= record.firstSeq ? run.fromSeq : 0)))
    for (const run of kept.runs)
      if (run.done && run.fromSeq < next) record.bytes -= Buffer.byteLength(run.input)
    kept.runs = kept.runs.filter((run) => !run.done || run.fromSeq >= next)
  }
  if (gone > 0) kept.events = events.slice(gone)
}
