/** What the engine needs of a place that keeps sessions. */
import type { StoredEvent } from './event.js'
import type { NewSession, SessionRecord, SessionStatus } from './session.js'

/** What is written together with others. */
export type Write =
  /** A `done` ends its run in the same step: a crash finds either both or none. */
  | { readonly kind: 'event'; readonly record: SessionRecord; readonly event: StoredEvent }
  /** A run is accepted; its events come from `fromSeq` on. */
  | { readonly kind: 'run'; readonly record: SessionRecord; readonly run: StoredRun }

export interface StoredRun {
  readonly id: string
  readonly fromSeq: number
  readonly input: string
}

/** What was asked in a run that is over. */
export interface Turn {
  readonly run_id: string
  readonly user_input: string
}

export interface ListFilter {
  /** Undefined: everybody's. */
  readonly owner: string | undefined
  readonly userId: string | undefined
  readonly status: SessionStatus | undefined
  /** Rows below this one. */
  readonly before: number | undefined
  readonly limit: number
}

/** A session that a key has made. */
export interface KeptKey {
  readonly fingerprint: string
  readonly sessionId: string
}

export interface Retention {
  readonly maxEvents: number
  readonly maxBytes: number
}

export interface SessionStore {
  /** @returns the record, with its row. `key` is remembered in the same step. */
  insert(session: NewSession, key: ({ readonly name: string } & KeptKey) | undefined): SessionRecord
  get(id: string): SessionRecord | undefined
  /** Newest first. */
  list(filter: ListFilter): SessionRecord[]
  /** Metadata, directory, agent and activity. */
  save(record: SessionRecord): void
  /** It is gone at once; its events leave by `sweep`. */
  remove(record: SessionRecord): void
  /** Deletes some of what removed sessions left. @returns whether there is more. */
  sweep(): boolean
  key(owner: string, name: string): KeptKey | undefined
  /** Forgets keys made before `time`. */
  forgetKeys(time: number): void
  /** Sessions and stored bytes of one owner. */
  usage(owner: string): { readonly sessions: number; readonly bytes: number }
  /** Idle ones whose last activity is before `time`, at most `limit`. */
  idleSince(time: number, limit: number): SessionRecord[]
  /** All or nothing. Old events are dropped past `retention`; the records' `firstSeq` and `bytes` follow. */
  write(writes: readonly Write[], retention: Retention): void
  /** Events above `after`, in order: at most `limit`, and `bytes` together unless the first alone has more. */
  read(record: SessionRecord, after: number, limit: number, bytes: number): StoredEvent[]
  /** Turns whose events are kept, oldest first. */
  turns(record: SessionRecord): Turn[]
  /** Whether the run is over; undefined where the session has none of that id. */
  runDone(record: SessionRecord, runId: string): boolean | undefined
  /** Runs that are not over: after a start, those that a crash cut. */
  openRuns(): { readonly record: SessionRecord; readonly run: StoredRun }[]
  /** Where this process can be reached, for whoever finds the store taken. */
  announce(url: string): void
  close(): void
}
