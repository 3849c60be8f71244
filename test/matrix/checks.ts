/** What has to work on every version of Node, on a copy of the repository that nobody has built. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../../gateway/edge/free-port.js'
import type { Runtime } from './runtime.js'
import { run } from './steps.js'

/** Versions for which uWebSockets.js has binaries on npm. */
export const WITH_UWS: readonly string[] = ['20', '22']
export const WHY_NOT = 'uWebSockets.js has no binary for it on npm'

export interface Place {
  /** The copy. */
  readonly cwd: string
  readonly runtime: Runtime
  readonly log: string
}

/** Copies what git knows of, or would. */
export async function copy(from: string, to: string, log: string): Promise<void> {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']
  const files = (await run('git', args, { cwd: from, env: process.env, log })).split('\0')
  const gone = (
    await run('git', ['ls-files', '-z', '--deleted'], { cwd: from, env: process.env, log })
  ).split('\0')
  for (const file of files) {
    if (file === '' || gone.includes(file)) continue
    mkdirSync(dirname(join(to, file)), { recursive: true })
    cpSync(join(from, file), join(to, file))
  }
}

export const install = ({ cwd, runtime: { env }, log }: Place): Promise<string> =>
  run('npm', ['ci', '--no-audit', '--no-fund'], { cwd, env, log })

export const build = ({ cwd, runtime: { env }, log }: Place): Promise<string> =>
  run('npm', ['run', 'build'], { cwd, env, log })

/** `npm start` serves what the README asks for. `engine`: the one that has to serve it. */
export async function start({ cwd, runtime: { env }, log }: Place, engine: 'uws' | 'node'): Promise<void> {
  const port = await freePort('127.0.0.1')
  const home = join(cwd, '.matrix-state')
  const child = spawn('npm', ['start'], {
    cwd,
    env: { ...env, GW_PORT: String(port), GW_LOG_LEVEL: 'debug', XDG_STATE_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const ended = once(child, 'exit')
  try {
    const said = await Promise.race([saidUntilReady(child, log), late(60_000)])
    const response = await fetch(`http://127.0.0.1:${port}/forward`, {
      method: 'POST',
      body: '{"message":"Hello"}',
    })
    const { body } = (await response.json()) as { body: string }
    if (response.status !== 200 || body !== '{"message":"Hello"}')
      throw new Error(`npm start answers ${response.status} ${body}`)
    const fell = said.some((line) => line.includes('node:http serves instead'))
    if (fell !== (engine === 'node')) throw new Error(`npm start is not served by ${engine}`)
  } finally {
    process.kill(-child.pid!, 'SIGTERM')
    await ended
  }
}

async function saidUntilReady(child: ChildProcess, log: string): Promise<string[]> {
  const said: string[] = []
  child.stderr!.on('data', (chunk) => appendFileSync(log, chunk))
  for await (const line of createInterface(child.stdout!)) {
    said.push(line)
    appendFileSync(log, `${line}\n`)
    if (line.includes('curl -X POST')) return said
  }
  throw new Error(`npm start ended: ${said.slice(-5).join('\n')}`)
}

const late = (ms: number): Promise<never> =>
  new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`npm start is not ready in ${ms / 1000} s`)), ms).unref()
  })

/** The tests over `engines`. @returns how many passed. */
export async function tests(
  { cwd, runtime: { env }, log }: Place,
  engines: readonly string[],
): Promise<string> {
  const chosen = { ...env, GW_TEST_ENGINES: engines.join(','), GW_TEST_ENGINE: engines[0] }
  await run('npx', ['tap', 'build'], { cwd, env: chosen, log })
  const output = await run('npx', ['tap', 'run'], { cwd, env: chosen, log })
  const [, total, pass, skip = '0'] = TOTALS.exec(output) ?? []
  if (total === undefined) throw new Error('the tests do not say how many they were')
  return `${pass} of ${total}${skip === '0' ? '' : `, ${skip} skipped`}`
}

const TOTALS = /# \{ total: (\d+), pass: (\d+)(?:, fail: \d+)?(?:, skip: (\d+))?/
