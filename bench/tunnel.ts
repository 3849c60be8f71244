import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Ground, HERE } from './ground.js'
import type { Service } from './service.js'

/** Which build is measured, and how its gateway is to run. */
export interface Build {
  readonly root: string
  readonly engine: string | undefined
}

/**
 * nginx, the reference, is measured without its access log; like is compared with like. Settings are given
 * as variables, because a build that does not have one yet ignores it.
 */
const QUIET = { GW_ACCESS_LOG: 'off', GW_LOG_FORMAT: 'json', GW_DRAIN_TIMEOUT: '1s' }
const LOUD = { ...QUIET, GW_ACCESS_LOG: 'on' }

export async function startGateway(ground: Ground, build: Build, accessLog: boolean): Promise<Service> {
  const engine = build.engine ? ['--engine', build.engine] : []
  const running = ground.start({
    name: 'gateway',
    file: process.execPath,
    args: [command(build, 'gateway/bin/gw-gateway.js'), '--host', '127.0.0.1', '--port', '0', ...engine],
    env: accessLog ? LOUD : QUIET,
  })
  const [, host = ''] = await running.waitFor(/listening on http:\/\/([\w.:[\]-]+)/)
  return { host, base: '', members: [{ name: 'gateway', pid: running.pid }], processes: [running] }
}

export type Serves = { readonly kind: 'forward'; readonly target: string } | { readonly kind: 'handler' }

/** A gateway and one agent behind it, reached by the tunnel's own path. */
export async function startTunnel(
  ground: Ground,
  build: Build,
  serves: Serves,
  accessLog: boolean,
): Promise<Service> {
  const gateway = await startGateway(ground, build, accessLog)
  const tunnelId = `agent_${randomUUID()}_bench`
  const agent = ground.start({
    name: 'agent',
    file: process.execPath,
    args: [
      command(build, 'agent/bin/gw-agent.js'),
      '--tunnel-id',
      tunnelId,
      '--gateway',
      `http://${gateway.host}`,
      ...what(serves),
    ],
    env: { ...QUIET, XDG_STATE_HOME: ground.dir },
  })
  await agent.waitFor(new RegExp(`connected[^\\n]*${tunnelId}|${tunnelId}[^\\n]*connected`))
  return {
    host: gateway.host,
    base: `/t/${tunnelId}`,
    members: [...gateway.members, { name: 'agent', pid: agent.pid }],
    processes: [agent, ...gateway.processes],
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

function command(build: Build, path: string): string {
  const file = join(build.root, path)
  if (!existsSync(file)) throw new Error(`${path} is not there: is the project built?`)
  return file
}
