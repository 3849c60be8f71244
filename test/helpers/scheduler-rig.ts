/** A scheduler whose clock the test winds, and whose work is what the test says. */
import type { Test } from 'tap'
import type { Happening } from '../../gateway/events/event.js'
import type { CommandResult, ProcessSpec } from '../../gateway/hooks/command.js'
import type { Clock } from '../../gateway/scheduler/clock.js'
import { Scheduler } from '../../gateway/scheduler/scheduler.js'
import { parseTasks } from '../../gateway/scheduler/scheduler-file.js'
import type { Task } from '../../gateway/scheduler/task.js'
import type { TaskRequest } from '../../gateway/scheduler/task-request.js'
import { TaskStore } from '../../gateway/scheduler/task-store.js'
import { parseConfig } from '../../shared/config-file.js'
import { createLogger } from '../../shared/log.js'

export const NOW = Date.UTC(2026, 2, 1)
export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export function read(text: string): { tasks: Task[]; mistakes: string[] } {
  const mistakes: string[] = []
  const root = parseConfig(text, 'scheduler.yaml')
  return { tasks: parseTasks(root, '/srv', NOW, (mistake) => mistakes.push(mistake)), mistakes }
}

export function tasksOf(text: string): Task[] {
  const { tasks, mistakes } = read(`tasks:\n${text}`)
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
  return tasks
}

/** A clock whose two hands can be moved apart. */
class FakeClock implements Clock {
  wall = NOW
  monotonic = 5000
  /** The longest that was slept at once. */
  longest = 0
  #timer: { at: number; work: () => void } | undefined

  now() {
    return { wall: this.wall, monotonic: this.monotonic }
  }

  wake(ms: number, work: () => void): () => void {
    this.longest = Math.max(this.longest, ms)
    const timer = { at: this.monotonic + ms, work }
    this.#timer = timer
    return () => {
      if (this.#timer === timer) this.#timer = undefined
    }
  }

  /** Both hands go on, and what falls due happens on the way. */
  async pass(ms: number): Promise<void> {
    const end = this.monotonic + ms
    while (this.#timer !== undefined && this.#timer.at <= end) {
      const { at, work } = this.#timer
      this.#timer = undefined
      this.#go(at - this.monotonic)
      work()
      await new Promise(setImmediate)
    }
    this.#go(end - this.monotonic)
  }

  #go(ms: number): void {
    this.monotonic += ms
    this.wall += ms
  }
}

export class Rig {
  readonly clock = new FakeClock()
  readonly store: TaskStore
  readonly told: Happening[] = []
  /** What ran and when, in seconds since the start. */
  readonly ran: string[] = []
  readonly requests: TaskRequest[] = []
  result: Partial<CommandResult> = {}
  answer = async (): Promise<{ status: number; body: Buffer }> => ({ status: 200, body: Buffer.from('yes') })
  /** While set, commands last until it is resolved. */
  hold: Promise<void> | undefined
  readonly scheduler: Scheduler
  said = ''

  constructor(t: Test, tasks: string, store = new TaskStore(':memory:')) {
    this.store = store
    this.scheduler = new Scheduler({
      clock: this.clock,
      store,
      run: (spec, stop) => this.#run(spec, stop),
      send: (request) => {
        this.requests.push(request)
        return this.answer()
      },
      tell: (happening) => void this.told.push(happening),
      log: createLogger({ write: (chunk) => (this.said += chunk) }),
    })
    this.scheduler.replace(tasksOf(tasks))
    t.teardown(() => this.scheduler.close(5000))
  }

  async #run({ command }: ProcessSpec, stop: AbortSignal): Promise<CommandResult> {
    this.ran.push(`${command} ${(this.clock.monotonic - 5000) / SECOND}`)
    const stopped = new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()))
    if (this.hold !== undefined) await Promise.race([this.hold, stopped])
    return {
      status: stop.aborted ? 'stopped' : 'ok',
      exitCode: 0,
      signal: null,
      output: 'out',
      error: undefined,
      startedAt: 0,
      durationMs: 0,
      ...this.result,
    }
  }
}

/** Opens what `hold` holds. */
export function gate(): { promise: Promise<void>; open: () => Promise<void> } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return {
    promise,
    open: () => {
      resolve()
      return new Promise((done) => setImmediate(done))
    },
  }
}
