/** The rooms of a gateway, made in the order in which they need one another. None of them serves anything yet. */
import { Redaction } from '../shared/inspect/redact.js'
import { Ring } from '../shared/inspect/ring.js'
import type { LogFormat, Logger } from '../shared/log.js'
import { UsageError } from '../shared/options.js'
import { WindowPool } from '../shared/window.js'
import { Access } from './access/access.js'
import { DevicesApi } from './access/devices-api.js'
import { Gatekeeper, passAs } from './access/gatekeeper.js'
import { NodeAuthority } from './access/link-authority.js'
import { EVERYBODY, type Principal, type Scope } from './access/principal.js'
import { SessionApi } from './access/session-api.js'
import { type AccessSettings, accessSettings } from './access/settings.js'
import { Acceptor } from './agents/accept.js'
import type { LinkClaim } from './agents/claim.js'
import { Dispatcher } from './agents/dispatch.js'
import { Registry } from './agents/registry.js'
import { urlsOf } from './agents/urls.js'
import { Api } from './api/api.js'
import { apiHandlers } from './api/handlers.js'
import { HealthApi } from './api/health-api.js'
import { LinksApi } from './api/links-api.js'
import { dashboardFiles } from './dashboard/files.js'
import { AccessLog } from './edge/access-log.js'
import { Deadlines } from './edge/deadlines.js'
import { Edge } from './edge/edge.js'
import type { Ended } from './edge/ended.js'
import type { RequestHead } from './edge/engine.js'
import { trustedProxies } from './edge/forwarded.js'
import { replayInside, sendInside } from './edge/inside.js'
import { EventBus } from './events/bus.js'
import { addressKey } from './guard/address.js'
import { Guard, guardSettings } from './guard/guard.js'
import { Guests } from './guard/guests.js'
import { LinkCount } from './guard/link-count.js'
import { PublicTunnels } from './guard/public-tunnels.js'
import { Automation } from './hooks/automation.js'
import { InspectApi } from './inspect/inspect-api.js'
import { Recorder } from './inspect/recorder.js'
import { LiveOptions } from './ops/live.js'
import { followAccess } from './ops/live-access.js'
import { followLog } from './ops/live-log.js'
import { inspects } from './options/telemetry.js'
import type { GatewayOptions } from './options.js'
import { LoopLag } from './telemetry/lag.js'
import { Telemetry } from './telemetry/telemetry.js'
import { TelemetryApi } from './telemetry/telemetry-api.js'

/** Known once the gateway listens: links and printed URLs come after. */
export interface Site {
  /** What URLs begin with. */
  base: string
  engine: string
  /** Connections of callers and agents. */
  sockets(): number
}

export interface AssemblyFacts {
  options: GatewayOptions
  log: Logger
  version: string
  site: Site
}

export type Assembly = Awaited<ReturnType<typeof assemble>>

