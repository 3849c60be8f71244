/** One task as it is written: an entry of the file, or what a program gives. */
import { resolve } from 'node:path'
import { assertNever } from '../../shared/errors.js'
import type { Entry } from '../hooks/entry.js'
import { variableFault } from '../hooks/environment.js'
import { cronFault, instant, isTimeZone } from './cron.js'
import type { Task, Timing, Work } from './task.js'
import { readRequest } from './task-request.js'

/** What a type of task takes beside what all take. */
const TYPES = {
  interval: ['interval', 'delay'],
  cron: ['cron', 'timezone'],
  one_shot: ['run_at', 'delay', 'timezone'],
} as const

const TIMING_KEYS = ['type', ...new Set(Object.values(TYPES).flat())]
export const CODE_KEYS = [...TIMING_KEYS, 'name', 'enabled', 'description', 'timeout']
export const FILE_KEYS = [...CODE_KEYS, 'command', 'working_dir', 'env', 'request']

const TIMEOUT_MS = 300_000
/** Each run costs a process; what is to happen more often is no task for a scheduler. */
const LEAST_INTERVAL_MS = 100
/** Ten years. */
const MOST_MS = 87_600 * 3_600_000

/** `wall`: ms since the epoch. Mistakes are reported by the entry; undefined where there is one in the timing. */
export function readTiming(entry: Entry, wall: number): Timing | undefined {
  const type = entry.text('type', 'interval, cron or one_shot')
  if (!entry.has('type')) entry.refuse(undefined, 'the task has no type; it takes interval, cron or one_shot')
  if (type === undefined) return undefined
  if (!isType(type)) {
    entry.refuse('type', `type ${JSON.stringify(type)} is not known; it takes interval, cron or one_shot`)
    return undefined
  }
  const own: readonly string[] = TYPES[type]
  for (const key of TIMING_KEYS.slice(1))
    if (entry.has(key) && !own.includes(key)) entry.refuse(key, `${key} is nothing that type ${type} takes`)
  const timezone = zone(entry)
  switch (type) {
    case 'interval':
      return interval(entry)
    case 'cron':
      return cron(entry, timezone, wall)
    case 'one_shot':
      return oneShot(entry, timezone)
    default:
      return assertNever(type)
  }
}

const isType = (type: string): type is keyof typeof TYPES => Object.hasOwn(TYPES, type)

function zone(entry: Entry): string | undefined {
  const takes = 'a time zone such as Europe/Berlin'
  const name = entry.text('timezone', takes)
  if (name === undefined || isTimeZone(name)) return name
  entry.refuse('timezone', `timezone ${JSON.stringify(name)} is not known; it takes ${takes}`)
  return undefined
}

function interval(entry: Entry): Timing | undefined {
  if (!entry.has('interval')) entry.refuse(undefined, 'the task has no interval')
  const everyMs = entry.duration('interval', LEAST_INTERVAL_MS, MOST_MS)
  const delayMs = entry.has('delay') ? entry.duration('delay', 0, MOST_MS) : everyMs
  return everyMs === undefined || delayMs === undefined ? undefined : { kind: 'interval', everyMs, delayMs }
}

function cron(entry: Entry, timezone: string | undefined, wall: number): Timing | undefined {
  if (!entry.has('cron')) entry.refuse(undefined, 'the task has no cron')
  const pattern = entry.text('cron', 'a pattern such as "0 3 * * *"')
  if (pattern === undefined) return undefined
  const fault = cronFault(pattern, timezone, wall)
  if (fault === undefined) return { kind: 'cron', pattern, timezone }
  entry.refuse('cron', `cron ${JSON.stringify(pattern)} ${fault}; it takes one such as "0 3 * * *"`)
  return undefined
}

function oneShot(entry: Entry, timezone: string | undefined): Timing | undefined {
  if (entry.has('run_at') === entry.has('delay')) {
    entry.refuse(undefined, 'a one_shot takes either run_at or delay')
    return undefined
  }
  if (entry.has('delay')) {
    const delayMs = entry.duration('delay', 0, MOST_MS)
    return delayMs === undefined ? undefined : { kind: 'after', delayMs }
  }
  const takes = 'a date such as 2026-12-25T09:00:00Z'
  const text = entry.text('run_at', takes)
  if (text === undefined) return undefined
  const at = instant(text, timezone)
  if (at !== undefined) return { kind: 'at', at }
  entry.refuse('run_at', `run_at ${JSON.stringify(text)} is no date; it takes ${takes}`)
  return undefined
}

/** `directory`: where its command runs that names no other. */
export function readWork(entry: Entry, directory: string): Work {
  if (entry.has('command') === entry.has('request'))
    entry.refuse(undefined, 'a task takes either a command or a request')
  if (!entry.has('request')) {
    return {
      kind: 'command',
      command: entry.command() ?? '',
      workingDir: resolve(directory, entry.text('working_dir', 'a directory') ?? '.'),
      env: entry.texts('env', variableFault),
    }
  }
  for (const key of ['working_dir', 'env'])
    if (entry.has(key)) entry.refuse(key, `${key} is nothing that a request takes`)
  return { kind: 'request', request: readRequest(entry) }
}

/** The whole of it, where nothing was refused. */
export function readTask(
  entry: Entry,
  name: string,
  timing: Timing | undefined,
  work: Work,
): Task | undefined {
  const timeoutMs = entry.duration('timeout', 1) ?? (work.kind === 'code' ? 0 : TIMEOUT_MS)
  const enabled = entry.boolean('enabled') ?? true
  const description = entry.text('description')
  return timing && { name, timing, work, timeoutMs, enabled, description }
}
