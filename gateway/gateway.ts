/** The gateway put together. Start and stop are lists; each step says why it stands where it stands. */
import pTimeout, { TimeoutError } from 'p-timeout'
import { CloseCode } from '../shared/close-codes.js'
import { GoAwayReason } from '../shared/frames.js'
import { MAX_MESSAGE, MAX_STREAM_WINDOW } from '../shared/limits.js'
import { createLogger, type LogFormat, type Logger } from '../shared/log.js'
import { defaultsOf } from '../shared/options.js'
import { hostLabel } from '../shared/tunnel-id.js'
import { packageVersion } from '../shared/version.js'
import { WindowPool } from '../shared/window.js'
import { Acceptor } from './agents/accept.js'
import type { LinkClaim } from './agents/claim.js'
import { Dispatcher } from './agents/dispatch.js'
import { Registry } from './agents/registry.js'
import { Api } from './api/api.js'
import { apiHandlers } from './api/handlers.js'
import { HealthApi } from './api/health-api.js'
import { LinksApi } from './api/links-api.js'
import { AccessLog } from './edge/access-log.js'
import { Deadlines } from './edge/deadlines.js'
import { Edge } from './edge/edge.js'
import type { Engine, SocketLimits } from './edge/engine.js'
import { loadEngine } from './edge/engines.js'
import { trustedProxies } from './edge/forwarded.js'
import { type Gate, OPEN } from './edge/gate.js'
import { type GatewayOptions, gatewayOptions } from './options.js'

/** What one agent's socket may buffer for sending: the high-water mark, a message, and room for neither to matter. */
const MAX_BACKPRESSURE = 8 * 1024 * 1024

/** Agents of a gateway that drains dial again within this many milliseconds, spread evenly. */
const REDIAL_SPREAD = 1000

export const VERSION = packageVersion(import.meta.url)

/** The options of `gw-gateway serve` by their camelCase names; durations in ms, sizes in bytes. */
export type GatewayConfig = Partial<GatewayOptions> & {
  /** Where events and access lines go; standard output where it is not given. */
  log?: Logger
}

interface Parts {
  engine: Engine
  edge: Edge
  links: LinksApi
  health: HealthApi
  acceptor: Acceptor
  dispatcher: Dispatcher
  registry: Registry
  deadlines: Deadlines
  options: GatewayOptions
  log: Logger
}

export class Gateway {
  /** Where it listens. */
  readonly url: string
  readonly #parts: Parts
  #stopping: Promise<number> | undefined

  private constructor(parts: Parts, url: string) {
    this.#parts = parts
    this.url = url
  }

  /** Resolves once it accepts connections. Rejects where the address is taken or the engine does not load. */
  static async start(config: GatewayConfig = {}): Promise<Gateway> {
    const { log = createLogger(), ...given } = config
    const options: GatewayOptions = { ...defaultsOf(gatewayOptions), ...given }
    const now = (): number => performance.now()
    const registry = new Registry(now)
    const dispatcher = new Dispatcher(registry, options, now)
    const deadlines = new Deadlines(now)
    const links = new LinksApi(registry, now)
    const health = new HealthApi({ registry, version: VERSION, sessions: () => 0, faults: () => [], now })
    const api = new Api(apiHandlers({ links, health }))
    // Known only once the port is: links and printed URLs come after.
    let base = ''
    const acceptor = new Acceptor(registry, {
      ...options,
      version: VERSION,
      pool: new WindowPool(),
      log,
      now,
      urls: (claim) => urlsOf(claim, base, options.domain),
    })
    const settings = { ...options, domains: options.domain, trusted: trustedProxies(options.trustedProxies) }
    const format: LogFormat = options.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json')
    const access = new AccessLog(options.accessLog, format, log)
    const onError = (error: unknown): void =>
      log.error('a handler threw', { error: error instanceof Error ? error.stack : String(error) })
    const gate: Gate = { pass: () => OPEN }
    const edge = new Edge({ settings, dispatcher, deadlines, acceptor, api, access, gate, log, now, onError })
    const factory = await loadEngine(options.engine, log)
    const engine = factory(
      {
        host: options.host,
        port: options.port,
        ...callerSockets(options.maxMessage),
        links: { path: options.wsPath, maxMessage: MAX_MESSAGE, maxBackpressure: MAX_BACKPRESSURE },
        onError,
      },
      edge,
    )
    registry.listen((change) => {
      if (change.kind === 'connected') log.info('agent connected', change.link.names)
      if (change.kind === 'disconnected')
        log.info('agent disconnected', { ...change.link.names, reason: change.reason })
    })
    // Last: from here on requests arrive, and everything that serves them is there.
    const port = await engine.listen()
    const url = `http://${bracketed(options.host)}:${port}`
    base = options.publicUrl ?? url
    log.debug('engine', { engine: engine.name, ...engine.build })
    return new Gateway(
      { engine, edge, links, health, acceptor, dispatcher, registry, deadlines, options, log },
      url,
    )
  }