/** Rejects with `UsageError` for files of the options that are bad, `StoreError`. */
export async function assemble({ options, log, version, site }: AssemblyFacts) {
  const now = (): number => performance.now()
  const live = new LiveOptions(options)
  const bus = new EventBus({ log })
  const registry = new Registry(now)
  const onError = (error: unknown): void =>
    log.error('a handler threw', { error: error instanceof Error ? error.stack : String(error) })

  // Who may do what.
  const secrets = checkedAccess(options, log)
  const guard = new Guard(live.settings(guardSettings), now)
  const { attempts } = guard
  const access = new Access({ settings: secrets, dataDir: options.dataDir, attempts, tell: bus.tell, log })
  followAccess(live, secrets, access)
  const publicTunnels = new PublicTunnels(registry, now)
  const linkCount = new LinkCount(live.settings(({ maxLinks }) => ({ maxLinks })))
  const addressOf = (head: RequestHead): string => addressKey(guard.addressOf(head))
  const gate = new Gatekeeper({
    authenticator: access.authenticator,
    endings: access.endings,
    guard,
    guests: new Guests(publicTunnels, guard),
    settings: live.settings(guardSettings),
    certificates: options.tlsCa !== undefined,
  })

  // What is told of what happens.
  const telemetry = new Telemetry(Date.now, options.metricsPerTunnel)
  const format: LogFormat = options.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json')
  const accessLog = new AccessLog(options.accessLog, format, log)
  followLog(live, log, accessLog)
  const ring = inspects(options) ? new Ring() : undefined
  const recorder = ring && new Recorder(ring, new Redaction(options.redact))
  const lag = new LoopLag(now)
  const witness = {
    ended(head: RequestHead, ended: Ended): void {
      accessLog.ended(head, ended)
      telemetry.ended(head, ended)
      recorder?.ended(head, ended)
      if (ended.code !== undefined && ended.code !== 'aborted') bus.tell(failureOf(head, ended))
    },
  }

  // Where agents come in, and where requests find them.
  const dispatcher = new Dispatcher(registry, live.with({}), now)
  const measured = (rtt: number): void => telemetry.rtt.add(rtt)
  const urls = (claim: LinkClaim): string[] => urlsOf(claim, site.base, options.domain)
  const acceptor = new Acceptor(
    registry,
    new NodeAuthority(access.endings, linkCount),
    live.with({ version, pool: new WindowPool(), log, now, measured, urls }),
  )

  // What the gateway serves itself; requests of its own go in at the edge, which comes after.
  const own = passAs(access.authenticator.open ? EVERYBODY : SCHEDULER)
  const automation = new Automation({
    bus,
    log,
    dataDir: options.dataDir,
    hooksDir: options.hooksDir,
    schedulerDir: options.schedulerDir,
    send: (request, signal) => sendInside(edge, own, request, signal),
  })
  live.follow(() => automation.prepare())
  const links = new LinksApi(registry, now)
  const sessionCount = (): number => 0
  const faults = (): string[] => (lag.ms >= LATE ? [`the event loop is ${Math.round(lag.ms)} ms late`] : [])
  const health = new HealthApi({ registry, version, sessions: sessionCount, faults, now })
  const deadlines = new Deadlines(now)
  const gauges = {
    version,
    get engine() {
      return site.engine
    },
    links: () => registry.size,
    sockets: () => site.sockets(),
    inflight: () => deadlines.size,
    held: () => dispatcher.waiting,
    rateLimited: () => guard.limited + linkCount.refused,
    loopLag: () => lag.ms / 1000,
    dropped: () => automation.dropped,
  }
  const inspect = new InspectApi({
    ring,
    base: () => site.base,
    replay: (request, tunnelId, of) => replayInside(edge, own, request, { of, tunnelId }),
  })
  const api = new Api(
    apiHandlers({
      links,
      health,
      automation,
      inspect,
      devices: new DevicesApi({ access, attempts, addressOf }),
      session: new SessionApi({ access, addressOf }),
      dashboard: await dashboardFiles(options.uiDir),
      telemetry: new TelemetryApi(telemetry, gauges, {
        uptime: () => health.uptime / 1000,
        draining: () => health.draining,
        node: () => automation.node,
        configuration: () => brief(live.current),
        store: () => ({ directory: options.dataDir }),
        sessions: sessionCount,
      }),
    }),
    (principal, ended) => access.endings.watch(principal, ended),
  )
  const edge: Edge = new Edge({
    settings: live.with({ domains: options.domain, trusted: trustedProxies(options.trustedProxies) }),
    dispatcher,
    deadlines,
    acceptor,
    api,
    witness,
    gate,
    recorder,
    log,
    now,
    onError,
  })
  return {
    live,
    bus,
    registry,
    access,
    publicTunnels,
    telemetry,
    lag,
    dispatcher,
    acceptor,
    automation,
    links,
    health,
    inspect,
    deadlines,
    edge,
    onError,
  }
}

/** Milliseconds: a gateway whose loop is as late as this is not ready. */
const LATE = 200

/** Who tasks and replays are under authentication. */
const SCHEDULER: Principal = Object.freeze({
  id: 'gateway',
  scopes: new Set<Scope>(['operator.write']),
  node: undefined,
  expiresAt: undefined,
})

function checkedAccess(options: GatewayOptions, log: Logger): AccessSettings {
  const mistakes: string[] = []
  const settings = accessSettings(options, (mistake) => void mistakes.push(mistake))
  if (mistakes.length > 0) throw new UsageError(mistakes)
  for (const warning of settings.warnings) log.warn(warning)
  return settings
}

const failureOf = ({ method }: RequestHead, { requestId, tunnelId, route, status, code }: Ended) => ({
  type: 'request:error' as const,
  requestId,
  tunnelId,
  data: { method, route, status, code },
})

/** What an operator asks for first; no secrets. */
const brief = ({ auth, policy, domain, engine, inspect, accessLog, logLevel }: GatewayOptions) => ({
  auth,
  policy,
  domain,
  engine,
  inspect: inspect ?? null,
  access_log: accessLog,
  log_level: logLevel,
})
