import { assertNever } from '../shared/errors.js'
import { measureBulk } from './bulk.js'
import type { Reading } from './figure.js'
import type { Ground } from './ground.js'
import { measureIdle } from './idle.js'
import { measureRequests, probe } from './requests.js'
import type { Work } from './scenario.js'
import type { Service } from './service.js'
import { measureStreams } from './streams.js'

/** JIT compilers and pools need this long before a program runs as it will. */
const WARM_SECONDS = 2

/** What precedes the first counted round of a subject. */
export async function warm(
  ground: Ground,
  work: Work,
  subject: Service,
  origin: Service | undefined,
): Promise<void> {
  switch (work.kind) {
    case 'requests':
      await probe(work.path, work.body, subject, work.upload > 0)
      await measureRequests(ground, work, subject, origin, WARM_SECONDS)
      return
    case 'streams':
      await measureStreams(ground, work, subject, origin, 1)
      return
    case 'bulk':
      // Only the way is tried: a body would already make the memory grow whose growth is the figure.
      await probe('/', 13, subject)
      return
    case 'idle':
      return
    default:
      assertNever(work)
  }
}

export async function measure(
  ground: Ground,
  work: Work,
  subject: Service,
  origin: Service | undefined,
  seconds: number,
): Promise<Reading[]> {
  switch (work.kind) {
    case 'requests':
      return await measureRequests(ground, work, subject, origin, seconds)
    case 'streams':
      return await measureStreams(ground, work, subject, origin, seconds)
    case 'bulk':
      return await measureBulk(work, subject, origin)
    case 'idle':
      return await measureIdle(work, subject)
    default:
      return assertNever(work)
  }
}

/** Memory that was freed is used again: only a fresh process shows what links and bodies take. */
export const needsFreshSubject = (work: Work): boolean => work.kind === 'idle' || work.kind === 'bulk'
