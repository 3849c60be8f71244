/** What the engine is given, and what it gives beside sessions. */
import type { SessionLimits } from './bounds.js'
import type { Clock } from './clock.js'
import type { StoredEvent } from './event.js'
import type { Runner } from './runner.js'
import type { SessionHappening } from './session.js'

/** Of a data directory. */
export const STORE_FILE = 'sessions.db'

export interface SessionsOptions {
  readonly runner: Runner
  /** Where `STORE_FILE` lies; sessions are kept in memory where it is not given. */
  readonly dataDir?: string | undefined
  readonly limits?: Partial<SessionLimits>
  /** Must not throw. */
  readonly tell?: ((happening: SessionHappening) => void) | undefined
  /** The store failed; what was to be written is tried again. */
  readonly fault?: ((error: unknown) => void) | undefined
  readonly clock?: Clock
}

export interface Started {
  readonly runId: string
  /** The run's events come after this seq. */
  readonly after: number
}

export interface EventsPage {
  readonly events: readonly StoredEvent[]
  /** Seq of the oldest and of the newest event kept. */
  readonly firstSeq: number
  readonly lastSeq: number
}
