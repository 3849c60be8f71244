/** One run of somebody's command: a process group with a time limit, whose output's end is kept. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { assertNever } from '../../shared/errors.js'
import { OutputTail } from './output-tail.js'
import { Pace } from './pace.js'

export interface ProcessSpec {
  /** A text goes to the shell; a list is a program and its arguments. */
  readonly command: string | readonly string[]
  readonly workingDir: string
  /** All that the command gets; nothing of this process is added. */
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Given on standard input; without it that is empty. */
  readonly input?: string
}

/**
 * `ok`: exit code 0; `failed`: another, or ended by a signal; `timeout`: cut by its limit; `stopped`: cut because the
 * gateway ends; `not_started`: there is no such program or directory.
 */
export type CommandStatus = 'ok' | 'failed' | 'timeout' | 'stopped' | 'not_started'

export interface CommandResult {
  readonly status: CommandStatus
  readonly exitCode: number | null
  readonly signal: string | null
  /** The end of what it wrote to standard output and error, as it came. */
  readonly output: string
  /** Why it could not start. */
  readonly error: string | undefined
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly durationMs: number
}

/** Never rejects. `stop` ends the command as its time limit would. */
export type RunCommand = (spec: ProcessSpec, stop: AbortSignal) => Promise<CommandResult>

/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 2000

/** How long output may stay open once everything was killed: by what has left the process group. */
const LAST_MS = 500

/** Runs commands from this process. One for all who do, since they share one machine. */
export function commandRunner(): RunCommand {
  const pace = new Pace()
  const live = new Set<CommandRun>()
  // Process groups outlive a process that ends without a word; after SIGKILL nobody can help them.
  const onExit = (): void => live.forEach((one) => void one.kill('SIGKILL'))
  const begin = (spec: ProcessSpec, stop: AbortSignal): Promise<CommandResult> =>
    new Promise((resolve) => {
      if (live.size === 0) process.on('exit', onExit)
      const one = new CommandRun(spec, stop, (result) => {
        live.delete(one)
        if (live.size === 0) process.off('exit', onExit)
        resolve(result)
      })
      live.add(one)
      one.start()
    })
  return (spec, stop) => pace.start(() => begin(spec, stop))
}

/** What each command gets of the gateway's own environment: no variable that could hold a secret. */
export function baseEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const names = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR']
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

type State =
  | { readonly kind: 'running' }
  /** Told to end; SIGKILL follows. */
  | { readonly kind: 'ending'; readonly cause: 'timeout' | 'stopped' }
  | { readonly kind: 'over' }

class CommandRun {
  readonly #spec: ProcessSpec
  readonly #stop: AbortSignal
  readonly #settle: (result: CommandResult) => void
  readonly #startedAt = Date.now()
  readonly #begin = performance.now()
  readonly #tail = new OutputTail()
  #child: ChildProcess | undefined
  #state: State = { kind: 'running' }
  #timer: NodeJS.Timeout | undefined

  constructor(spec: ProcessSpec, stop: AbortSignal, settle: (result: CommandResult) => void) {
    this.#spec = spec
    this.#stop = stop
    this.#settle = settle
  }

  start(): void {
    if (this.#stop.aborted) {
      this.#over('stopped', null, null)
      return
    }
    try {
      this.#child = this.#spawn()
    } catch (error) {
      this.#over('not_started', null, null, (error as Error).message)
      return
    }
    this.#timer = setTimeout(() => this.#end('timeout'), this.#spec.timeoutMs)
    this.#stop.addEventListener('abort', this.#onStop)
  }

  #spawn(): ChildProcess {
    const { command, workingDir, env, input } = this.#spec
    const [program, args, shell] =
      typeof command === 'string' ? [command, [], true] : [command[0]!, command.slice(1), false]
    const child = spawn(program, args, {
      cwd: workingDir,
      env: { ...env },
      shell,
      // A group of its own: what the command starts can be ended with it.
      detached: true,
      windowsHide: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    child.once('error', (error) => {
      if (child.pid === undefined) this.#over('not_started', null, null, this.#reason(error))
    })
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk: Buffer) => this.#tail.push(chunk))
      stream.on('error', () => {})
    }
    // A command need not read its input: the pipe then breaks, and that is no failure.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
    // Its end is that of all who hold its output: what it leaves in the background counts against its time.
    child.once('close', (code, signal) => this.#onClose(code, signal))
    return child
  }

  readonly #onStop = (): void => this.#end('stopped')

  #end(cause: 'timeout' | 'stopped'): void {
    if (this.#state.kind !== 'running') return
    this.#state = { kind: 'ending', cause }
    this.kill('SIGTERM')
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.kill('SIGKILL')
      this.#timer = setTimeout(() => this.#over(cause, null, 'SIGKILL'), LAST_MS)
    }, GRACE_MS)
  }

  #onClose(code: number | null, signal: string | null): void {
    switch (this.#state.kind) {
      case 'running':
        this.#over(code === 0 ? 'ok' : 'failed', code, signal)
        break
      case 'ending':
        // Others of the group may be left, with their output elsewhere.
        this.kill('SIGKILL')
        this.#over(this.#state.cause, code, signal)
        break
      case 'over':
        break
      default:
        assertNever(this.#state)
    }
  }

  /** The whole group. */
  kill(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch (error) {
      // Nobody is left; or there are no groups on this platform.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') this.#child?.kill(signal)
    }
  }

  /** Node names the program where it is the directory that is missing. */
  #reason(error: Error): string {
    const { workingDir } = this.#spec
    return existsSync(workingDir) ? error.message : `the directory ${workingDir} is not there`
  }

  #over(status: CommandStatus, exitCode: number | null, signal: string | null, error?: string): void {
    if (this.#state.kind === 'over') return
    this.#state = { kind: 'over' }
    clearTimeout(this.#timer)
    this.#stop.removeEventListener('abort', this.#onStop)
    this.#child?.stdout?.destroy()
    this.#child?.stderr?.destroy()
    this.#settle({
      status,
      exitCode,
      signal,
      output: this.#tail.text(),
      error,
      startedAt: this.#startedAt,
      durationMs: Math.round(performance.now() - this.#begin),
    })
  }
}
