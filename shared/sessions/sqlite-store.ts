/** Sessions in `sessions.db`. Every call blocks the loop for what it does: events come in batches, see `event-log.ts`. */
import { type Database, openDatabase, type Statement } from '../store/database.js'
import { MAX_KEYS, SWEEP_EVENTS } from './bounds.js'
import type { Clock } from './clock.js'
import type { StoredEvent } from './event.js'
import { claimStore, type Owner } from './owner.js'
import type { NewSession, SessionRecord } from './session.js'
import { SqliteHistory } from './sqlite-history.js'
import { INSERT_SESSION, listSql, recordOf, sessionValues } from './sqlite-rows.js'
import { MIGRATIONS } from './sqlite-tables.js'
import { Statements } from './statements.js'
import type { KeptKey, ListFilter, Retention, SessionStore, StoredRun, Turn, Write } from './store.js'

export class SqliteStore implements SessionStore {
  readonly #database: Database
  readonly #clock: Clock
  readonly #owner: Owner
  readonly #statements: Statements
  readonly #history: SqliteHistory

  /** @throws StoreError, or Problem `conflict` where another process owns the file. */
  constructor(path: string, clock: Clock) {
    this.#clock = clock
    this.#database = openDatabase({ path, migrations: MIGRATIONS })
    this.#statements = new Statements(this.#database)
    this.#history = new SqliteHistory(this.#database, this.#statements)
    try {
      this.#owner = claimStore(this.#database, clock)
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  insert(session: NewSession, key: ({ name: string } & KeptKey) | undefined): SessionRecord {
    return this.#database.transaction(() => {
      const { row } = this.#sql(INSERT_SESSION).get(...sessionValues(session))!
      if (key !== undefined) this.#remember(session.owner, key)
      return { ...session, row: Number(row) }
    })
  }

  get(id: string): SessionRecord | undefined {
    const row = this.#sql('SELECT * FROM session WHERE id = ?').get(id)
    return row === undefined ? undefined : recordOf(row)
  }

  list(filter: ListFilter): SessionRecord[] {
    const [sql, values] = listSql(filter)
    return this.#sql(sql)
      .all(...values)
      .map(recordOf)
  }

  save(record: SessionRecord): void {
    this.#sql(
      'UPDATE session SET workspace_dir = ?, metadata = ?, status = ?, tunnel_id = ?, last_active_at = ? WHERE row = ?',
    ).run(
      record.workspaceDir,
      JSON.stringify(record.metadata),
      record.status,
      record.tunnelId,
      record.lastActiveAt,
      record.row,
    )
  }

  remove({ row }: SessionRecord): void {
    this.#database.transaction(() => {
      this.#sql('DELETE FROM session WHERE row = ?').run(row)
      this.#sql('DELETE FROM run WHERE session = ?').run(row)
      this.#sql('INSERT OR IGNORE INTO garbage VALUES (?)').run(row)
    })
  }

  sweep(): boolean {
    const left = this.#sql('SELECT session FROM garbage LIMIT 1').get()
    if (left === undefined) return false
    const gone = this.#sql(
      'DELETE FROM event WHERE session = ? AND seq IN (SELECT seq FROM event WHERE session = ? LIMIT ?)',
    ).run(left.session!, left.session!, SWEEP_EVENTS)
    if (gone < SWEEP_EVENTS) this.#sql('DELETE FROM garbage WHERE session = ?').run(left.session!)
    return true
  }

  key(owner: string, name: string): KeptKey | undefined {
    const row = this.#sql('SELECT * FROM key WHERE owner = ? AND name = ?').get(owner, name)
    return row && { fingerprint: String(row.fingerprint), sessionId: String(row.session) }
  }

  forgetKeys(time: number): void {
    this.#sql('DELETE FROM key WHERE at < ?').run(time)
  }

  usage(owner: string): { sessions: number; bytes: number } {
    const row = this.#sql(
      'SELECT count(*) AS sessions, sum(bytes) AS bytes FROM session WHERE owner = ?',
    ).get(owner)
    return { sessions: Number(row?.sessions), bytes: Number(row?.bytes ?? 0) }
  }

  idleSince(time: number, limit: number): SessionRecord[] {
    return this.#sql(`SELECT * FROM session WHERE last_active_at < ? AND status = 'idle' LIMIT ?`)
      .all(time, limit)
      .map(recordOf)
  }

  write(writes: readonly Write[], retention: Retention): void {
    this.#history.write(writes, retention)
  }

  read(record: SessionRecord, after: number, limit: number, bytes: number): StoredEvent[] {
    return this.#history.read(record, after, limit, bytes)
  }

  turns({ row }: SessionRecord): Turn[] {
    return this.#sql('SELECT id, input FROM run WHERE session = ? AND done = 1 ORDER BY from_seq')
      .all(row)
      .map(({ id, input }) => ({ run_id: String(id), user_input: String(input) }))
  }

  runDone({ row }: SessionRecord, runId: string): boolean | undefined {
    const run = this.#sql('SELECT done FROM run WHERE id = ? AND session = ?').get(runId, row)
    return run && run.done === 1
  }

  openRuns(): { record: SessionRecord; run: StoredRun }[] {
    const open = this.#sql(
      'SELECT session.*, run.id AS run, run.from_seq, run.input FROM run JOIN session ON session.row = run.session WHERE done = 0 ORDER BY run.session, run.from_seq',
    )
    return open.all().map((row) => ({
      record: recordOf(row),
      run: { id: String(row.run), fromSeq: Number(row.from_seq), input: String(row.input) },
    }))
  }

  announce(url: string): void {
    this.#owner.announce(url)
  }

  close(): void {
    this.#owner.release()
    this.#database.close()
  }

  #remember(owner: string, { name, fingerprint, sessionId }: { name: string } & KeptKey): void {
    this.#sql('INSERT OR REPLACE INTO key VALUES (?, ?, ?, ?, ?)').run(
      owner,
      name,
      fingerprint,
      sessionId,
      this.#clock.now(),
    )
    const { count } = this.#sql('SELECT count(*) AS count FROM key WHERE owner = ?').get(owner)!
    if (Number(count) > MAX_KEYS)
      this.#sql(
        'DELETE FROM key WHERE owner = ? AND name IN (SELECT name FROM key WHERE owner = ? ORDER BY at LIMIT ?)',
      ).run(owner, owner, Number(count) - MAX_KEYS)
  }

  #sql(text: string): Statement {
    return this.#statements.get(text)
  }
}
