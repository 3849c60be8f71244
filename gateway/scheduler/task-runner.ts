import { setMaxListeners } from 'node:events'
import type { Logger } from '../../shared/log.js'
import type { Tell } from '../events/event.js'
import type { Clock } from './clock.js'
import type { Task } from './task.js'
import type { Cause, TaskRun, TaskStore } from './task-store.js'
import { type Means, perform, type TaskResult } from './task-work.js'

export interface TaskRunnerParts extends Means {
  readonly store: TaskStore
  readonly clock: Clock
  readonly tell: Tell
  readonly log: Logger
}

/** Tasks that are due at the same minute are not all to be started at once. */
const MOST_RUNNING = 32
/** As long as a command may take to be gone once it is told to end. */
const LAST_MS = 3000

interface Active {
  readonly task: Task
  readonly record: TaskRun
}

/** Runs tasks, each at most once at a time, and keeps what came of it. */
export class TaskRunner {
  /** Called with the name of a task that has ended. */
  onEnd: (name: string) => void = () => {}
  readonly #parts: TaskRunnerParts
  readonly #stop = new AbortController()
  /** Those that run, and those that wait for a place. */
  readonly #active = new Map<string, Active>()
  #waiting: Active[] = []
  #running = 0
  #onIdle: (() => void) | undefined

  constructor(parts: TaskRunnerParts) {
    this.#parts = parts
    // One for each run; Node takes more than ten for a leak.
    setMaxListeners(0, this.#stop.signal)
  }

  isActive(name: string): boolean {
    return this.#active.has(name)
  }

  /** The task must not be active. @returns the run that has begun. */
  start(task: Task, cause: Cause): TaskRun {
    const active = { task, record: this.#begin(task, cause) }
    this.#active.set(task.name, active)
    if (this.#running < MOST_RUNNING) void this.#run(active)
    else this.#waiting.push(active)
    return active.record
  }

  /** What waits is given up, what runs has `graceMs` to finish, then a little more to be ended. */
  async close(graceMs: number): Promise<void> {
    const given = this.#waiting
    this.#waiting = []
    for (const active of given) this.#end(active, { status: 'stopped', output: '' }, 0)
    if (this.#running === 0) return
    const timers: NodeJS.Timeout[] = []
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      timers.push(setTimeout(() => this.#stop.abort(new Error('the gateway ends')), graceMs))
      // Code may not heed it; that must not keep the gateway from ending.
      timers.push(setTimeout(resolve, graceMs + LAST_MS))
    })
    timers.forEach(clearTimeout)
  }

  async #run(active: Active): Promise<void> {
    const { clock } = this.#parts
    this.#running += 1
    const begin = clock.now().monotonic
    const outcome = await perform(active.task, this.#parts, this.#stop.signal)
    this.#running -= 1
    this.#end(active, outcome, Math.round(clock.now().monotonic - begin))
    const next = this.#waiting.shift()
    if (next !== undefined) void this.#run(next)
    else if (this.#running === 0) this.#onIdle?.()
  }

  #begin(task: Task, cause: Cause): TaskRun {
    const { store, clock, log } = this.#parts
    const at = clock.now().wall
    try {
      return store.begin(task.name, cause, at)
    } catch (error) {
      log.error('a run cannot be kept', { task: task.name, error })
      return {
        id: 0,
        task: task.name,
        cause,
        status: 'running',
        exit_code: null,
        http_status: null,
        started_at: new Date(at).toISOString(),
        duration_ms: null,
        output: '',
        error: null,
      }
    }
  }

  #end({ task: { name }, record }: Active, outcome: TaskResult, durationMs: number): void {
    const { store, tell, log } = this.#parts
    const { status, exitCode, httpStatus, error } = outcome
    this.#active.delete(name)
    try {
      store.end(record.id, outcome, durationMs)
    } catch (error) {
      log.error('a run cannot be kept', { task: name, error })
    }
    const facts = {
      task: name,
      run_id: record.id,
      cause: record.cause,
      status,
      exit_code: exitCode ?? undefined,
      http_status: httpStatus,
      duration_ms: durationMs,
      error,
    }
    if (status === 'ok') log.info('task ran', facts)
    else log.warn('task failed', facts)
    tell({
      type: status === 'ok' ? 'scheduler:task_run' : 'scheduler:task_error',
      data: { ...facts, output: outcome.output },
    })
    this.onEnd(name)
  }
}
