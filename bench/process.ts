import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Command {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

type State =
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly code: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly kind: 'unstartable'; readonly error: Error }

const POLL_MS = 20
/** A process that does not end this long after SIGTERM is killed. */
const PATIENCE_MS = 3_000

/**
 * A process that the harness started. Its output goes to a file, so that reading it costs no CPU during a
 * round; it leads a process group of its own, so that its workers go with it.
 */
export class Running {
  readonly name: string
  readonly pid: number
  readonly exit: Promise<void>
  readonly #log: string
  #state: State = { kind: 'running' }

  constructor(command: Command, cwd: string, log: string) {
    this.name = command.name
    this.#log = log
    const output = openSync(log, 'w')
    const child = spawn(command.file, command.args, {
      cwd,
      detached: true,
      env: { ...cleanEnvironment(), ...command.env },
      stdio: ['ignore', output, output],
    })
    closeSync(output)
    this.pid = child.pid ?? 0
    this.exit = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#state = { kind: 'unstartable', error }
        resolve()
      })
      child.once('exit', (code, signal) => {
        this.#state = { kind: 'ended', code, signal }
        resolve()
      })
    })
  }

  get output(): string {
    return readFileSync(this.#log, 'utf8')
  }

  /** Throws if the process is gone, with the last that it said. */
  check(): void {
    if (this.#state.kind !== 'running') throw new Error(this.#obituary(this.#state))
  }

  /** Waits for output that matches; fails when the process ends first or the time is over. */
  async waitFor(pattern: RegExp, ms = 10_000): Promise<RegExpExecArray> {
    const end = performance.now() + ms
    for (;;) {
      const match = pattern.exec(this.output)
      if (match) return match
      this.check()
      if (performance.now() > end) {
        throw new Error(`${this.name} printed nothing like ${pattern} in ${ms} ms${this.#lastWords()}`)
      }
      await sleep(POLL_MS)
    }
  }

  /** Waits for a process that ends by itself, and gives what it printed. */
  async finish(ms: number): Promise<string> {
    const late = new AbortController()
    const over = sleep(ms, 'late', { signal: late.signal }).catch(() => 'in time')
    const outcome = await Promise.race([this.exit, over])
    late.abort()
    if (outcome === 'late') {
      this.destroy()
      throw new Error(`${this.name} did not finish in ${ms} ms${this.#lastWords()}`)
    }
    const state = this.#state
    if (state.kind !== 'ended' || state.code !== 0) throw new Error(this.#obituary(state))
    return this.output
  }

  async close(): Promise<void> {
    this.#signal('SIGTERM')
    const killer = setTimeout(() => this.destroy(), PATIENCE_MS)
    await this.exit
    clearTimeout(killer)
    // What a leader that died badly left of its group.
    this.#group('SIGKILL')
  }

  destroy(): void {
    this.#signal('SIGKILL')
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#state.kind === 'running') this.#group(signal)
  }

  #group(signal: NodeJS.Signals): void {
    if (this.pid === 0) return
    try {
      process.kill(-this.pid, signal)
    } catch {
      // The whole group has ended already.
    }
  }

  #obituary(state: State): string {
    switch (state.kind) {
      case 'unstartable':
        return `${this.name} could not start: ${state.error.message}`
      case 'ended':
        return `${this.name} ended (${state.signal ?? `exit ${state.code}`})${this.#lastWords()}`
      case 'running':
        return `${this.name} still runs`
    }
  }

  #lastWords(): string {
    const lines = this.output.trim().split('\n').slice(-5).join('\n    ')
    return lines ? `; it said:\n    ${lines}` : ''
  }
}

/** Settings of the gateway and proxies in the caller's environment would change what is measured. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(GW_|https?_proxy$|all_proxy$)/i.test(name))
  return Object.fromEntries(kept)
}
