import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** What the kernel tells about a process. Linux only: the figures come from /proc. */

/** Clock ticks of /proc/PID/stat per second; 100 for user space on every Linux architecture. */
const TICKS = 100
const NS_PER_TICK = 1e9 / TICKS

/**
 * Nanoseconds that a process has run, over all its threads. `schedstat` counts them singly; the ticks of
 * `stat` (10 ms each) stand in where the kernel was built without it.
 */
export function cpuNs(pid: number): number {
  let sum = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) sum += threadNs(pid, thread)
  return sum > 0 ? sum : ticks(pid).own * NS_PER_TICK
}

/** A thread may end between the listing and the reading: then it counts as nothing. */
function threadNs(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  } catch {
    return 0
  }
}

/** Nanoseconds of this process's children that have ended: what a finished load generator has cost. */
export function endedChildrenNs(): number {
  return ticks(process.pid).children * NS_PER_TICK
}

function ticks(pid: number): { own: number; children: number; parent: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command name stands in brackets and may hold blanks: count fields from its end (state is field 0).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const at = (index: number) => Number(fields[index])
  return { own: at(11) + at(12), children: at(13) + at(14), parent: at(1) }
}

export function childrenOf(pid: number): number[] {
  const found: number[] = []
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      if (ticks(Number(entry)).parent === pid) found.push(Number(entry))
    } catch {
      // It ended while we looked.
    }
  }
  return found
}

function statusBytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (!line) throw new Error(`process ${pid} has no ${field}`)
  return Number(line[1]) * 1024
}

/** Resident bytes now. */
export const rss = (pid: number): number => statusBytes(pid, 'VmRSS')

/** The most resident bytes since the process began or `resetPeak`. */
export const peakRss = (pid: number): number => statusBytes(pid, 'VmHWM')

/** Makes `peakRss` count from now; 5 is the kernel's word for that in clear_refs. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}
