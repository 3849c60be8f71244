/** A task as people see it. */
import { assertNever } from '../../shared/errors.js'
import { formatDuration } from '../../shared/quantity.js'
import { type Task, typeOf } from './task.js'
import type { TaskRun } from './task-store.js'

/** As `GET /tasks` lists it. What a command is stays out: it may hold a secret, and the log says it to the owner. */
export interface TaskView {
  name: string
  type: 'interval' | 'cron' | 'one_shot'
  /** In the words of its type: `1h`, `0 3 * * *`, a date. */
  schedule: string
  timezone: string | null
  description: string | null
  enabled: boolean
  /** `command`, `request`, or `code` of the program that the gateway is part of. */
  kind: Task['work']['kind']
  running: boolean
  /** ISO 8601, UTC; null where it will not run by itself. */
  next_run_at: string | null
  last_run: TaskRun | null
}

export interface TaskState {
  /** Milliseconds since the epoch. */
  readonly nextRunAt: number | undefined
  readonly running: boolean
  readonly last: TaskRun | undefined
}

export function viewOf(task: Task, { nextRunAt, running, last }: TaskState): TaskView {
  const { name, timing, work, enabled, description } = task
  return {
    name,
    type: typeOf(timing),
    schedule: scheduleOf(task),
    timezone: (timing.kind === 'cron' ? timing.timezone : undefined) ?? null,
    description: description ?? null,
    enabled,
    kind: work.kind,
    running,
    next_run_at: nextRunAt === undefined ? null : new Date(nextRunAt).toISOString(),
    last_run: last ?? null,
  }
}

/** What the log says of a task when it is taken up: all that it will run. */
export function factsOf(task: Task): Record<string, unknown> {
  const { name, timing, work, enabled } = task
  const facts = { task: name, type: typeOf(timing), schedule: scheduleOf(task), enabled }
  switch (work.kind) {
    case 'command':
      return { ...facts, command: work.command, working_dir: work.workingDir }
    case 'request':
      return { ...facts, request: `${work.request.method} ${work.request.path.split('?', 1)[0]}` }
    case 'code':
      return facts
    default:
      return assertNever(work)
  }
}

function scheduleOf({ timing }: Task): string {
  switch (timing.kind) {
    case 'interval':
      return formatDuration(timing.everyMs)
    case 'cron':
      return timing.pattern
    case 'at':
      return new Date(timing.at).toISOString()
    case 'after':
      return `after ${formatDuration(timing.delayMs)}`
    default:
      return assertNever(timing)
  }
}
