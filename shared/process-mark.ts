import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** One process among all that ever have its pid. */
export interface ProcessMark {
  readonly pid: number
  /** When it began, as the system tells it: only ever compared. */
  readonly began: string
}

/** The process that has this pid now; undefined where there is none, or only what a dead one left (a zombie). */
export function markOf(pid: number): ProcessMark | undefined {
  const began = process.platform === 'linux' ? beganOnLinux(pid) : beganByPs(pid)
  return began === undefined ? undefined : { pid, began }
}

/** Whether that very process still runs. */
export function lives({ pid, began }: ProcessMark): boolean {
  return markOf(pid)?.began === began
}

/** The same of one whose beginning may not be known (null), as where there is no `ps`: then its pid alone counts. */
export function mayLive(pid: number, began: string | null): boolean {
  const mark = markOf(pid)
  if (mark !== undefined && began !== null) return mark.began === began
  if (process.platform === 'linux') return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's process.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Ticks since the boot, and which boot that was. */
function beganOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses and may hold anything; the third is the state.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // Its first thread may end before the others, which still hold its sockets and files: those count (field 20).
    if ((fields[0] === 'Z' || fields[0] === 'X') && Number(fields[17]) <= 1) return undefined
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${fields[19]}`
  } catch {
    return undefined
  }
}

function beganByPs(pid: number): string | undefined {
  try {
    const out = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
    const [state = 'Z', ...began] = out.split(/\s+/)
    return state.startsWith('Z') ? undefined : began.join(' ')
  } catch {
    return undefined
  }
}
