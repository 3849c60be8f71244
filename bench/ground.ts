import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, Running } from './process.js'

/** Something that a scenario can use but this machine does not have: told, and no failure. */
export class Absent extends Error {
  override readonly name = 'Absent'
}

/** Someone ended the run with a signal; `exitCode` is the shell's custom for it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly exitCode: number

  constructor(exitCode: number) {
    super('interrupted')
    this.exitCode = exitCode
  }
}

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** The compiled harness lies two folders below the checkout: build/bench. */
export const HERE = dirname(fileURLToPath(import.meta.url))
export const CHECKOUT = join(HERE, '..', '..')

/** The temporary folder and the processes of one run; nothing of either outlives it. */
export class Ground {
  readonly dir: string
  readonly #running = new Set<Running>()
  readonly #onExit = () => this.destroy()
  #count = 0
  #interrupted: Interrupted | undefined

  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), 'gw-bench-'))
    // The last line of defence, also for an uncaught error: it runs synchronously, whatever ends the process.
    process.on('exit', this.#onExit)
    for (const [signal, exitCode] of Object.entries(SIGNALS))
      process.on(signal, () => this.#interrupt(exitCode))
  }

  start(command: Command): Running {
    this.check()
    const running = new Running(command, this.dir, join(this.dir, `${++this.#count}-${command.name}.log`))
    this.#running.add(running)
    running.exit.then(() => this.#running.delete(running))
    return running
  }

  /** Called between the steps of a run, which a signal ends. */
  check(): void {
    if (this.#interrupted) throw this.#interrupted
  }

  /** Ending the processes makes the step that runs fail; a second signal does not wait for that. */
  #interrupt(exitCode: number): void {
    if (this.#interrupted) process.exit(exitCode)
    this.#interrupted = new Interrupted(exitCode)
    void this.clear()
  }

  /** A module of the harness in a process of its own. */
  startModule(name: string, module: string, input: unknown, flags: readonly string[] = []): Running {
    const args = [...flags, join(HERE, module), JSON.stringify(input)]
    return this.start({ name, file: process.execPath, args })
  }

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.dir, `${++this.#count}-${name}`)
    writeFileSync(path, content)
    return path
  }

  /** Ends all processes; what is written stays. */
  async clear(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.close()))
  }

  async close(): Promise<void> {
    await this.clear()
    process.off('exit', this.#onExit)
    this.destroy()
  }

  destroy(): void {
    for (const running of this.#running) running.destroy()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Where a program is. The system's own folders are searched too: they are missing from many users' PATH. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin']
  for (const folder of folders) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this one.
    }
  }
  return undefined
}

export const NOT_INSTALLED = 'not installed'

export function program(name: string): string {
  const path = findProgram(name)
  if (!path) throw new Absent(`${name} ${NOT_INSTALLED}`)
  return path
}

/** Below the ports that kernels give to outgoing connections, one of which might connect to itself there. */
const PORTS = { first: 20_000, count: 10_000 }
const TRIES = 100

/** A port that was free a moment ago, for programs that cannot bind port 0 and tell, or must find it again. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count)
    if (await isFree(port)) return port
  }
  throw new Error(`none of ${TRIES} ports was free`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
