/** Who runs: an agent behind a tunnel, or a function of this process. */
import type { AgentSelector, SessionBody } from './session.js'
import type { Turn } from './store.js'

/** One run, as it is handed to whoever runs it. */
export interface RunRequest {
  readonly runId: string
  readonly session: SessionBody
  /** Which agents may serve the session. */
  readonly agent: AgentSelector | null
  /** Patterns of the tunnels that its caller may use; undefined: all. */
  readonly tunnels?: readonly string[] | undefined
  readonly userInput: string
  readonly context: Readonly<Record<string, unknown>>
  readonly maxIterations: number
  /** What was asked before. */
  readonly turns: readonly Turn[]
  /** Fires when the run is cancelled, or its session or the engine ends. */
  readonly signal: AbortSignal
  /** What callers say to this run; ends with it. */
  readonly input: AsyncIterable<unknown>
  /** The session's recorded events until now, as JSON texts, a page at a time. */
  history(): Iterable<readonly string[]>
  /** An agent has taken the run. */
  assigned(tunnelId: string): void
}

export interface Runner {
  /**
   * What the run yields, each as the JSON text of an event; a `done` among them is the last, and may carry `usage`.
   * Pulled one by one. Rejects with a `RunFailure` or a `Problem` where the run fails. After `signal` it should end
   * soon; what it yields then is dropped.
   */
  run(request: RunRequest): AsyncIterable<string>
}

/** A run that failed, as its `error` event tells it. */
export class RunFailure extends Error {
  override readonly name = 'RunFailure'
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
