/** What runs on a data directory, as a command finds it. */

import { lives, type ProcessMark } from '../../shared/process-mark.js'
import { ControlError, control } from '../control/client.js'
import { removeStaleSocket } from '../control/server.js'
import { clearStaleLock, type LockEntry, readLock } from './lock.js'

/** What a gateway tells of itself on its control socket. */
export interface StatusReport extends ProcessMark {
  readonly url: string
  readonly version: string
  readonly node: string
  /** ISO 8601. */
  readonly started_at: string
  readonly data_dir: string
  readonly config: string | null
  /** Null in the foreground. */
  readonly log_file: string | null
  readonly draining: boolean
  /** Milliseconds that its end may take. */
  readonly drain_timeout: number
}

export type Standing =
  | { readonly kind: 'running'; readonly report: StatusReport }
  /** It lives and does not answer: it has just begun, is about to end, or hangs. `process`: unknown in the foreground. */
  | { readonly kind: 'mute'; readonly process: ProcessMark | undefined }
  /** It was killed, and has left its lock. */
  | { readonly kind: 'dead'; readonly entry: LockEntry }
  | { readonly kind: 'stopped' }

/** A gateway whose loop turns answers far within this many milliseconds. */
const ANSWER_MS = 3000

const POLL_MS = 25

export async function standingOf(dataDir: string): Promise<Standing> {
  const report = await reportOf(dataDir)
  const entry = readLock(dataDir)
  const holder = entry !== undefined && lives(entry) ? entry : undefined
  if (report === 'mute') return { kind: 'mute', process: holder }
  if (report !== undefined) return { kind: 'running', report }
  if (holder !== undefined) return { kind: 'mute', process: holder }
  return entry === undefined ? { kind: 'stopped' } : { kind: 'dead', entry }
}

/** Waits for a gateway that has just begun, or is about to end. */
export async function settledStanding(dataDir: string, patience: number): Promise<Standing> {
  const until = performance.now() + patience
  for (;;) {
    const standing = await standingOf(dataDir)
    if (standing.kind !== 'mute' || performance.now() > until) return standing
    await pause()
  }
}

/** @returns whether that process ended within `patience` ms. */
export async function ended(mark: ProcessMark, patience: number): Promise<boolean> {
  const until = performance.now() + patience
  while (lives(mark)) {
    if (performance.now() > until) return false
    await pause()
  }
  return true
}

/** Removes the lock, the pid file and the socket of a gateway that was killed. */
export async function clearStale(dataDir: string): Promise<void> {
  clearStaleLock(dataDir)
  await removeStaleSocket(dataDir)
}

async function reportOf(dataDir: string): Promise<StatusReport | 'mute' | undefined> {
  try {
    return (await control(dataDir, 'status', {}, ANSWER_MS))?.answer as StatusReport | undefined
  } catch (error) {
    if (error instanceof ControlError && (error.code === 'timeout' || error.code === 'no_answer'))
      return 'mute'
    throw error
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS))
}
