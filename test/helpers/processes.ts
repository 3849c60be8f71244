/** A gateway and an agent as their users run them: two processes. Also other people's programs. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const ID = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'

export interface Tunnel {
  /** Reaches the upstream; without a final slash. */
  url: string
  /** The same by host name: ask `port` with this Host. */
  host: string
  port: number
}

/** A directory of the test's own, gone with it. */
export function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'gw-program-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Runs one of our commands until `ready` is in a line of its output. @returns that line. */
async function start(t: Test, main: string, args: string[], ready: RegExp): Promise<string> {
  const path = fileURLToPath(new URL(`../../${main}`, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], {
    cwd: folder(t),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const said: string[] = []
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${main} ended with ${code}: ${said.join('\n')}`)
  })
  ended.catch(() => {})
  createInterface(child.stderr).on('line', (line) => said.push(line))
  const found = new Promise<string>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      said.push(line)
      if (ready.test(line)) resolve(line)
    })
  })
  return Promise.race([found, ended])
}

/** `upstream`: a port of this machine. `more`: options of the gateway. */
export async function startTunnel(t: Test, upstream: number, more: readonly string[] = []): Promise<Tunnel> {
  const args = ['--port', '0', '--domain', 'gw.test', '--access-log', 'off', '--log-format', 'json', ...more]
  const line = await start(t, 'gateway/main.js', args, /listening on/)
  const gateway = /listening on (http:\/\/127\.0\.0\.1:(\d+))/.exec(line)!
  await start(
    t,
    'agent/main.js',
    [
      '--gateway',
      gateway[1]!,
      '--tunnel-id',
      ID,
      '--forward',
      `127.0.0.1:${upstream}`,
      '--log-format',
      'json',
    ],
    /\bconnected\b/,
  )
  return {
    url: `${gateway[1]}/t/${ID}`,
    host: 'prod-550e8400-e29b-41d4-a716-446655440000.gw.test',
    port: Number(gateway[2]),
  }
}

/** Whether these programs are installed, as they must be where `GW_TEST_PROGRAMS` is `required`. */
export function installed(...names: string[]): { skip: string | false } {
  const missing = names.filter((name) => {
    try {
      execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' })
      return false
    } catch {
      return true
    }
  })
  if (missing.length > 0 && process.env.GW_TEST_PROGRAMS === 'required')
    throw new Error(`not installed: ${missing.join(', ')}`)
  return { skip: missing.length > 0 && `not installed: ${missing.join(', ')}` }
}

export interface Ran {
  code: number | null
  out: string
  err: string
}

/** Runs a program to its end. Nothing of the user's own settings reaches it. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Ran> {
  const child = spawn(command, args, {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: {
      PATH: process.env.PATH ?? '',
      HOME: options.cwd ?? tmpdir(),
      LC_ALL: 'C',
      NO_PROXY: '*',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  })
  const ran: Ran = { code: null, out: '', err: '' }
  child.stdout.on('data', (chunk) => (ran.out += chunk))
  child.stderr.on('data', (chunk) => (ran.err += chunk))
  ;[ran.code] = (await once(child, 'close')) as [number | null]
  return ran
}

/** @returns the port. What is connected when the test ends is cut. */
export async function listening(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
