/**
 * Which background gateway a data directory has: `gateway.lock` says which process exactly and how it was started,
 * `gateway.pid` has its pid for other programs. The lock is true only while that process lives, so what a killed one
 * leaves holds nobody up, whoever has its pid by now.
 */
import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makePrivateDirectory } from '../../shared/private-directory.js'
import { lives, markOf, type ProcessMark } from '../../shared/process-mark.js'

const LOCK = 'gateway.lock'
const PID = 'gateway.pid'

/** While another clears a stale lock away, which takes it far less than a millisecond. */
const MOST_TRIES = 500
const PAUSE_MS = 2

export interface LockEntry extends ProcessMark {
  /** What `gw-gateway serve` was given, to start it so again. */
  readonly args: readonly string[]
  /** Where that was. */
  readonly directory: string
  readonly logfile: string
}

/** Undefined where there is no lock, or none that can be read: that one counts as stale. */
export function readLock(dataDir: string): LockEntry | undefined {
  return parse(textOf(join(dataDir, LOCK)))
}

/** Takes the lock for this process and until its end. @returns who has it, where another does. */
export function takeLock(dataDir: string, how: Omit<LockEntry, keyof ProcessMark>): LockEntry | undefined {
  makePrivateDirectory(dataDir)
  const path = join(dataDir, LOCK)
  const entry: LockEntry = { ...markOf(process.pid)!, ...how }
  const own = written(path, entry)
  try {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      // A link either fails or stands there whole: nobody reads half a lock.
      if (linked(own, path)) {
        writeFileSync(join(dataDir, PID), `${process.pid}\n`, { mode: 0o600 })
        process.once('exit', () => release(dataDir, entry))
        return undefined
      }
      const held = textOf(path)
      const holder = parse(held)
      if (holder !== undefined && lives(holder)) return holder
      if (held !== undefined && !removed(path, held, own)) pause()
    }
    throw new Error(`${path} is fought over`)
  } finally {
    rmSync(own, { force: true })
  }
}

/** Removes what a process that is gone has left. The lock of one that lives stays. */
export function clearStaleLock(dataDir: string): void {
  const path = join(dataDir, LOCK)
  const text = textOf(path)
  const holder = parse(text)
  if (holder !== undefined && lives(holder)) return
  if (text !== undefined) {
    const own = written(path, { ...markOf(process.pid)!, args: [], directory: '', logfile: '' })
    for (let tries = 0; tries < MOST_TRIES && !removed(path, text, own); tries++) pause()
    rmSync(own, { force: true })
  }
  for (const name of namesIn(dataDir)) {
    const [, whose] = /^gateway\.lock\.(\d+|turn)$/.exec(name) ?? []
    if (whose === undefined) continue
    // What is named after a pid may not be written yet.
    const mark = whose === 'turn' ? parse(textOf(join(dataDir, name))) : markOf(Number(whose))
    if (mark === undefined || !lives(mark)) rmSync(join(dataDir, name), { force: true })
  }
}

function release(dataDir: string, { pid, began }: ProcessMark): void {
  const holder = readLock(dataDir)
  if (holder?.pid !== pid || holder.began !== began) return
  rmSync(join(dataDir, PID), { force: true })
  rmSync(join(dataDir, LOCK), { force: true })
}

/** Beside the lock, to be linked to where it counts. */
function written(path: string, entry: LockEntry): string {
  const own = `${path}.${process.pid}`
  writeFileSync(own, `${JSON.stringify(entry)}\n`, { mode: 0o600 })
  return own
}

/**
 * Removes the lock, and its pid file, if it still says `stale`. One process at a time: otherwise one could remove what another has just
 * put in the place of what both have seen. @returns false where another is at it.
 */
function removed(path: string, stale: string, own: string): boolean {
  const turn = `${path}.turn`
  if (!linked(own, turn)) {
    const text = textOf(turn)
    const other = parse(text)
    if (text !== undefined && (other === undefined || !lives(other))) rmSync(turn, { force: true })
    return false
  }
  if (textOf(path) === stale) {
    // In this order: as long as the lock stands nobody writes another pid file.
    rmSync(join(dirname(path), PID), { force: true })
    rmSync(path, { force: true })
  }
  rmSync(turn, { force: true })
  return true
}

/** Nothing else goes on in a process that takes its lock. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function parse(text: string | undefined): LockEntry | undefined {
  try {
    const entry = JSON.parse(text ?? '') as Partial<LockEntry>
    const { pid, began, args, directory, logfile } = entry
    const whole =
      Number.isSafeInteger(pid) &&
      [began, directory, logfile].every((member) => typeof member === 'string') &&
      Array.isArray(args) &&
      args.every((arg) => typeof arg === 'string')
    return whole ? (entry as LockEntry) : undefined
  } catch {
    return undefined
  }
}
