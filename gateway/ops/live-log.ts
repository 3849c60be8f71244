import type { Logger } from '../../shared/log.js'
import type { AccessMode } from '../edge/access-log.js'
import type { LiveOptions } from './live.js'

/** The log follows its options: its level, and which requests leave a line. */
export function followLog(live: LiveOptions, log: Logger, access: { mode: AccessMode }): void {
  live.follow((next) => {
    const { logLevel } = live.current
    const apply = (): void => {
      // A logger that came from outside may have a level of its own.
      if (next.logLevel !== logLevel) log.setLevel(next.logLevel)
      access.mode = next.accessLog
    }
    return { changed: [], apply }
  })
}
