import { type ChildProcess, fork } from 'node:child_process'
import { baseEnvironment, type CommandResult, type ProcessSpec, type RunCommand } from './command.js'

/** To the process. */
export type LauncherRequest =
  | { readonly kind: 'run'; readonly id: number; readonly spec: ProcessSpec }
  | { readonly kind: 'stop'; readonly id: number }

/** From it. */
export interface LauncherAnswer {
  readonly id: number
  readonly result: CommandResult
}

/** A command that was stopped is gone by then, or whoever should have told so is. */
const STOPPED_MS = 5000

/**
 * Runs commands from a small process of its own. A fork stops the process that does it, the longer the more memory
 * that has: measured in one of 100 MB that works, 5 to 9 ms each, in which no request is served. Here a command
 * costs the gateway a message. The process starts with `start`, or with the first command.
 */
export class Launcher {
  readonly #pending = new Map<number, (result: CommandResult) => void>()
  #process: ChildProcess | undefined
  #lastId = 0

  readonly run: RunCommand = (spec, stop) => {
    const child = this.#ready()
    this.#lastId += 1
    const id = this.#lastId
    const begin = Date.now()
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const onStop = (): void => {
        this.#send(child, { kind: 'stop', id })
        timer = setTimeout(
          () => this.#settle(id, failure('stopped', begin, 'nothing is known of its end')),
          STOPPED_MS,
        )
      }
      this.#pending.set(id, (result) => {
        clearTimeout(timer)
        stop.removeEventListener('abort', onStop)
        resolve(result)
      })
      // While something runs it keeps the gateway's process alive, else it does not.
      child.ref()
      child.channel?.ref()
      this.#send(child, { kind: 'run', id, spec })
      if (stop.aborted) onStop()
      else stop.addEventListener('abort', onStop)
    })
  }

  /** What still runs is killed. */
  close(): void {
    if (this.#process?.connected) this.#process.disconnect()
    this.#process = undefined
  }

  /** The one fork of the gateway's own: best before there is traffic. */
  start(): void {
    this.#ready()
  }

  #ready(): ChildProcess {
    if (this.#process !== undefined) return this.#process
    this.#process = this.#fork()
    this.#rest()
    return this.#process
  }

  #fork(): ChildProcess {
    const child = fork(new URL('./launcher-process.js', import.meta.url), [], {
      env: baseEnvironment(),
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const ended = (error?: Error): void => {
      if (this.#process === child) this.#process = undefined
      const reason = error?.message ?? 'the process that runs commands has ended'
      for (const id of [...this.#pending.keys()]) this.#settle(id, failure('failed', Date.now(), reason))
    }
    child.on('message', ({ id, result }: LauncherAnswer) => this.#settle(id, result))
    child.once('error', ended)
    child.once('exit', () => ended())
    return child
  }

  #send(child: ChildProcess, request: LauncherRequest): void {
    // Where it has ended, `exit` settles everything.
    child.send(request, () => {})
  }

  #settle(id: number, result: CommandResult): void {
    const resolve = this.#pending.get(id)
    this.#pending.delete(id)
    if (this.#pending.size === 0) this.#rest()
    resolve?.(result)
  }

  #rest(): void {
    this.#process?.unref()
    this.#process?.channel?.unref()
  }
}

function failure(status: 'failed' | 'stopped', startedAt: number, error: string): CommandResult {
  const durationMs = Date.now() - startedAt
  return { status, exitCode: null, signal: null, output: '', error, startedAt, durationMs }
}
