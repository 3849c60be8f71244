/** A gateway in the background: how the command that starts it and the process itself tell each other what became. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makePrivateDirectory } from '../../shared/private-directory.js'
import { takeLock } from './lock.js'

/** Set for the background process only, and removed there, so that what it runs does not take itself for one. */
const VARIABLE = 'GW_BACKGROUND'

/** From the spawn to the ready line. */
const READY_MS = 60_000

/** Lines at the end of a log that say why a start failed. */
const LOG_LINES = 20

/** How a background gateway is started. */
export interface Launch {
  /** What `gw-gateway serve` is given. */
  readonly args: readonly string[]
  readonly directory: string
  readonly logfile: string
}

export type Launched =
  | { readonly kind: 'ready'; readonly pid: number; readonly url: string }
  /** Another was quicker. */
  | { readonly kind: 'held'; readonly pid: number }
  /** `log`: the end of what it said. */
  | { readonly kind: 'failed'; readonly why: string; readonly log: string }

type Message = Exclude<Launched, { kind: 'failed' }>

/** Resolves once it accepts connections, or it is known that it does not. */
export async function launch({ args, directory, logfile }: Launch): Promise<Launched> {
  makePrivateDirectory(dirname(logfile))
  const log = openSync(logfile, 'a', 0o600)
  try {
    const { size } = fstatSync(log)
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, 'serve', ...args], {
      cwd: directory,
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...process.env, [VARIABLE]: JSON.stringify({ args, logfile }) },
    })
    const became = await outcomeOf(child)
    if (typeof became !== 'string') return became
    return { kind: 'failed', why: became, log: endOf(logfile, size) }
  } finally {
    closeSync(log)
  }
}

/** @returns why, where it failed. */
async function outcomeOf(child: ChildProcess): Promise<Message | string> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise((resolve) => {
      child.once('message', (message) => resolve(message as Message))
      child.once('error', (error) => resolve(error.message))
      child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? code}`))
      timer = setTimeout(() => {
        child.kill('SIGKILL')
        resolve(`it was not ready in ${READY_MS / 1000} s`)
      }, READY_MS)
    })
  } finally {
    clearTimeout(timer)
    if (child.connected) child.disconnect()
    child.unref()
  }
}

function endOf(logfile: string, from: number): string {
  const lines = readFileSync(logfile).subarray(from).toString('utf8').trimEnd().split('\n')
  return lines.slice(-LOG_LINES).join('\n')
}

/** This process, where `launch` made it. */
export interface Background {
  readonly logfile: string
  /** False where another gateway has the data directory; who waits was told. */
  hold(dataDir: string): Promise<boolean>
  ready(url: string): Promise<void>
}

/** Undefined in the foreground. */
export function backgroundOf(env: NodeJS.ProcessEnv): Background | undefined {
  const text = env[VARIABLE]
  if (text === undefined) return undefined
  delete env[VARIABLE]
  const { args, logfile } = JSON.parse(text) as Pick<Launch, 'args' | 'logfile'>
  return {
    logfile,
    async hold(dataDir) {
      const holder = takeLock(dataDir, { args, directory: process.cwd(), logfile })
      if (holder !== undefined) await tell({ kind: 'held', pid: holder.pid })
      return holder === undefined
    },
    ready: (url) => tell({ kind: 'ready', pid: process.pid, url }),
  }
}

/** Who started this may be gone by now; that changes nothing. */
function tell(message: Message): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return resolve()
    process.send!(message, () => {
      if (process.connected) process.disconnect()
      resolve()
    })
  })
}
