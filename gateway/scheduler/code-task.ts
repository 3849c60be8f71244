/** `gateway.schedule`: tasks of the program that the gateway is part of. */
import { parseConfig } from '../../shared/config-file.js'
import { Entry } from '../hooks/entry.js'
import type { Task } from './task.js'
import { CODE_KEYS, readTask, readTiming } from './task-entry.js'

/** The keys of a task in `scheduler.yaml`; a number is seconds, a text has a unit (`500ms`, `5m`). */
export interface ScheduleSpec {
  readonly type: 'interval' | 'cron' | 'one_shot'
  /** In logs and at `GET /tasks`; without one it is `code-N`. */
  readonly name?: string
  readonly description?: string
  readonly interval?: number | string
  readonly delay?: number | string
  readonly cron?: string
  /** Such as `Europe/Berlin`; the machine's own without it. */
  readonly timezone?: string
  /** ISO 8601. What lies in the past is refused: unlike one of the file, it is not remembered over a restart. */
  readonly runAt?: string
  /** After it the signal fires, and the run counts as `scheduler:task_error`. None where it is not given. */
  readonly timeout?: number | string
}

/** `name`: its own where it has none. `wall`: ms since the epoch. @throws TypeError with every mistake. */
export function codeTask(
  { runAt, ...spec }: ScheduleSpec,
  run: (signal: AbortSignal) => unknown,
  name: string,
  wall: number,
): Task {
  const mistakes: string[] = []
  // JSON is YAML: a program's task is read by the rules of the file.
  const root = parseConfig(JSON.stringify({ name, ...spec, run_at: runAt }), 'schedule')
  const entry = new Entry(root, 'schedule', (mistake) => mistakes.push(mistake))
  entry.finished(CODE_KEYS)
  const timing = readTiming(entry, wall)
  if (timing?.kind === 'at' && timing.at <= wall)
    entry.refuse('run_at', 'run_at lies in the past: it never fires')
  const task = readTask(entry, entry.name() ?? name, timing, { kind: 'code', run })
  if (task === undefined || mistakes.length > 0) throw new TypeError(mistakes.join('\n'))
  return task
}