  /** Drains, then closes. @returns how many exchanges `drainTimeout` cut. Idempotent. */
  stop(): Promise<number> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /** As `stop`. */
  async close(): Promise<void> {
    await this.stop()
  }

  /** Cuts everything now. */
  async destroy(): Promise<void> {
    this.#parts.edge.destroy()
    await this.#close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(): Promise<number> {
    const { acceptor, health, dispatcher, edge, registry, options, log } = this.#parts
    // First: what comes from now on is refused, politely, by the same open port.
    const idle = edge.drain()
    health.drain()
    acceptor.drain(1)
    // Requests that wait for an agent: none will come.
    dispatcher.close()
    // Agents keep their links for what is in flight and dial again; spread, so that the next gateway is not stormed.
    for (const link of [...registry.links]) {
      link.goAway(
        GoAwayReason.draining,
        Math.round(Math.random() * REDIAL_SPREAD),
        'the gateway is shutting down',
      )
    }
    const cut = await pTimeout(
      idle.then(() => 0),
      { milliseconds: Math.max(1, options.drainTimeout) },
    ).catch((error: unknown) => {
      if (!(error instanceof TimeoutError)) throw error
      return edge.destroy()
    })
    if (cut > 0) log.warn('streams were cut by the drain timeout', { streams: cut })
    await this.#close()
    return cut
  }

  async #close(): Promise<void> {
    const { links, deadlines, engine, registry } = this.#parts
    for (const link of [...registry.links]) link.end(CloseCode.goingAway, 'the gateway is shutting down')
    links.close()
    deadlines.close()
    // Last: the answers of the steps before need the connections.
    await engine.close()
  }
}

/** Best first: host names where there is a domain, paths always. */
function urlsOf({ tunnel, name }: LinkClaim, base: string, domains: readonly string[]): string[] {
  const urls: string[] = []
  const { protocol, port } = new URL(base)
  const suffix = port === '' ? '' : `:${port}`
  for (const domain of domains) {
    if (name !== null) urls.push(`${protocol}//${name}.${domain}${suffix}`)
    urls.push(`${protocol}//${hostLabel(tunnel)}.${domain}${suffix}`)
  }
  const root = base.replace(/\/$/, '')
  if (name !== null) urls.push(`${root}/t/${name}`)
  urls.push(`${root}/t/${tunnel.id}`)
  return urls
}

/**
 * A message over the bound is closed with 1009 by the relay, which only sees it where the engine takes it; one of
 * more than twice the bound is cut by the engine. What a socket buffers is bounded by credit: the largest window, and
 * a message on top.
 */
function callerSockets(maxMessage: number): SocketLimits {
  const most = 2 ** 31 - 1
  if (maxMessage === 0) return { maxMessage: most, maxBackpressure: most }
  return {
    maxMessage: Math.min(most, 2 * maxMessage + 1024 * 1024),
    maxBackpressure: Math.min(most, maxMessage + 2 * MAX_STREAM_WINDOW),
  }
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
