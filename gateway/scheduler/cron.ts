/** The one door to croner: patterns of five fields, or six that begin with seconds, and `@daily` and its like. */
import { Cron } from 'croner'

/**
 * The first time after `wall` (both ms since the epoch); undefined where there is none. A time that a change of clock
 * leaves out comes as much later, one that it repeats comes once.
 *
 * @throws Error where it is no pattern, or no time zone.
 */
export function cronAfter(pattern: string, timezone: string | undefined, wall: number): number | undefined {
  const cron = new Cron(pattern, {
    paused: true,
    mode: '5-or-6-parts',
    ...(timezone === undefined ? {} : { timezone }),
  })
  // croner takes a date, too; that is what a one-shot is for.
  if (cron.getPattern() === undefined) throw new Error('is a date')
  return cron.nextRun(new Date(wall))?.getTime()
}

/** Why the pattern cannot be used; `timezone` must be one. */
export function cronFault(pattern: string, timezone: string | undefined, wall: number): string | undefined {
  try {
    return cronAfter(pattern, timezone, wall) === undefined ? 'never fires' : undefined
  } catch (error) {
    return `is no pattern of cron (${(error as Error).message.replace(/^CronPattern: /, '')})`
  }
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

const ISO = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?$/

/**
 * Milliseconds since the epoch of an ISO 8601 date with time; undefined where it is none. Without an offset it is
 * read in `timezone`, or the machine's own.
 */
export function instant(text: string, timezone: string | undefined): number | undefined {
  const match = ISO.exec(text)
  if (match === null) return undefined
  const [, day, , , offset] = match
  // Date takes February 30 for March 2.
  const midnight = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day!)) return undefined
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) return undefined
  if (offset !== undefined || timezone === undefined) return ms
  return new Cron(text, { paused: true, timezone }).getOnce()?.getTime()
}
