/** Whether a process lives that was seen before: ids of processes are used again, so its start counts too. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** When the process started, in words that only compare; undefined where it is dead or the platform does not say. */
export function processStart(pid: number): string | undefined {
  if (process.platform === 'linux') return fromProc(pid)
  if (process.platform === 'win32') return undefined
  try {
    const out = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    return out === '' ? undefined : out
  } catch {
    return undefined
  }
}

/** `start` as `processStart` gave it; null where it was not known. */
export function isAlive(pid: number, start: string | null): boolean {
  const now = processStart(pid)
  if (now !== undefined && start !== null) return now === start
  if (process.platform === 'linux') return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's process.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Field 22 of `stat`, in clock ticks since the boot. The name before it may hold blanks and brackets. */
function fromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A killed child that nobody has waited for is a zombie, and dead.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
