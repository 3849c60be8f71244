/** `gw-gateway` as its operators run it: commands about a gateway in the background. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { folder, type Ran, runProgram } from './processes.js'

const MAIN = fileURLToPath(new URL('../../gateway/main.js', import.meta.url))

export class Daemons {
  /** Where the commands run; the data directory is the default one in it. */
  readonly directory: string
  readonly dataDir: string
  /** Every pid that was seen. */
  readonly pids = new Set<number>()

  constructor(t: Test) {
    this.directory = folder(t)
    this.dataDir = join(this.directory, '.gw')
    t.teardown(() => {
      this.pid()
      for (const pid of this.pids) kill(pid)
    })
  }

  /** Runs one command to its end. */
  async run(command: string, env: Record<string, string> = {}): Promise<Ran> {
    const ran = await runProgram(process.execPath, [MAIN, ...command.split(' ')], {
      cwd: this.directory,
      env,
    })
    this.pid()
    return ran
  }

  /** What `gateway.pid` says. */
  pid(): number | undefined {
    try {
      const pid = Number(readFileSync(join(this.dataDir, 'gateway.pid'), 'utf8'))
      this.pids.add(pid)
      return pid
    } catch {
      return undefined
    }
  }

  async status(): Promise<Record<string, unknown>> {
    return JSON.parse((await this.run('status --json')).out)
  }

  /** What stands in the data directory beside the log. */
  left(): string[] {
    return readdirSync(this.dataDir).filter((name) => name !== 'gateway.log')
  }

  /** Of the processes that were seen those that still run. */
  living(): number[] {
    return [...this.pids].filter((pid) => alive(pid))
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone.
  }
}

/** Zombies count as gone: nobody may be there to reap what a dead command has started. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return process.platform !== 'linux'
  }
}
