/** Commands, one after another, with what they say in a log. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'

export interface Where {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** A file that gets all output. */
  readonly log: string
  /** Milliseconds until it is killed, with its children. */
  readonly timeout?: number
}

const TEN_MINUTES = 600_000
/** Of a command that fails, so many of its last lines are told. */
const TOLD = 15

/** Runs a command to its end. @returns its output. @throws Error with the end of it where it does not end with 0. */
export async function run(command: string, args: readonly string[], where: Where): Promise<string> {
  const { cwd, env, log, timeout = TEN_MINUTES } = where
  const line = [command, ...args].join(' ')
  appendFileSync(log, `\n$ ${line}\n`)
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let output = ''
  const take = (chunk: Buffer) => {
    output += chunk
    appendFileSync(log, chunk)
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  let late = false
  const timer = setTimeout(() => {
    late = true
    process.kill(-child.pid!, 'SIGKILL')
  }, timeout)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  if (late) throw new Error(`${line}: not done in ${timeout / 1000} s`)
  if (code !== 0)
    throw new Error(`${line}: ended with ${code}\n${output.trimEnd().split('\n').slice(-TOLD).join('\n')}`)
  return output
}
