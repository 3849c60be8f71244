import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Absent, type Ground, HERE } from './ground.js'
import type { Service } from './service.js'

/** Which build is measured, and how its gateway is to run. */
export interface Build {
  readonly root: string
  readonly engine: string | undefined
}

/** How one gateway differs from the quiet one that is compared with other proxies. */
export interface GatewaySettings {
  readonly engine?: 'uws' | 'node'
  readonly accessLog?: boolean
  readonly inspect?: boolean
  /** The gateway asks for this token; the agent and the load show it. */
  readonly token?: string
  /** Without it a free one is taken. */
  readonly port?: number
  /** How often links are pinged, such as `3s`. */
  readonly pingInterval?: string
  /** Watches the loop: SIGUSR2 makes it tell. */
  readonly watched?: boolean
}

/**
 * nginx, the reference, is measured without its access log; like is compared with like. Settings are given
 * as variables, because a build that does not have one yet ignores it.
 */
const QUIET = {
  GW_ACCESS_LOG: 'off',
  GW_INSPECT: 'false',
  GW_LOG_FORMAT: 'json',
  GW_DRAIN_TIMEOUT: '1s',
  // Room for 15,000 links and their callers, below the usual bound of 20,000 descriptors.
  GW_MAX_CONNECTIONS: '19000',
}

/** More exchanges at once than any scenario has: the bounds of either end are not what is measured. */
const MANY = '4000'

export async function startGateway(
  ground: Ground,
  build: Build,
  settings: GatewaySettings = {},
): Promise<Service> {
  const { accessLog, inspect, token, pingInterval, port = 0 } = settings
  const engine = settings.engine ?? build.engine
  const running = ground.start({
    name: 'gateway',
    file: process.execPath,
    args: [
      ...(settings.watched ? ['--import', pathToFileURL(join(HERE, 'loop-lag.js')).href] : []),
      command(build, 'gateway/bin/gw-gateway.js'),
      ...['--host', '127.0.0.1', '--port', String(port), '--max-streams', MANY],
      ...(engine ? ['--engine', engine] : []),
      ...(token === undefined ? [] : ['--auth', 'token']),
    ],
    env: {
      ...QUIET,
      GW_DATA_DIR: join(ground.dir, randomUUID()),
      ...(accessLog && { GW_ACCESS_LOG: 'on' }),
      ...(inspect && { GW_INSPECT: 'true' }),
      ...(token !== undefined && { GW_TOKEN: token }),
      ...(pingInterval !== undefined && { GW_PING_INTERVAL: pingInterval }),
    },
  })
  const [, host = ''] = await running.waitFor(/listening on http:\/\/([\w.:[\]-]+)/)
  return {
    host,
    base: '',
    headers: token === undefined ? [] : [`Authorization: Bearer ${token}`],
    members: [{ name: 'gateway', pid: running.pid }],
    processes: [running],
  }
}

export type Serves = { readonly kind: 'forward'; readonly target: string } | { readonly kind: 'handler' }

/** Connects one agent to a gateway, which it may reach through something else; callers use the tunnel's own path. */
export async function startTunnel(
  ground: Ground,
  build: Build,
  serves: Serves,
  settings: GatewaySettings = {},
  reach: (gateway: Service) => Promise<Service> = async (gateway) => gateway,
): Promise<Service> {
  const gateway = await startGateway(ground, build, settings)
  const way = await reach(gateway)
  const tunnelId = `agent_${randomUUID()}_bench`
  const agent = ground.start({
    name: 'agent',
    file: process.execPath,
    args: [
      command(build, 'agent/bin/gw-agent.js'),
      '--tunnel-id',
      tunnelId,
      '--gateway',
      `http://${way.host}`,
      '--max-concurrent',
      MANY,
      ...what(serves),
    ],
    env: {
      ...QUIET,
      XDG_STATE_HOME: ground.dir,
      ...(settings.token !== undefined && { GW_TOKEN: settings.token }),
    },
  })
  await agent.waitFor(new RegExp(`connected[^\\n]*${tunnelId}|${tunnelId}[^\\n]*connected`))
  return {
    ...gateway,
    base: `/t/${tunnelId}`,
    members: [...gateway.members, { name: 'agent', pid: agent.pid }],
    processes: [...new Set([agent, ...way.processes, ...gateway.processes])],
  }
}

function what(serves: Serves): string[] {
  switch (serves.kind) {
    case 'forward':
      return ['--forward', serves.target]
    case 'handler':
      return ['--handlers', join(HERE, 'handler.js')]
  }
}

/** What a build cannot do yet is absent, and no failure. */
export function requireOption(build: Build, option: string): void {
  const help = helpOf(command(build, 'gateway/bin/gw-gateway.js'))
  if (!new RegExp(`^ +${option}\\b`, 'm').test(help)) throw new Absent(`the gateway has no ${option}`)
}

const helps = new Map<string, string>()

function helpOf(file: string): string {
  const known = helps.get(file)
  if (known !== undefined) return known
  const help = execFileSync(process.execPath, [file, '--help'], { encoding: 'utf8', timeout: 10_000 })
  helps.set(file, help)
  return help
}

function command(build: Build, path: string): string {
  const file = join(build.root, path)
  if (!existsSync(file)) throw new Error(`${path} is not there: is the project built?`)
  return file
}
