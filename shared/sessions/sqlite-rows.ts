/** Rows of `sessions.db` ⇄ what they stand for. */
import type { Row, SqlValue } from '../store/database.js'
import type { EventType, StoredEvent } from './event.js'
import type { NewSession, SessionRecord, SessionStatus } from './session.js'
import type { ListFilter } from './store.js'

const COLUMNS =
  'id, owner, user_id, agent, created_at, workspace_dir, metadata, status, tunnel_id, last_active_at, first_seq, last_seq, bytes'

export const INSERT_SESSION = `INSERT INTO session (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING row`

/** In the order of `INSERT_SESSION`. */
export function sessionValues(session: NewSession): SqlValue[] {
  return [
    session.id,
    session.owner,
    session.userId,
    session.agent === null ? null : JSON.stringify(session.agent),
    session.createdAt,
    session.workspaceDir,
    JSON.stringify(session.metadata),
    session.status,
    session.tunnelId,
    session.lastActiveAt,
    session.firstSeq,
    session.lastSeq,
    session.bytes,
  ]
}

export function recordOf(row: Row): SessionRecord {
  return {
    row: Number(row.row),
    id: String(row.id),
    owner: String(row.owner),
    userId: String(row.user_id),
    agent: row.agent === null ? null : JSON.parse(String(row.agent)),
    createdAt: Number(row.created_at),
    workspaceDir: row.workspace_dir as string | null,
    metadata: JSON.parse(String(row.metadata)),
    status: row.status as SessionStatus,
    tunnelId: row.tunnel_id as string | null,
    lastActiveAt: Number(row.last_active_at),
    firstSeq: Number(row.first_seq),
    lastSeq: Number(row.last_seq),
    bytes: Number(row.bytes),
  }
}

export function eventOf(row: Row): StoredEvent {
  return {
    seq: Number(row.seq),
    type: row.type as EventType,
    runId: row.run_id as string | null,
    json: String(row.json),
    bytes: Number(row.bytes),
  }
}

/** The query of a list, and its values. */
export function listSql({ owner, userId, status, before, limit }: ListFilter): [string, SqlValue[]] {
  const conditions: string[] = []
  const values: SqlValue[] = []
  const where = (condition: string, value: SqlValue | undefined): void => {
    if (value === undefined) return
    conditions.push(condition)
    values.push(value)
  }
  where('owner = ?', owner)
  where('user_id = ?', userId)
  where('status = ?', status)
  where('row < ?', before)
  const clause = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  return [`SELECT * FROM session ${clause} ORDER BY row DESC LIMIT ?`, [...values, limit]]
}
