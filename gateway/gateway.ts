/** The gateway put together. Start and stop are lists; each step says why it stands where it stands. */
import pTimeout, { TimeoutError } from 'p-timeout'
import { assertNever } from '../shared/errors.js'
import { GoAwayReason } from '../shared/frames.js'
import { MAX_MESSAGE, MAX_STREAM_WINDOW } from '../shared/limits.js'
import { createLogger, type Logger } from '../shared/log.js'
import { defaultsOf } from '../shared/options.js'
import { packageVersion } from '../shared/version.js'
import { accessVerbs } from './access/verbs.js'
import type { Change } from './agents/registry.js'
import { type Assembly, assemble, closeRooms, type Site } from './assembly.js'
import { baseUrl } from './base-url.js'
import type { Verbs } from './control/verbs.js'
import type { Engine, SocketLimits } from './edge/engine.js'
import { loadEngine } from './edge/engines.js'
import { Renewal } from './edge/renewal.js'
import { loadUws } from './edge/uws.js'
import type { EventHandler } from './events/bus.js'
import type { Applied } from './ops/live.js'
import { tlsFilesOf } from './options/tls.js'
import { type GatewayOptions, gatewayOptions } from './options.js'
import type { ScheduleSpec } from './scheduler/code-task.js'

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

interface Parts extends Assembly {
  engine: Engine
  /** With TLS. */
  renewal: Renewal | undefined
  log: Logger
}

export class Gateway {
  /** Where it listens. */
  readonly url: string
  /** What commands of the same user may ask of it, over the control socket. */
  readonly verbs: Verbs
  readonly #parts: Parts
  #stopping: Promise<number> | undefined

  private constructor(parts: Parts, url: string) {
    this.#parts = parts
    this.url = url
    this.verbs = accessVerbs(() => parts.access)
  }

  /**
   * Resolves once it accepts connections. Rejects where the address is taken, the engine does not load, or a file
   * that the options name is bad.
   */
  static async start(config: GatewayConfig = {}): Promise<Gateway> {
    const { log = createLogger(), ...given } = config
    const options: GatewayOptions = { ...defaultsOf(gatewayOptions), ...given }
    const site: Site = { base: () => '', engine: '', sockets: () => 0 }
    const rooms = await assemble({ options, log, version: VERSION, site })
    let engine: Engine | undefined
    try {
      const factory = await loadEngine(options.engine, log, () => loadUws(options.maxHead))
      const tls = tlsFilesOf(options)
      const made = factory(
        {
          host: options.host,
          port: options.port,
          maxHead: options.maxHead,
          ...callerSockets(options.maxMessage),
          links: { path: options.wsPath, maxMessage: MAX_MESSAGE, maxBackpressure: MAX_BACKPRESSURE },
          tls,
          maxConnections: options.maxConnections,
          headTimeout: options.headTimeout,
          onError: rooms.onError,
        },
        rooms.edge,
      )
      engine = made
      const renewal = tls && new Renewal({ files: tls, renew: () => made.renew(), log })
      if (renewal !== undefined) rooms.live.follow(() => renewal.prepare())
      rooms.registry.listen((change) => follow(change, rooms, log))
      // Last: from here on requests arrive, and everything that serves them is there.
      const port = await made.listen()
      const url = `${tls === undefined ? 'http' : 'https'}://${bracketed(options.host)}:${port}`
      Object.assign(site, {
        base: baseUrl(options.publicUrl, url),
        engine: made.name,
        sockets: () => made.connections,
      })
      log.debug('engine', { engine: made.name, ...made.build })
      rooms.sessions.start(site.base())
      renewal?.start()
      rooms.lag.start()
      rooms.automation.start()
      rooms.bus.tell({ type: 'gateway:startup', data: { url, version: VERSION } })
      return new Gateway({ ...rooms, engine, renewal, log }, url)
    } catch (error) {
      await engine?.close()
      await rooms.automation.close(0)
      await rooms.tracer?.close()
      await closeRooms(rooms)
      throw error
    }
  }

  /** Calls `handler` for each event of that type, or of all that begin so: `session:*`. @returns how to stop. */
  on(pattern: string, handler: EventHandler): () => void {
    return this.#parts.bus.on(pattern, handler)
  }

  /** Runs `work` by the clock, as scheduler.yaml would. @returns how to stop. */
  schedule(spec: ScheduleSpec, work: (signal: AbortSignal) => unknown): () => void {
    return this.#parts.automation.schedule(spec, work)
  }

  /** The options that are in force. */
  get options(): GatewayOptions {
    return this.#parts.live.current
  }

  /**
   * Takes up what a running gateway can of `options` (log level, limits, timeouts, …) and of the files that they
   * name; says what changed and what needs a restart. Rejects, and changes nothing, where one of the files is bad.
   */
  reload(options: GatewayOptions): Promise<Applied> {
    return this.#parts.live.take(options)
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
    void this.#parts.tracer?.close()
    await this.#parts.automation.close(0)
    await this.#close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(): Promise<number> {
    const { acceptor, automation, bus, health, dispatcher, edge, registry, sessions, live, log } = this.#parts
    // Its hooks run beside the drain.
    bus.tell({ type: 'gateway:shutdown' })
    // First: what comes from now on is refused, politely, by the same open port.
    const idle = Promise.all([edge.drain(), sessions.drain()])
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
      { milliseconds: Math.max(1, live.current.drainTimeout) },
    ).catch((error: unknown) => {
      if (!(error instanceof TimeoutError)) throw error
      return edge.destroy()
    })
    if (cut > 0) log.warn('streams were cut by the drain timeout', { streams: cut })
    await automation.close()
    await this.#parts.tracer?.close()
    await this.#close()
    return cut
  }

  async #close(): Promise<void> {
    this.#parts.renewal?.close()
    await closeRooms(this.#parts)
    // Last: the answers of the rooms need the connections.
    await this.#parts.engine.close()
  }
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

/** What becomes of links is logged, counted and told. */
function follow(change: Change, { bus, telemetry }: Assembly, log: Logger): void {
  const { link } = change
  const { names, claim } = link
  telemetry.followed(change)
  switch (change.kind) {
    case 'connected':
      log.info('agent connected', names)
      bus.tell({ type: 'agent:connected', tunnelId: claim.tunnel.id, data: names })
      return
    case 'disconnected':
      log.info('agent disconnected', { ...names, reason: change.reason })
      bus.tell({
        type: 'agent:disconnected',
        tunnelId: claim.tunnel.id,
        data: { ...names, reason: change.reason },
      })
      return
    case 'changed':
      if (link.state === 'unresponsive')
        bus.tell({ type: 'agent:unresponsive', tunnelId: claim.tunnel.id, data: names })
      return
    default:
      assertNever(change)
  }
}
