import type { CommandResult, CommandStatus } from './command.js'

/** One run of a hook, as `GET /hooks/runs` shows it. */
export interface HookRun {
  /** The hook's. */
  name: string
  /** The type of the event. */
  event: string
  /** The number of the event. */
  seq: number
  status: CommandStatus
  exit_code: number | null
  signal: string | null
  /** ISO 8601, UTC. */
  started_at: string
  duration_ms: number
  /** The end of what it wrote. */
  output: string
  error?: string
}

const MOST_RUNS = 100

/** The last runs of all hooks. */
export class RunHistory {
  readonly #runs: HookRun[] = []

  add({ name, event, seq }: Pick<HookRun, 'name' | 'event' | 'seq'>, result: CommandResult): void {
    const { status, exitCode, signal, startedAt, durationMs, output, error } = result
    this.#runs.push({
      name,
      event,
      seq,
      status,
      exit_code: exitCode,
      signal,
      started_at: new Date(startedAt).toISOString(),
      duration_ms: durationMs,
      output,
      ...(error === undefined ? {} : { error }),
    })
    if (this.#runs.length > MOST_RUNS) this.#runs.shift()
  }

  /** The latest first. */
  get runs(): HookRun[] {
    return this.#runs.toReversed()
  }
}
