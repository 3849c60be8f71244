/** The composition root: one instance of one tunnel id, from its links to its handler. */
import { v7 as uuid } from 'uuid'
import { assertNever } from '../shared/errors.js'
import type { Hello, Welcome } from '../shared/frames.js'
import { LINK_WINDOW, STREAM_WINDOW } from '../shared/limits.js'
import { createLogger, type Logger } from '../shared/log.js'
import { parseTunnelId } from '../shared/tunnel-id.js'
import { packageVersion } from '../shared/version.js'
import { WindowPool } from '../shared/window.js'
import { Deferred } from './deferred.js'
import { exchangeLog } from './exchange-log.js'
import type { GatewayUrl } from './gateway-url.js'
import type { Handler } from './handler.js'
import { chooseHandler } from './handlers/choose.js'
import { Line } from './line.js'
import type { PublicAccess } from './public-access.js'
import { type Accept, Server } from './serve.js'
import { type AgentOptions, checkOptions, publicAccessOf } from './settings.js'

/** The gateway will never take this agent as it is. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly lines: readonly Line[] }
  | { readonly kind: 'stopping'; readonly lines: readonly Line[]; readonly done: Promise<void> }
  | { readonly kind: 'stopped'; readonly error: Error | undefined }

/** All links of the process share it. */
const POOL = new WindowPool()

const version = packageVersion(import.meta.url)
const silent = createLogger({ level: 'error', write() {} })

export class Agent {
  /** Normalised to lower case. */
  readonly tunnelId: string
  /** Told from other processes, and other agents, with the same tunnel id. */
  readonly instance: string = uuid()
  readonly gateway: GatewayUrl

  readonly #options: AgentOptions
  readonly #public: PublicAccess | undefined
  readonly #log: Logger
  readonly #handler: Handler
  readonly #server: Server
  readonly #accept: Accept
  #state: State = { kind: 'idle' }
  #urls: readonly string[] = []
  readonly #started = new Deferred<void>()
  readonly #ended = new Deferred<Error | undefined>()

  /** @throws TypeError, RangeError or Problem (`invalid_tunnel_id`) naming the option and the rule it breaks. */
  constructor(options: AgentOptions) {
    const { maxConcurrent = 256 } = options
    this.tunnelId = parseTunnelId(options.tunnelId).id
    this.gateway = checkOptions(options)
    this.#public = publicAccessOf(options)
    this.#options = options
    this.#log = (options.log ?? silent).child({ tunnel_id: this.tunnelId })
    this.#handler = chooseHandler(options, this.tunnelId)
    const observer = exchangeLog(this.#log, options.observer)
    this.#server = new Server({ handler: this.#handler, maxConcurrent, observer })
    this.#accept = options.watch?.(this.#server.accept) ?? this.#server.accept
    // Whoever does not wait for a start is told by `ended`.
    this.#started.promise.catch(() => {})
  }

  /** URLs under which callers reach this tunnel, best first; empty until a link is up. */
  get urls(): readonly string[] {
    return this.#urls
  }

  /** Exchanges in flight. */
  get inFlight(): number {
    return this.#server.inFlight
  }

  /** Resolves when the agent is no more: with the reason where it was refused for ever or destroyed with one. */
  get ended(): Promise<Error | undefined> {
    return this.#ended.promise
  }

  /** Resolves once the first link is up; rejects with `RefusedError` where the gateway will never take it. */
  start(): Promise<void> {
    if (this.#state.kind === 'idle') {
      const count = this.#options.links ?? 1
      this.#state = {
        kind: 'running',
        lines: Array.from({ length: count }, (_, number) => this.#line(number)),
      }
    }
    return this.#started.promise
  }

  /** Drains: no new exchanges, those in flight finish until the drain timeout, what is left then is cut. Idempotent. */
  stop(): Promise<void> {
    const state = this.#state
    switch (state.kind) {
      case 'idle':
        this.#finish(undefined)
        return Promise.resolve()
      case 'running': {
        const done = this.#drain(state.lines)
        this.#state = { ...state, kind: 'stopping', done }
        return done
      }
      case 'stopping':
        return state.done
      case 'stopped':
        return Promise.resolve()
      default:
        return assertNever(state)
    }
  }

  /** Cuts everything now. Idempotent. */
  destroy(error?: Error): void {
    const state = this.#state
    if ('lines' in state) for (const line of state.lines) line.destroy()
    this.#finish(error)
  }

  /** The same as `stop`. */
  close(): Promise<void> {
    return this.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #drain(lines: readonly Line[]): Promise<void> {
    const { drainTimeout = 30_000 } = this.#options
    this.#log.info('draining', { in_flight: this.inFlight })
    const timer = setTimeout(() => {
      this.#log.warn('cut at the drain timeout', { in_flight: this.inFlight })
      for (const line of lines) line.destroy()
    }, drainTimeout)
    // What crosses the going away is served: a refusal would have to find another instance, and there may be none.
    await Promise.all(lines.map((line) => line.close('the agent is stopping')))
    clearTimeout(timer)
    // Last: until the links were dry, exchanges still needed it.
    this.#finish(undefined)
  }

  #finish(error: Error | undefined): void {
    if (this.#state.kind === 'stopped') return
    this.#state = { kind: 'stopped', error }
    this.#handler.destroy()
    this.#started.reject(error ?? new Error('the agent was stopped before a link was up'))
    this.#ended.resolve(error)
  }

  #line(number: number): Line {
    const { token, tls, name, observer } = this.#options
    const log = this.#log.child({ link: number })
    return new Line(
      number,
      {
        dial: {
          url: this.gateway.dial,
          tunnelId: this.tunnelId,
          instance: this.instance,
          link: number,
          name,
          public: this.#public,
          token,
          tls,
        },
        hello: this.#hello(),
        pool: POOL,
        accept: this.#accept,
      },
      {
        up: (_line, welcome: Welcome) => {
          this.#urls = welcome.urls
          const { linkId, gatewayVersion, urls } = welcome
          log.notice('connected', {
            gateway: this.gateway.origin,
            link_id: linkId,
            gateway_version: gatewayVersion,
            urls,
          })
          observer?.connected(number, urls)
          this.#started.resolve()
        },
        down: (_line, reason, retryIn) => {
          log.warn('disconnected', { reason, retry_in_ms: retryIn })
          observer?.disconnected(number, reason, retryIn)
        },
        refused: (_line, reason) => this.destroy(new RefusedError(reason)),
      },
    )
  }

  #hello(): Omit<Hello, 'kind'> {
    const { maxConcurrent = 256, weight = 1, labels = {} } = this.#options
    return {
      agentVersion: version,
      maxConcurrent,
      weight,
      labels: Object.entries(labels).flat(),
      capabilities: [
        'websocket',
        ...(this.#handler.run === undefined ? [] : ['execute']),
        ...(this.#handler.resumable === true ? ['resumable'] : []),
      ],
      streamWindow: STREAM_WINDOW,
      linkWindow: LINK_WINDOW,
    }
  }
}
