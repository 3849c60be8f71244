/** Processes of a run: started, signalled and always ended, whatever becomes of the run. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const POLL_MS = 20
const running = new Set<Child>()

function killAll(): void {
  for (const child of running) child.signal('SIGKILL')
}

process.on('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killAll()
    process.exit(130)
  })
}

export class Child {
  readonly name: string
  readonly pid: number
  readonly log: string
  readonly exit: Promise<Exit>
  /** It is to end: by a signal from here. */
  doomed = false
  /** Undefined while it runs. */
  ended: Exit | undefined
  readonly process: ChildProcess

  /** A module and its arguments; its output goes to the file `log`, where reading it costs nobody time. */
  constructor(name: string, args: readonly string[], log: string, ipc = false) {
    this.name = name
    this.log = log
    const output = openSync(log, 'w')
    const kept = Object.entries(process.env).filter(
      ([key]) => !/^(GW_|NODE_|TAP|https?_proxy$|all_proxy$)/i.test(key),
    )
    this.process = spawn(process.execPath, args, {
      env: Object.fromEntries(kept),
      stdio: ['ignore', output, output, ...(ipc ? (['ipc'] as const) : [])],
    })
    closeSync(output)
    this.pid = this.process.pid ?? 0
    running.add(this)
    this.exit = new Promise((resolve) => {
      const over = (code: number | null, signal: NodeJS.Signals | null): void => {
        running.delete(this)
        this.ended = { code, signal }
        resolve(this.ended)
      }
      this.process.once('exit', over)
      this.process.once('error', () => over(null, null))
    })
  }

  get output(): string {
    return readFileSync(this.log, 'utf8')
  }

  signal(signal: NodeJS.Signals): void {
    if (this.ended !== undefined) return
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.doomed = true
    this.process.kill(signal)
  }

  /** Resolves with its end, which was asked for. Rejects after `ms`: longer than it may drain. */
  async ends(ms = 45_000): Promise<Exit> {
    await until(`${this.name} ends`, ms, () => this.ended !== undefined)
    return this.exit
  }

  /** Kills it and waits for its end. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.exit
  }

  /** Resolves with the first output that matches. Rejects where the process ends first, or after `ms`. */
  async printed(pattern: RegExp, ms = 30_000): Promise<RegExpExecArray> {
    for (const end = performance.now() + ms; ; await sleep(POLL_MS)) {
      const match = pattern.exec(this.output)
      if (match !== null) return match
      if (this.ended !== undefined)
        throw new Error(`${this.name} ended before it said ${pattern}:\n${this.output}`)
      if (performance.now() > end) throw new Error(`${this.name} said no ${pattern}:\n${this.output}`)
    }
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
  }

  /** Resident bytes. */
  get rss(): number {
    const pages = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))
    return Number(pages?.[1]) * 1024
  }
}

/** Looks until `done` is true. Rejects after `ms`. */
export async function until(what: string, ms: number, done: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + ms
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await sleep(POLL_MS)
  }
}
