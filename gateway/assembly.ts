/** The rooms of a gateway, made in the order in which they need one another. None of them serves anything yet. */
import { CloseCode } from '../shared/close-codes.js'
import type { Logger } from '../shared/log.js'
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
import { Api, type WatchPrincipal } from './api/api.js'
import { reaches } from './api/connections.js'
import { apiHandlers } from './api/handlers.js'
import { HealthApi } from './api/health-api.js'
import { LinksApi } from './api/links-api.js'
import { openApi } from './api/openapi/openapi-api.js'
import { Automation } from './automation/automation.js'
import type { BaseUrl } from './base-url.js'
import { dashboardFiles } from './dashboard/files.js'
import { Deadlines } from './edge/deadlines.js'
import { Edge } from './edge/edge.js'
import type { RequestHead } from './edge/engine.js'
import { replayInside, sendInside } from './edge/inside.js'
import { EventBus } from './events/bus.js'
import { addressKey } from './guard/address.js'
import { Guard, guardSettings } from './guard/guard.js'
import { Guests } from './guard/guests.js'
import { LinkCount } from './guard/link-count.js'
import { PublicTunnels } from './guard/public-tunnels.js'
import { trustedProxies } from './guard/trusted-proxies.js'
import { InspectApi } from './inspect/inspect-api.js'
import { LiveOptions } from './ops/live.js'
import { followAccess } from './ops/live-access.js'
import { brief } from './options/brief.js'
import type { GatewayOptions } from './options.js'
import { SessionRoom } from './sessions/session-room.js'
import { LoopLag } from './telemetry/lag.js'
import { observe } from './telemetry/observation.js'
import { faultsOf } from './telemetry/readiness.js'
import { TelemetryApi } from './telemetry/telemetry-api.js'

/** Known once the gateway listens: links and printed URLs come after. */
export interface Site {
  base: BaseUrl
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
    guests: new Guests(publicTunnels, guard, bus.tell),
    settings: live.settings(guardSettings),
    certificates: options.tlsCa !== undefined,
  })

  // What is told of what happens.
  const observed = await observe({ options, live, version, log, tell: bus.tell })
  const { telemetry, ring, tracer, witness, watcher } = observed
  const lag = new LoopLag(now)

  // Where agents come in, and where requests find them.
  const dispatcher = new Dispatcher(registry, live.with({}), now)
  const measured = (rtt: number): void => telemetry.rtt.add(rtt)
  const urls = (claim: LinkClaim): string[] => urlsOf(claim, site.base(claim.host), options.domain)
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
  const watch: WatchPrincipal = (principal, ended) => access.endings.watch(principal, ended)
  const sessions = new SessionRoom({
    options: live.with({}),
    registry,
    dispatcher,
    log,
    now,
    tell: bus.tell,
    watch,
  })
  const sessionCount = (): number => sessions.active
  const stores = (): Record<string, boolean> => ({
    credentials: access.answers,
    sessions: sessions.answers,
  })
  const faults = (): string[] => faultsOf({ lag: () => lag.ms, stores })
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
    dropped: () => ({ ...automation.dropped, ...(tracer && { spans: tracer.lost }) }),
  }
  const inspect = new InspectApi({
    ring,
    reaches: (principal, tunnelId) => reaches(registry, principal, tunnelId),
    base: (host) => site.base(host),
    replay: (request, tunnelId, of) => replayInside(edge, own, request, { of, tunnelId }),
  })
  const api = new Api(
    apiHandlers({
      links,
      health,
      automation,
      inspect,
      devices: new DevicesApi({ access, attempts, addressOf, tell: bus.tell }),
      session: new SessionApi({ access, addressOf }),
      sessions: sessions.handlers,
      dashboard: await dashboardFiles(options.uiDir),
      openapi: openApi(version, options.wsPath),
      telemetry: new TelemetryApi(telemetry, gauges, {
        uptime: () => health.uptime / 1000,
        draining: () => health.draining,
        node: () => automation.node,
        configuration: () => brief(live.current),
        store: () => ({ directory: options.dataDir, answers: stores() }),
        sessions: sessionCount,
      }),
    }),
    access.endings,
    live.settings(({ minUploadRate }) => ({ minUploadRate })),
  )
  const edge: Edge = new Edge({
    settings: live.with({ domains: options.domain, trusted: trustedProxies(options.trustedProxies) }),
    dispatcher,
    deadlines,
    acceptor,
    api,
    witness,
    gate,
    watcher,
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
    tracer,
    lag,
    dispatcher,
    acceptor,
    automation,
    links,
    health,
    inspect,
    sessions,
    deadlines,
    edge,
    onError,
  }
}

/** Ends what they keep: stores, timers, streams of their own. Tasks, hooks and spans have ended before. */
export async function closeRooms(rooms: Assembly): Promise<void> {
  const { access, deadlines, inspect, lag, links, publicTunnels, registry, sessions } = rooms
  // Before their agents go: what still runs was interrupted by us, and that is what its caller is told.
  await sessions.close()
  for (const link of [...registry.links]) link.end(CloseCode.goingAway, 'the gateway is shutting down')
  links.close()
  inspect.close()
  publicTunnels.close()
  access.close()
  lag.stop()
  deadlines.close()
}

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
