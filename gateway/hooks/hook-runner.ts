import { setMaxListeners } from 'node:events'
import type { Logger } from '../../shared/log.js'
import type { GatewayEvent } from '../events/event.js'
import { eventJson } from '../events/wire-event.js'
import { baseEnvironment, type RunCommand } from './command.js'
import { eventVariables, type HookPlace } from './environment.js'
import type { HookDefinition } from './hooks-file.js'
import { RunHistory } from './run-history.js'

/** Enough to be quick about a burst of events, few enough to leave the machine to the traffic. */
const MOST_RUNNING = 8
/** Of this many a burst may wait; what is more would come too late to be of use. */
const MOST_WAITING = 256
/** While drops go on they are told this often. */
const TELL_DROPS_MS = 10_000

export interface RunnerParts {
  readonly run: RunCommand
  readonly place: HookPlace
  readonly log: Logger
}

interface Waiting {
  readonly hook: HookDefinition
  readonly event: GatewayEvent
}

/** Runs the hooks of one event after another, a few at once. */
export class HookRunner {
  readonly history = new RunHistory()
  /** Runs that never began: too many waited, or the gateway ended. */
  dropped = 0
  readonly #parts: RunnerParts
  readonly #stop = new AbortController()
  #waiting: Waiting[] = []
  #running = 0
  #onIdle: (() => void) | undefined
  #toldDrops: { readonly at: number; readonly count: number } | undefined

  constructor(parts: RunnerParts) {
    this.#parts = parts
    // One for each run; Node takes more than ten for a leak.
    setMaxListeners(0, this.#stop.signal)
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** `hooks` in the order in which they are to start. */
  offer(hooks: readonly HookDefinition[], event: GatewayEvent): void {
    for (const hook of hooks) {
      // With the process about to end there is no later turn.
      const urgent = event.type === 'gateway:shutdown'
      if (urgent || this.#running < MOST_RUNNING) void this.#start({ hook, event })
      else if (this.#waiting.length < MOST_WAITING) this.#waiting.push({ hook, event })
      else this.#drop(1)
    }
  }

  /** What waits is dropped, what runs has `graceMs` to finish; then it is ended, with all its processes. */
  async close(graceMs: number): Promise<void> {
    this.#drop(this.#waiting.length)
    this.#waiting = []
    const idle = new Promise<void>((resolve) => {
      if (this.#running === 0) resolve()
      else this.#onIdle = resolve
    })
    const timer = setTimeout(() => this.#stop.abort(), graceMs)
    await idle
    clearTimeout(timer)
  }

  async #start({ hook, event }: Waiting): Promise<void> {
    const { run, place, log } = this.#parts
    this.#running += 1
    const json = eventJson(event)
    const { command, workingDir, timeoutMs, name } = hook
    const env = { ...baseEnvironment(), ...hook.env, ...eventVariables(event, json, place) }
    const result = await run({ command, workingDir, timeoutMs, env, input: json }, this.#stop.signal)
    this.#running -= 1
    this.history.add({ name, event: event.type, seq: event.seq }, result)
    const { status, exitCode, signal, durationMs, error } = result
    const fields = {
      hook: name,
      event: event.type,
      status,
      exit_code: exitCode ?? undefined,
      signal: signal ?? undefined,
      error,
    }
    if (status === 'ok') log.debug('hook ran', { ...fields, duration_ms: durationMs })
    else log.warn('hook failed', { ...fields, duration_ms: durationMs })
    const next = this.#running < MOST_RUNNING ? this.#waiting.shift() : undefined
    if (next !== undefined) void this.#start(next)
    else if (this.#running === 0) this.#onIdle?.()
  }

  #drop(count: number): void {
    this.dropped += count
    const now = performance.now()
    if (count === 0 || (this.#toldDrops !== undefined && now - this.#toldDrops.at < TELL_DROPS_MS)) return
    const since = this.dropped - (this.#toldDrops?.count ?? 0)
    this.#toldDrops = { at: now, count: this.dropped }
    this.#parts.log.warn('hooks were dropped', { dropped: since, dropped_total: this.dropped })
  }
}
