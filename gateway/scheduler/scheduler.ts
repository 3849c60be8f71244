import { isDeepStrictEqual } from 'node:util'
import { Problem } from '../../shared/errors.js'
import type { Now } from './clock.js'
import { type Due, firstDue, LATE_MS, nextDue, remaining } from './schedule.js'
import { type Task, typeOf } from './task.js'
import { TaskRunner, type TaskRunnerParts } from './task-runner.js'
import type { TaskRun } from './task-store.js'
import { factsOf, type TaskView, viewOf } from './task-view.js'

/** The clock is looked at this often at least: it may have been set, and a timer of Node knows 24 days at most. */
const LONGEST_WAIT_MS = 60_000

interface Entry {
  readonly task: Task
  /** Undefined where it will not run by itself any more. */
  due: Due | undefined
}

/** Runs each task when its time has come. */
export class Scheduler {
  readonly #parts: TaskRunnerParts
  readonly #runner: TaskRunner
  #entries = new Map<string, Entry>()
  #started = false
  #closed = false
  #sleep: () => void = () => {}
  #last: Now

  constructor(parts: TaskRunnerParts) {
    this.#parts = parts
    this.#last = parts.clock.now()
    this.#runner = new TaskRunner(parts)
    this.#runner.onEnd = () => this.#arm()
  }

  /** Tasks run from now on; what was missed meanwhile does. */
  start(): void {
    this.#started = true
    this.#arm()
  }

  /**
   * These are the tasks of the file from now on; none may have the name of one that code has. What runs goes on; a
   * task whose schedule is the same keeps its phase. Says what each will run.
   */
  replace(tasks: readonly Task[]): void {
    const ofCode = [...this.#entries].filter(([, { task }]) => task.work.kind === 'code')
    const entries = new Map(ofCode)
    for (const task of tasks) entries.set(task.name, this.#entryOf(task))
    this.#entries = entries
    for (const task of tasks) this.#parts.log.info('task', factsOf(task))
    this.#arm()
  }

  /** @throws StoreError where what these tasks need to have remembered cannot be. */
  check(tasks: readonly Task[]): void {
    for (const task of tasks) if (task.enabled) this.#firstDue(task)
  }

  /** One more, beside those of the file. @returns takes it out again. @throws Error where the name is taken. */
  add(task: Task): () => void {
    if (this.#entries.has(task.name)) throw new Error(`there is a task ${JSON.stringify(task.name)} already`)
    const entry = this.#entryOf(task)
    this.#entries.set(task.name, entry)
    this.#arm()
    return () => {
      if (this.#entries.get(task.name) === entry) this.#entries.delete(task.name)
    }
  }

  /** Whether a program's own task has this name. */
  hasCode(name: string): boolean {
    return this.#entries.get(name)?.task.work.kind === 'code'
  }

  /** In the order of the file. */
  get tasks(): TaskView[] {
    const now = this.#parts.clock.now()
    return [...this.#entries.values()].map(({ task, due }) =>
      viewOf(task, {
        nextRunAt: due === undefined ? undefined : now.wall + remaining(due, now),
        running: this.#runner.isActive(task.name),
        last: this.#parts.store.runs(task.name, 1)[0],
      }),
    )
  }

  /** The last 100, the latest first. @throws Problem where there is no such task. */
  runs(name: string): TaskRun[] {
    this.#entry(name)
    return this.#parts.store.runs(name)
  }

  /** Runs it now, beside its schedule. @throws Problem where there is no such task, or it runs. */
  run(name: string): TaskRun {
    const { task } = this.#entry(name)
    if (this.#closed) throw new Problem('draining', 'the gateway is shutting down')
    if (this.#runner.isActive(name)) throw new Problem('conflict', `task ${JSON.stringify(name)} is running`)
    return this.#runner.start(task, 'manual')
  }

  /** No task begins any more. What runs has `graceMs` to finish, and is ended then; resolves once it is gone. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    this.#sleep()
    await this.#runner.close(graceMs)
    this.#parts.store.close()
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name)
    if (entry === undefined)
      throw new Problem('not_found', `there is no task ${JSON.stringify(name.slice(0, 100))}`)
    return entry
  }

  #entryOf(task: Task): Entry {
    const old = this.#entries.get(task.name)
    if (!task.enabled) return { task, due: undefined }
    if (old?.task.enabled && isDeepStrictEqual(old.task.timing, task.timing)) return { task, due: old.due }
    return { task, due: this.#firstDue(task) }
  }

  #firstDue({ name, timing, work }: Task): Due | undefined {
    const due = firstDue(timing, this.#parts.clock.now())
    if (due === undefined || work.kind === 'code' || typeOf(timing) !== 'one_shot') return due
    const at = this.#parts.store.oneShot(oneShotKey(name, timing), due.at)
    return at === undefined ? undefined : { clock: 'wall', at }
  }

  #arm(): void {
    this.#sleep()
    if (!this.#started || this.#closed) return
    const now = this.#parts.clock.now()
    let wait = LONGEST_WAIT_MS
    for (const { task, due } of this.#entries.values()) {
      if (due !== undefined && !this.#mustWait(task)) wait = Math.min(wait, remaining(due, now))
    }
    this.#sleep = this.#parts.clock.wake(Math.max(0, Math.ceil(wait)), () => this.#tick())
  }

  /** A one-shot that somebody runs by hand just now has its own run afterwards; other tasks leave one out. */
  #mustWait({ name, timing }: Task): boolean {
    return typeOf(timing) === 'one_shot' && this.#runner.isActive(name)
  }

  #tick(): void {
    const now = this.#parts.clock.now()
    const jump = now.wall - this.#last.wall - (now.monotonic - this.#last.monotonic)
    this.#last = now
    for (const entry of this.#entries.values()) {
      const { task, due } = entry
      if (due === undefined) continue
      // The clock was set back: what cron has planned is too far off.
      if (task.timing.kind === 'cron' && jump < -LATE_MS) entry.due = firstDue(task.timing, now)
      else if (remaining(due, now) <= 0 && !this.#mustWait(task)) this.#fire(entry, due, now)
    }
    this.#arm()
  }

  #fire(entry: Entry, due: Due, now: Now): void {
    const { task } = entry
    const { log, store } = this.#parts
    entry.due = nextDue(task.timing, due, now)
    if (task.timing.kind === 'cron' && remaining(due, now) < -LATE_MS) {
      log.warn('a run of a task was missed', { task: task.name, due: new Date(due.at).toISOString() })
    } else if (this.#runner.isActive(task.name)) {
      log.warn('a run of a task is left out: the one before goes on', { task: task.name })
    } else {
      try {
        // Before it begins: a gateway that dies amid it must not run it again.
        if (typeOf(task.timing) === 'one_shot' && task.work.kind !== 'code')
          store.markDone(oneShotKey(task.name, task.timing), now.wall)
      } catch (error) {
        log.error('that a one-shot has run cannot be kept', { task: task.name, error })
      }
      this.#runner.start(task, 'schedule')
    }
  }
}

/** Another date, or another delay, is another one-shot. */
const oneShotKey = (name: string, timing: Task['timing']): string => JSON.stringify([name, timing])
