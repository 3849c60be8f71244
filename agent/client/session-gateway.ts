/** What a program does with sessions, wherever they are kept. */
import type { SessionEvent } from '../../shared/sessions/event.js'
import type { SessionStatus } from '../../shared/sessions/session.js'

export interface Session {
  readonly sessionId: string
  readonly userId: string
  readonly workspaceDir: string | null
  /** ISO 8601, UTC; as all times. */
  readonly createdAt: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** `running`: a run is in flight. */
  readonly status: SessionStatus
  /** The agent that serves it, from its first run on. */
  readonly tunnelId: string | null
  readonly lastActiveAt: string
  /** When it ends if nothing runs until then. */
  readonly expiresAt: string | null
  /** Seq of the oldest event kept; only where older ones were dropped. */
  readonly firstSeq?: number | undefined
}

/** A session, or its id. */
export type SessionRef = Pick<Session, 'sessionId'> | string

/** Which agents may serve a session; all that is given must match. */
export interface AgentChoice {
  readonly tunnelId?: string | undefined
  readonly purpose?: string | undefined
  readonly name?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly policy?: string | undefined
}

export interface NewSession {
  /** The caller's own label; it gives nobody any right. */
  readonly userId: string
  readonly workspaceDir?: string | null | undefined
  /** At most 16 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly agent?: AgentChoice | null | undefined
}

export interface SessionFilter {
  readonly userId?: string | undefined
  readonly status?: SessionStatus | undefined
  /** 50 where it is not given. */
  readonly limit?: number | undefined
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined
}

export interface SessionPage {
  /** Newest first. */
  readonly sessions: readonly Session[]
  readonly nextCursor: string | null
}

export interface Query {
  readonly userInput: string
  readonly context?: Readonly<Record<string, unknown>> | undefined
  /** 25 where it is not given. */
  readonly maxIterations?: number | undefined
  /** Cancels the run, unless `detach`; the iteration throws its reason. */
  readonly signal?: AbortSignal | undefined
  /** Who leaves the iteration leaves the run alone; without it the run is cancelled. */
  readonly detach?: boolean | undefined
}

export interface Reply {
  /** The run's `text` joined. */
  readonly output: string
  readonly runId: string
  readonly status: 'completed' | 'cancelled' | 'failed'
  /** What was recorded of the run, to its `done`. */
  readonly events: readonly SessionEvent[]
  readonly usage?: Readonly<Record<string, unknown>> | undefined
}

/** Failures are a `GatewayError`. */
export interface SessionGateway {
  createSession(session: NewSession): Promise<Session>
  getSession(session: SessionRef): Promise<Session>
  listSessions(filter?: SessionFilter): Promise<SessionPage>
  /** The session as it stands, to go on with: it is not begun anew where it is gone. */
  resumeSession(session: SessionRef): Promise<Session>
  /** What runs in it is cancelled. */
  deleteSession(session: SessionRef): Promise<void>
  /**
   * Runs a query; it starts when the iteration does, once. Yields `session_info`, the run's events in order, each once,
   * and last its `done`, which says how it ended: a run that fails does not throw, one that is refused does.
   */
  execute(session: SessionRef, query: Query): AsyncGenerator<SessionEvent, void, undefined>
  /** `execute`, to its end. */
  runQuery(session: SessionRef, query: Query): Promise<Reply>
  /** Nothing happens where the run is over. */
  cancel(session: SessionRef, runId: string): Promise<void>
  /** Answers a run that asked by `input_required`. `data`: any JSON, at most 256 KiB. */
  input(session: SessionRef, runId: string, data: unknown): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
