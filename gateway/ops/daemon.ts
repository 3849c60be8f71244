/** `start`, `stop` and `restart`: a gateway in the background. Each resolves to the exit code. */
import { resolve } from 'node:path'
import { assertNever } from '../../shared/errors.js'
import type { ProcessMark } from '../../shared/process-mark.js'
import { control } from '../control/client.js'
import { type Launch, type Launched, launch } from './background.js'
import { readLock } from './lock.js'
import { clearStale, ended, type Standing, settledStanding, standingOf } from './standing.js'

/** For a gateway that has begun and is not ready yet. */
const STARTING_MS = 30_000

/** Beside its drain timeout, for its end to be told and everything to be closed. */
const END_MS = 5000

/** Where a command's lines go. */
export interface Voice {
  readonly say: (line: string) => void
  readonly complain: (line: string) => void
}

export async function start(dataDir: string, how: Launch, voice: Voice): Promise<number> {
  const standing = await settledStanding(dataDir, STARTING_MS)
  switch (standing.kind) {
    case 'running':
      // It is about to end: whoever starts one now means to have one after that.
      if (standing.report.draining && (await ended(standing.report, standing.report.drain_timeout + END_MS)))
        return await start(dataDir, how, voice)
      voice.say(`already running: ${told(standing)}`)
      return 0
    case 'mute':
      voice.complain(`${told(standing)} has the data directory ${dataDir} and does not answer`)
      return 1
    case 'dead':
    case 'stopped':
      await clearStale(dataDir)
      return await became(dataDir, how, await launch(how), voice)
    default:
      return assertNever(standing)
  }
}

/** `drain`: ms that the drain of a gateway may take which cannot be asked. */
export async function stop(dataDir: string, drain: number, voice: Voice): Promise<number> {
  const standing = await standingOf(dataDir)
  switch (standing.kind) {
    case 'stopped':
    case 'dead':
      await clearStale(dataDir)
      voice.say('not running')
      return 0
    case 'running': {
      // Not by a signal: a second one would cut the drain that a first `stop` has begun.
      await control(dataDir, 'stop').catch(() => undefined)
      return await end(dataDir, standing.report, standing.report.drain_timeout + END_MS, voice)
    }
    case 'mute':
      if (standing.process === undefined) {
        voice.complain(
          `${told(standing)} runs on ${dataDir} and does not answer: end it where it was started`,
        )
        return 1
      }
      signal(standing.process, 'SIGTERM')
      return await end(dataDir, standing.process, drain + END_MS, voice)
    default:
      return assertNever(standing)
  }
}

/** As it was started, from where it was started. */
export async function restart(dataDir: string, drain: number, fresh: Launch, voice: Voice): Promise<number> {
  const kept = readLock(dataDir)
  const standing = await standingOf(dataDir)
  if (standing.kind === 'running' && standing.report.log_file === null) {
    voice.complain(`${told(standing)} runs in the foreground or under a service manager: restart it there`)
    return 1
  }
  if (standing.kind === 'mute' && standing.process === undefined) return await stop(dataDir, drain, voice)
  if (standing.kind === 'running' || standing.kind === 'mute') await stop(dataDir, drain, voice)
  return await start(dataDir, kept ?? fresh, voice)
}

/** The log of a background gateway. */
export const logfileOf = (dataDir: string, named: string | undefined): string =>
  resolve(named ?? resolve(dataDir, 'gateway.log'))

async function became(
  dataDir: string,
  how: Launch,
  launched: Launched,
  { say, complain }: Voice,
): Promise<number> {
  switch (launched.kind) {
    case 'ready':
      say(`running: pid ${launched.pid}, ${launched.url}, log in ${how.logfile}`)
      return 0
    case 'held': {
      const standing = await settledStanding(dataDir, STARTING_MS)
      if (standing.kind === 'running') say(`already running: ${told(standing)}`)
      else complain(`pid ${launched.pid} was started at the same time and did not become ready`)
      return standing.kind === 'running' ? 0 : 1
    }
    case 'failed':
      await clearStale(dataDir)
      complain(`it did not start: ${launched.why}; the end of ${how.logfile}:`)
      complain(launched.log)
      return 1
    default:
      return assertNever(launched)
  }
}

async function end(
  dataDir: string,
  mark: ProcessMark,
  patience: number,
  { say, complain }: Voice,
): Promise<number> {
  const gently = await ended(mark, patience)
  if (!gently) {
    signal(mark, 'SIGKILL')
    await ended(mark, END_MS)
  }
  await clearStale(dataDir)
  if (gently) say(`stopped: pid ${mark.pid}`)
  else complain(`pid ${mark.pid} did not end in ${Math.round(patience / 1000)} s and was killed`)
  return gently ? 0 : 1
}

function signal({ pid }: ProcessMark, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    // Gone by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Who runs, in a few words. */
export function told(standing: Extract<Standing, { kind: 'running' | 'mute' }>): string {
  if (standing.kind === 'mute')
    return standing.process === undefined ? 'a gateway' : `pid ${standing.process.pid}`
  const { pid, url, log_file } = standing.report
  return `pid ${pid}, ${url}, ${log_file === null ? 'in the foreground' : `log in ${log_file}`}`
}
