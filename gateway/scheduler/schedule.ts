/** When a task is due: pure, two clocks in. Intervals go by the clock that never jumps, dates by the one people set. */
import { assertNever } from '../../shared/errors.js'
import type { Now } from './clock.js'
import { cronAfter } from './cron.js'
import type { Timing } from './task.js'

export interface Due {
  readonly clock: keyof Now
  readonly at: number
}

/** A run of cron that is later than this was missed (the machine slept), and is not made up. */
export const LATE_MS = 60_000

/** The first time; undefined where there is none. That of an `after` counts from now. */
export function firstDue(timing: Timing, now: Now): Due | undefined {
  switch (timing.kind) {
    case 'interval':
      return { clock: 'monotonic', at: now.monotonic + timing.delayMs }
    case 'cron':
      return wall(cronAfter(timing.pattern, timing.timezone, now.wall))
    case 'at':
      return wall(timing.at)
    case 'after':
      return wall(now.wall + timing.delayMs)
    default:
      return assertNever(timing)
  }
}

/** The time after `due`, which has come. An interval keeps its phase: what was missed is left out. */
export function nextDue(timing: Timing, due: Due, now: Now): Due | undefined {
  switch (timing.kind) {
    case 'interval': {
      const missed = Math.max(0, Math.floor((now.monotonic - due.at) / timing.everyMs))
      return { clock: 'monotonic', at: due.at + (missed + 1) * timing.everyMs }
    }
    case 'cron':
      // A timer may be early by a millisecond: the same time must not come again.
      return wall(cronAfter(timing.pattern, timing.timezone, Math.max(now.wall, due.at)))
    case 'at':
    case 'after':
      return undefined
    default:
      return assertNever(timing)
  }
}

/** Milliseconds until `due`; 0 or less: it has come. */
export function remaining(due: Due, now: Now): number {
  return due.at - now[due.clock]
}

const wall = (at: number | undefined): Due | undefined =>
  at === undefined ? undefined : { clock: 'wall', at }
