/** Hooks and tasks put together: what a gateway starts, reloads and closes. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from '../../shared/log.js'
import { UsageError } from '../../shared/options.js'
import type { ApiHandler } from '../api/request.js'
import type { EventBus } from '../events/bus.js'
import { nodeId } from '../events/node-id.js'
import { Hooks } from '../hooks/hooks.js'
import { hookRunsApi } from '../hooks/hooks-api.js'
import { type HookDefinition, loadHooks } from '../hooks/hooks-file.js'
import { Launcher } from '../hooks/launcher.js'
import type { Prepared } from '../ops/live.js'
import { systemClock } from '../scheduler/clock.js'
import { codeTask, type ScheduleSpec } from '../scheduler/code-task.js'
import { Scheduler } from '../scheduler/scheduler.js'
import { loadTasks } from '../scheduler/scheduler-file.js'
import type { Task } from '../scheduler/task.js'
import type { SendRequest } from '../scheduler/task-request.js'
import { TaskStore } from '../scheduler/task-store.js'
import { tasksApi } from '../scheduler/tasks-api.js'

export interface AutomationParts {
  readonly bus: EventBus
  readonly log: Logger
  readonly dataDir: string
  /** `--hooks-dir`; undefined for the default place. */
  readonly hooksDir: string | undefined
  /** `--scheduler-dir`; undefined for the default place. */
  readonly schedulerDir: string | undefined
  readonly send: SendRequest
}

interface Files {
  readonly hooks: readonly HookDefinition[] | undefined
  readonly tasks: readonly Task[] | undefined
}

/** For what runs when the gateway ends, hooks of `gateway:shutdown` above all. */
const GRACE_MS = 5000

export class Automation {
  /** By the names of the table of endpoints. */
  readonly handlers: Record<'hookRuns' | 'tasks' | 'taskRuns' | 'runTask', ApiHandler>
  readonly #parts: AutomationParts
  readonly #launcher = new Launcher()
  readonly #hooks: Hooks
  readonly #scheduler: Scheduler
  /** As they were read last; undefined where there is no file. */
  #files: Files = { hooks: undefined, tasks: undefined }
  #codeTasks = 0
  #nodeId: string | undefined

  /** Reads both files and says what will run; nothing does yet. @throws UsageError with every mistake in them. */
  constructor(parts: AutomationParts) {
    this.#parts = parts
    const { bus, log, dataDir, send } = parts
    const { run } = this.#launcher
    const store = new TaskStore(join(dataDir, 'tasks.db'))
    this.#hooks = new Hooks({ bus, run, log, nodeId: () => this.node })
    this.#scheduler = new Scheduler({ run, send, store, clock: systemClock, tell: bus.tell, log })
    this.handlers = { hookRuns: hookRunsApi(this.#hooks), ...tasksApi(this.#scheduler) }
    this.prepare().apply()
  }

  /** Events that no hook was run for, since too many waited. */
  get dropped(): Readonly<Record<string, number>> {
    return { hooks: this.#hooks.runs.dropped }
  }

  /** Events start hooks from now on, and the clock tasks. */
  start(): void {
    const { hooks = [], tasks = [] } = this.#files
    if (hooks.length + tasks.length > 0) this.#launcher.start()
    this.#hooks.start()
    this.#scheduler.start()
  }

  /**
   * Reads both files again; `apply` puts them in place of what was read before. What runs goes on.
   *
   * @throws UsageError with every mistake in them, StoreError; nothing has changed then.
   */
  prepare(): Prepared {
    const { hooksDir, schedulerDir } = this.#parts
    const mistakes: string[] = []
    const hooks = read(() => loadHooks(hooksDir), mistakes)
    const tasks = read(() => loadTasks(schedulerDir), mistakes)
    for (const { name } of tasks ?? []) {
      if (this.#scheduler.hasCode(name))
        mistakes.push(`scheduler.yaml: the program has a task ${JSON.stringify(name)} already`)
    }
    if (mistakes.length > 0) throw new UsageError(mistakes)
    this.#scheduler.check(tasks ?? [])
    const newHooks = !isDeepStrictEqual(hooks, this.#files.hooks)
    const newTasks = !isDeepStrictEqual(tasks, this.#files.tasks)
    return {
      changed: [...(newHooks ? ['hooks'] : []), ...(newTasks ? ['schedule'] : [])],
      apply: () => {
        this.#missing(hooks, 'hooks.yaml', hooksDir)
        this.#missing(tasks, 'scheduler.yaml', schedulerDir)
        this.#files = { hooks, tasks }
        if (newHooks) this.#hooks.replace(hooks ?? [])
        if (newTasks) this.#scheduler.replace(tasks ?? [])
      },
    }
  }

  /** @returns takes it out again. @throws TypeError with every mistake, Error where the name is taken. */
  schedule(spec: ScheduleSpec, run: (signal: AbortSignal) => unknown): () => void {
    this.#codeTasks += 1
    return this.#scheduler.add(codeTask(spec, run, `code-${this.#codeTasks}`, Date.now()))
  }

  /** No task and no hook begins any more. What runs has `graceMs` to finish; resolves once it is gone. */
  async close(graceMs = GRACE_MS): Promise<void> {
    // Both at once: a program that stops the gateway waits for it.
    await Promise.all([this.#scheduler.close(graceMs), this.#hooks.close(graceMs)])
    this.#launcher.close()
  }

  #missing(found: unknown, file: string, directory: string | undefined): void {
    if (found === undefined && directory !== undefined)
      this.#parts.log.warn(`no ${file} there`, { directory })
  }

  /** This gateway's id. Made when somebody needs it: a gateway without hooks writes nothing. */
  get node(): string {
    if (this.#nodeId !== undefined) return this.#nodeId
    const { dataDir, log } = this.#parts
    try {
      this.#nodeId = nodeId(dataDir)
    } catch (error) {
      log.warn("this gateway's id cannot be kept; it has one until it ends", { error })
      this.#nodeId = randomUUID()
    }
    return this.#nodeId
  }
}

/** Undefined where it could not be read, too; `mistakes` tells. */
function read<T>(load: () => T, mistakes: string[]): T | undefined {
  try {
    return load()
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    mistakes.push(...error.mistakes)
    return undefined
  }
}
