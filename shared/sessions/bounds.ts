/** Every bound of the sessions, with its reason. */

/** Bytes of one event's JSON: a tool's result fits, a file belongs behind a link. */
export const MAX_EVENT = 1024 * 1024
/** Bytes of `user_input`, and of `context` as JSON: what a model reads at most, and some. */
export const MAX_INPUT = 1024 * 1024
/** Bytes of an `execute` as it comes: input and context, each of their characters escaped. */
export const MAX_EXECUTE = 12 * MAX_INPUT + 64 * 1024
/** Bytes of `metadata` as JSON: it stands in every answer about the session. */
export const MAX_METADATA = 16 * 1024
/** Bytes of one `input` message's data. */
export const MAX_ANSWER = 256 * 1024
/** Inputs that a run has not read. */
export const MAX_ANSWERS = 64
/** Characters of a run's `output`; what is past it stands in the events alone, and `output_truncated` says so. */
export const MAX_OUTPUT = 4 * 1024 * 1024
/** Bytes of `usage` as JSON. */
export const MAX_USAGE = 64 * 1024
/** Runs that wait behind the one that runs. */
export const MAX_QUEUED_RUNS = 16
/** Milliseconds that a cancelled run may take to end by itself. */
export const CANCEL_GRACE = 5_000
/** Milliseconds for which an `Idempotency-Key` is honoured. */
export const KEY_LIFE = 24 * 3600_000
/** Keys remembered for one principal; past it the oldest is forgotten. */
export const MAX_KEYS = 10_000
/** Sessions in one answer. */
export const MAX_PAGE = 200
/** Events in one answer. */
export const MAX_EVENTS_PAGE = 1000

/** Bytes of one line of a run's stream towards the agent: the largest `done`, each of its characters escaped. */
export const MAX_RUN_LINE = 32 * 1024 * 1024
/** Bytes of the request and the history that an agent keeps of one run: the largest history and some. */
export const MAX_RUN_REQUEST = 64 * 1024 * 1024

/** Milliseconds between two transactions of the event log: an event is told this much later at the most. */
export const WRITE_INTERVAL = 20
/** Writes, or bytes, that wait for their transaction; who made them waits past it. */
export const MAX_PENDING = 512
export const MAX_PENDING_BYTES = 1024 * 1024
/** Writes of one transaction: some 10 ms of a blocked loop. */
export const MAX_BATCH = 2000
/** Milliseconds until a transaction that failed is tried again. */
export const RETRY_INTERVAL = 1000

/** Bytes that a reader has not taken; past it the reader goes on from the store, by its cursor. */
export const MAX_UNREAD = 256 * 1024
/** Events, and bytes, that a reader takes from the store at once. */
export const PAGE_EVENTS = 256
export const PAGE_BYTES = 256 * 1024
/** Events of sessions that are over, deleted in one turn. */
export const SWEEP_EVENTS = 500

/** What configuration may change. 0 switches a bound off. */
export interface SessionLimits {
  /** Milliseconds without a run after which a session ends. */
  readonly ttl: number
  /** Of one session's history. */
  readonly maxEvents: number
  readonly maxBytes: number
  /** Of one principal that is no administrator. */
  readonly maxSessions: number
  readonly maxRuns: number
  readonly maxStored: number
}

export const DEFAULT_LIMITS: SessionLimits = {
  ttl: 0,
  maxEvents: 10_000,
  maxBytes: 16 * 1024 * 1024,
  maxSessions: 1000,
  maxRuns: 32,
  maxStored: 256 * 1024 * 1024,
}
