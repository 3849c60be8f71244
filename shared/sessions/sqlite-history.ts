/** The events in `sessions.db`: written in batches, read by page, and dropped where a history gets too long. */
import type { Database, Statement } from '../store/database.js'
import type { StoredEvent } from './event.js'
import type { SessionRecord } from './session.js'
import { eventOf } from './sqlite-rows.js'
import type { Statements } from './statements.js'
import type { Retention, Write } from './store.js'

/** Of a history that is too long this share goes at once, so that it is not cut at every event. */
const DROPPED_SHARE = 0.1

interface Kept {
  readonly record: SessionRecord
  readonly firstSeq: number
  readonly bytes: number
}

export class SqliteHistory {
  readonly #database: Database
  readonly #statements: Statements

  constructor(database: Database, statements: Statements) {
    this.#database = database
    this.#statements = statements
  }

  /** As `SessionStore.write`. */
  write(writes: readonly Write[], retention: Retention): void {
    const kept = this.#database.transaction(() => {
      const added = new Map<SessionRecord, { bytes: number; seq: number }>()
      for (const write of writes) {
        const { record } = write
        const sum = added.get(record) ?? { bytes: 0, seq: 0 }
        added.set(record, sum)
        sum.bytes += this.#write(write)
        if (write.kind === 'event') sum.seq = write.event.seq
      }
      return [...added].map(([record, { bytes, seq }]) => this.#advance(record, bytes, seq, retention))
    })
    // Only now: what was rolled back did not happen.
    for (const { record, firstSeq, bytes } of kept) Object.assign(record, { firstSeq, bytes })
  }

  /** As `SessionStore.read`. */
  read(record: SessionRecord, after: number, limit: number, bytes: number): StoredEvent[] {
    const from = 'FROM event WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?'
    // By its sizes first, so that a page of large events is not read to be thrown away.
    let sum = 0
    let fit = 0
    for (const row of this.#sql(`SELECT bytes ${from}`).all(record.row, after, limit)) {
      sum += Number(row.bytes)
      if (fit > 0 && sum > bytes) break
      fit++
    }
    return fit === 0 ? [] : this.#sql(`SELECT * ${from}`).all(record.row, after, fit).map(eventOf)
  }

  /** @returns bytes added to the session. */
  #write(write: Write): number {
    const { row } = write.record
    switch (write.kind) {
      case 'event': {
        const { seq, runId, type, json, bytes } = write.event
        this.#sql('INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)').run(row, seq, runId, type, json, bytes)
        if (type === 'done') this.#sql('UPDATE run SET done = 1 WHERE id = ?').run(runId)
        return bytes
      }
      case 'run': {
        const { id, fromSeq, input } = write.run
        this.#sql('INSERT INTO run VALUES (?, ?, ?, ?, 0)').run(id, row, fromSeq, input)
        return Buffer.byteLength(input)
      }
    }
  }

  /** Drops what is too old, and saves what the session came to. */
  #advance(record: SessionRecord, added: number, seq: number, { maxEvents, maxBytes }: Retention): Kept {
    const last =
      seq || Number(this.#sql('SELECT last_seq FROM session WHERE row = ?').get(record.row)?.last_seq)
    let { firstSeq, bytes } = record
    bytes += added
    const over = (): boolean =>
      (maxEvents > 0 && last - firstSeq >= maxEvents) || (maxBytes > 0 && bytes > maxBytes)
    while (over() && firstSeq < last) {
      const count = Math.max(1, Math.ceil((last - firstSeq + 1) * DROPPED_SHARE))
      firstSeq = Math.min(last, firstSeq + count)
      bytes -= this.#drop(record.row, firstSeq)
    }
    this.#sql(
      'UPDATE session SET status = ?, tunnel_id = ?, last_active_at = ?, first_seq = ?, last_seq = ?, bytes = ? WHERE row = ?',
    ).run(record.status, record.tunnelId, record.lastActiveAt, firstSeq, last, bytes, record.row)
    return { record, firstSeq, bytes }
  }

  /** Events below `first`, and the turns whose every event is among them. @returns their bytes. */
  #drop(row: number, first: number): number {
    const events = this.#sql('SELECT sum(bytes) AS bytes FROM event WHERE session = ? AND seq < ?').get(
      row,
      first,
    )
    this.#sql('DELETE FROM event WHERE session = ? AND seq < ?').run(row, first)
    // A turn ends where the next begins.
    const next = this.#sql('SELECT max(from_seq) AS seq FROM run WHERE session = ? AND from_seq <= ?').get(
      row,
      first,
    )
    const old = 'session = ? AND done = 1 AND from_seq < ?'
    const seq = next?.seq ?? 0
    const inputs = this.#sql(`SELECT sum(length(CAST(input AS BLOB))) AS bytes FROM run WHERE ${old}`).get(
      row,
      seq,
    )
    this.#sql(`DELETE FROM run WHERE ${old}`).run(row, seq)
    return Number(events?.bytes ?? 0) + Number(inputs?.bytes ?? 0)
  }

  #sql(text: string): Statement {
    return this.#statements.get(text)
  }
}
