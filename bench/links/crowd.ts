import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Absent, type Ground } from '../ground.js'
import type { Running } from '../process.js'

/** What a process of agents is told. */
export interface DriverOrder {
  readonly host: string
  readonly links: number
  /** The tunnel id of the first of its agents; the others have random ones. */
  readonly firstId: string
  /** Whether agents whose link is lost dial again. */
  readonly redial: boolean
}

/** Times are milliseconds since the epoch, with fractions. */
export interface DriverReport {
  readonly began: number
  readonly ended: number
  readonly lost: number
  readonly pings: number
  readonly returns: readonly number[]
}

/** Agents of one process: below the usual bound of 20,000 descriptors, and few enough to share its core. */
const BY_PROCESS = 5_000
/** Descriptors that a gateway needs beside its links. */
const SPARE = 500
const PATIENCE_MS = 60_000

/** Many agents that do nothing but stay and answer, spread over processes. */
export class Crowd {
  /** The tunnel id of one of them. */
  readonly id: string
  /** Milliseconds from the first dial to the last link that became ready. */
  readonly openingMs: number
  readonly processes: readonly Running[]
  #counts = 0

  private constructor(id: string, openingMs: number, processes: readonly Running[]) {
    this.id = id
    this.openingMs = openingMs
    this.processes = processes
  }

  static async open(ground: Ground, host: string, links: number, redial = false): Promise<Crowd> {
    requireDescriptors(links + SPARE)
    const id = `agent_${randomUUID()}_idle`
    const processes: Running[] = []
    for (let left = links; left > 0; left -= BY_PROCESS) {
      const firstId = processes.length === 0 ? id : `agent_${randomUUID()}_idle`
      const order: DriverOrder = { host, links: Math.min(left, BY_PROCESS), firstId, redial }
      processes.push(ground.startModule('links', 'links/driver.js', order))
    }
    const reports = await reportsOf(processes, /^OPENED (.+)\n/m)
    const began = Math.min(...reports.map((report) => report.began))
    const ended = Math.max(...reports.map((report) => report.ended))
    return new Crowd(id, ended - began, processes)
  }

  /** What the links have seen so far. */
  async count(): Promise<{ readonly lost: number; readonly pings: number }> {
    const turn = ++this.#counts
    for (const { pid } of this.processes) process.kill(pid, 'SIGUSR2')
    const reports = await reportsOf(this.processes, new RegExp(`^COUNTED ${turn} (.+)\\n`, 'm'))
    return {
      lost: reports.reduce((sum, report) => sum + report.lost, 0),
      pings: reports.reduce((sum, report) => sum + report.pings, 0),
    }
  }

  /** Waits until all links stand again after they were lost. @returns when each did, ascending. */
  async back(): Promise<number[]> {
    const reports = await reportsOf(this.processes, /^BACK (.+)\n/m)
    return reports.flatMap((report) => report.returns).sort((a, b) => a - b)
  }

  async close(): Promise<void> {
    for (const running of this.processes) running.destroy()
    await Promise.all(this.processes.map((running) => running.exit))
  }
}

async function reportsOf(processes: readonly Running[], pattern: RegExp): Promise<DriverReport[]> {
  const lines = await Promise.all(processes.map((running) => running.waitFor(pattern, PATIENCE_MS)))
  return lines.map(([, text = '']) => JSON.parse(text) as DriverReport)
}

/** Node raises its own bound to the hard one, which nothing here may raise. */
function requireDescriptors(count: number): void {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const most = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
  if (most < count) throw new Absent(`${count} file descriptors are needed, the limit is ${most}`)
}
