import { assertNever } from '../shared/errors.js'
import { measureBeside } from './beside.js'
import { measureBulk } from './bulk.js'
import { measureCore } from './core.js'
import { measureCrowd } from './crowd.js'
import { measureDistance } from './distance.js'
import { measureEcho } from './echo.js'
import type { Reading } from './figure.js'
import { measureIdle } from './idle.js'
import { leadIn, measureRequests, probe } from './requests.js'
import { measureRestart } from './restart.js'
import type { Work } from './scenario.js'
import { measureStreams } from './streams.js'
import type { Trial } from './trial.js'

/** JIT compilers and pools need a while before a program runs as it will; trials of requests have a lead-in besides. */
const WARM_SECONDS = 1

/** What precedes the first counted round of a subject. */
export async function warm(trial: Trial, work: Work): Promise<void> {
  switch (work.kind) {
    case 'requests':
      await probe(trial.subject, work)
      await leadIn(trial, work)
      return
    case 'streams':
      await warmStreams(trial, work)
      return
    case 'echo':
      await measureEcho({ ...trial, seconds: WARM_SECONDS }, work)
      return
    case 'bulk':
    case 'beside':
      // Only the way is tried: a body would already make the memory grow whose growth is the figure.
      await probe(trial.subject, { path: '/', body: 13, upload: 0 })
      return
    case 'crowd':
    // Each trial has a lead-in both ways, in which two out of three rounds are warm already.
    case 'distance':
    case 'idle':
    case 'restart':
    case 'core':
      return
    default:
      assertNever(work)
  }
}

/** Streams that come and go are too few in a second for a compiler: they do so faster, and for longer. */
async function warmStreams(trial: Trial, work: Extract<Work, { kind: 'streams' }>): Promise<void> {
  const { lifeMs } = work
  if (lifeMs === undefined) await measureStreams({ ...trial, seconds: WARM_SECONDS }, work)
  else await measureStreams({ ...trial, seconds: 4 * WARM_SECONDS }, { ...work, lifeMs: lifeMs / 5 })
}

export async function measure(trial: Trial, work: Work): Promise<Reading[]> {
  switch (work.kind) {
    case 'requests':
      return await measureRequests(trial, work)
    case 'streams':
      return await measureStreams(trial, work)
    case 'echo':
      return await measureEcho(trial, work)
    case 'bulk':
      return await measureBulk(trial, work)
    case 'beside':
      return await measureBeside(trial, work)
    case 'distance':
      return await measureDistance(trial, work)
    case 'idle':
      return await measureIdle(trial, work)
    case 'crowd':
      return await measureCrowd(trial, work)
    case 'restart':
      return await measureRestart(trial, work)
    case 'core':
      return await measureCore(trial)
    default:
      return assertNever(work)
  }
}

/** Memory that was freed is used again: only a fresh process shows what links and bodies take. */
export const needsFreshSubject = (work: Work): boolean => work.kind === 'idle' || work.kind === 'bulk'

/** The work, not the clock, ends a round of these. */
export const isTimed = (work: Work): boolean =>
  !['idle', 'bulk', 'distance', 'restart', 'core'].includes(work.kind)
