/** The command `gw-agent`. */
import { readFileSync } from 'node:fs'
import type { Started } from '../shared/command.js'
import { createLogger, type Logger } from '../shared/log.js'
import { main, type Program } from '../shared/program.js'
import { openTracer } from '../shared/tracing/environment.js'
import type { Tracer } from '../shared/tracing/tracer.js'
import { packageVersion } from '../shared/version.js'
import { Agent } from './agent.js'
import { readGatewayTls } from './certificates.js'
import { agentCommand } from './command.js'
import type { AgentConfig, Credential } from './config.js'
import type { DialTls } from './dial.js'
import type { Answering } from './handlers/choose.js'
import { loadHandlers } from './handlers/module.js'
import { keptIdentity } from './identity.js'
import { Inspector } from './inspect/inspector.js'
import { runCommand } from './run-command.js'
import type { Accept } from './serve.js'
import { agentService } from './service.js'
import { StatusScreen, wantsScreen } from './status.js'
import { formatTarget } from './target.js'
import { traced } from './tracing.js'
import type { TunnelConfig } from './tunnels.js'

const program: Program = {
  name: 'gw-agent',
  version: packageVersion(import.meta.url),
  summary: 'Dials out to a gw gateway and serves its callers from here.',
  commands: [agentCommand(run), runCommand, ...agentService],
}

/** The gateway will not take the agent as it is, now or later. */
const EXIT_REFUSED = 3

/** Serves until a signal or a refusal. @returns the exit code. */
async function run(config: AgentConfig, { version, configFile }: Started): Promise<number> {
  const tls = readGatewayTls(config)
  const inspector = config.inspector && (await Inspector.start(config.inspector))
  const screen = wantsScreen(process.stdout, process.env)
    ? new StatusScreen(process.stdout, config.gateway.origin, inspector?.url)
    : undefined
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json'),
    color: process.stdout.isTTY === true && !process.env.NO_COLOR,
    ...(screen === undefined ? {} : { write: (chunk) => screen.print(chunk) }),
  })
  log.debug('starting', { version, config: configFile, node: process.version })
  for (const warning of config.warnings) log.warn(warning)
  if (inspector !== undefined && screen === undefined) log.notice('inspector', { url: inspector.url })

  const tracer = await openTracer({ service: program.name, version, env: process.env, log })
  const agents: Agent[] = []
  for (const tunnel of config.tunnels)
    agents.push(await agentOf(config, tunnel, tls, log, screen, inspector, tracer))
  const signalled = untilSignal(log)
  for (const agent of agents) agent.start().catch(() => {})

  const refused = Promise.any(
    agents.map(async (agent) => {
      const error = await agent.ended
      if (error === undefined) throw new Error('ended without a reason')
      return { agent, error }
    }),
  )
  const first = await Promise.race([signalled, refused])
  await Promise.all(agents.map((agent) => agent.stop()))
  await inspector?.close()
  await tracer?.close()
  screen?.close()
  log.flush()
  if (first === 'signal') return 0
  process.stderr.write(`gw-agent: ${first.agent.tunnelId}: ${first.error.message}\n`)
  return EXIT_REFUSED
}

async function agentOf(
  config: AgentConfig,
  tunnel: TunnelConfig,
  tls: DialTls,
  log: Logger,
  screen: StatusScreen | undefined,
  inspector: Inspector | undefined,
  tracer: Tracer | undefined,
): Promise<Agent> {
  const tunnelId = tunnel.id?.id ?? keptId(config, tunnel, log)
  const recorded = inspector?.watch({
    tunnelId,
    route: answersOf(tunnel),
    base: baseOf(config, tunnelId, tunnel),
  })
  const agent = new Agent({
    ...(await answeringOf(tunnel)),
    tunnelId,
    gateway: config.gateway.dial,
    name: tunnel.name,
    labels: tunnel.labels,
    weight: tunnel.weight,
    maxConcurrent: tunnel.maxConcurrent,
    public: tunnel.public !== undefined,
    basicAuth: tunnel.public?.basicAuth,
    allowIp: tunnel.public?.allowIp,
    links: config.links,
    token: tokenOf(config.credential),
    tls,
    drainTimeout: config.drainTimeout,
    log,
    observer: screen?.tunnel(tunnelId, answersOf(tunnel)),
    watch: watching(recorded, tracer && ((accept) => traced(tracer, tunnelId, accept))),
  })
  return agent
}

type Watch = (accept: Accept) => Accept

/** Recorded is what the upstream gets: with the span of the agent. */
const watching = (recorded: Watch | undefined, traced: Watch | undefined): Watch | undefined =>
  recorded && traced ? (accept) => traced(recorded(accept)) : (recorded ?? traced)

function keptId({ gateway }: AgentConfig, { slot }: TunnelConfig, log: Logger): string {
  const identity = keptIdentity({ gateway: gateway.dial, directory: process.cwd(), slot, env: process.env })
  const { id } = identity.id
  if (identity.kind === 'passing') {
    log.warn('the tunnel id cannot be kept, the next start has another', {
      tunnel_id: id,
      reason: identity.reason,
    })
  } else {
    log.notice(identity.kind === 'made' ? 'new tunnel id' : 'kept tunnel id', {
      tunnel_id: id,
      file: identity.file,
    })
  }
  return id
}

async function answeringOf(tunnel: TunnelConfig): Promise<Answering> {
  if (tunnel.handlers !== undefined) return { handlers: await loadHandlers(tunnel.handlers) }
  if (tunnel.static !== undefined) return { static: tunnel.static }
  if (tunnel.forward === undefined) return {}
  const { ca, insecure } = tunnel.upstreamTls
  return {
    forward: tunnel.forward,
    hostHeader: tunnel.hostHeader,
    upstreamTls: { ca: ca === undefined ? undefined : [readFileSync(ca, 'utf8')], insecure },
  }
}

function answersOf({ forward, handlers, static: folder }: TunnelConfig): string {
  return handlers ?? folder ?? (forward === undefined ? 'echo' : formatTarget(forward))
}

/** Where a request of this tunnel can be sent again by hand: to its upstream, or around by the gateway. */
function baseOf({ gateway }: AgentConfig, tunnelId: string, { forward }: TunnelConfig): string {
  return forward?.kind === 'tcp' ? formatTarget(forward) : `${gateway.origin}/t/${tunnelId}`
}

/** A file is read at each attempt, so that a new credential needs no restart. */
function tokenOf(credential: Credential): string | (() => string) | undefined {
  switch (credential.kind) {
    case 'none':
      return undefined
    case 'token':
      return credential.token
    case 'file':
      return () => readFileSync(credential.path, 'utf8').trim()
  }
}

/** Resolves at the first SIGINT or SIGTERM; the second ends the process. */
function untilSignal(log: Logger): Promise<'signal'> {
  return new Promise((resolve) => {
    let asked = false
    const signal = (name: string): void => {
      if (asked) process.exit(1)
      asked = true
      log.info('stopping', { signal: name })
      resolve('signal')
    }
    process.on('SIGINT', signal).on('SIGTERM', signal)
  })
}

await main(program)
