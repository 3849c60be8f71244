/** A session: as the engine keeps it, and as it stands on the wire. */
import { randomBytes } from 'node:crypto'

/** Who asks. Sessions belong to `id`; an administrator sees everybody's. */
export interface SessionPrincipal {
  readonly id: string
  readonly admin: boolean
  /** Patterns of the tunnels that its runs may go to; undefined: all. */
  readonly tunnels?: readonly string[] | undefined
}

/** `running`: a run is in flight. */
export type SessionStatus = 'idle' | 'running'

/** Which agents may serve a session. */
export interface AgentSelector {
  readonly tunnel_id?: string | undefined
  readonly purpose?: string | undefined
  readonly name?: string | undefined
  /** `key=value`. */
  readonly labels?: readonly string[] | undefined
  readonly policy?: string | undefined
}

/** One object a session while it is in use; times in milliseconds since the epoch. */
export interface SessionRecord {
  /** The store's own key; grows with each session. */
  readonly row: number
  readonly id: string
  /** Id of the principal that made it. */
  readonly owner: string
  readonly userId: string
  readonly agent: AgentSelector | null
  readonly createdAt: number
  workspaceDir: string | null
  metadata: Readonly<Record<string, unknown>>
  status: SessionStatus
  /** The agent that serves it, from its first run on. */
  tunnelId: string | null
  lastActiveAt: number
  /** Of the oldest event that is kept; above 1 once history was dropped. */
  firstSeq: number
  /** Of the newest event, which may still be on its way to the store. */
  lastSeq: number
  /** Bytes of the events and inputs that are kept. */
  bytes: number
}

/** What the store needs to make one. */
export type NewSession = Omit<SessionRecord, 'row'>

/** A session on the wire. */
export interface SessionBody {
  readonly session_id: string
  readonly user_id: string
  readonly workspace_dir: string | null
  readonly created_at: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly status: SessionStatus
  readonly tunnel_id: string | null
  readonly last_active_at: string
  /** When it ends if nothing runs until then. */
  readonly expires_at: string | null
  /** Seq of the oldest event kept; only where older ones were dropped. */
  readonly first_seq?: number
}

/** `ttl` in milliseconds; 0: sessions do not end by themselves. */
export function sessionBody(record: SessionRecord, ttl: number): SessionBody {
  const expires = ttl > 0 && record.status === 'idle' ? iso(record.lastActiveAt + ttl) : null
  return {
    session_id: record.id,
    user_id: record.userId,
    workspace_dir: record.workspaceDir,
    created_at: iso(record.createdAt),
    metadata: record.metadata,
    status: record.status,
    tunnel_id: record.tunnelId,
    last_active_at: iso(record.lastActiveAt),
    expires_at: expires,
    ...(record.firstSeq > 1 && { first_seq: record.firstSeq }),
  }
}

export const newSessionId = (): string => `sess_${randomBytes(10).toString('hex')}`
export const newRunId = (): string => `run_${randomBytes(10).toString('hex')}`

export const iso = (ms: number): string => new Date(ms).toISOString()

/** What happens to sessions, as hooks and the dashboard hear of it. */
export interface SessionHappening {
  readonly type:
    | 'session:start'
    | 'session:end'
    | 'session:timeout'
    | 'message:received'
    | 'message:sent'
    | 'message:cancelled'
    | 'tool:start'
    | 'tool:end'
    | 'tool:error'
    | 'request:error'
  readonly sessionId: string
  readonly userId: string
  readonly tunnelId: string | undefined
  readonly data?: Readonly<Record<string, unknown>>
}
