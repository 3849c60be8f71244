/** The sessions of one gateway: the engine on its store, the agents that run them, and the faces over them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../shared/errors.js'
import type { Logger } from '../../shared/log.js'
import { Sessions } from '../../shared/sessions/engine.js'
import { STORE_FILE } from '../../shared/sessions/engine-types.js'
import type { SessionHappening } from '../../shared/sessions/session.js'
import { StoreError } from '../../shared/store/database.js'
import type { Principal } from '../access/principal.js'
import type { Dispatcher } from '../agents/dispatch.js'
import type { Registry } from '../agents/registry.js'
import type { ApiHandlers } from '../api/api.js'
import type { GatewayOptions } from '../options.js'
import { SessionsApi } from './rest.js'
import type { SessionRooms } from './rooms.js'
import { sessionSocket } from './socket.js'
import { TunnelRunner } from './tunnel-runner.js'

export interface SessionRoomParts {
  readonly options: GatewayOptions
  readonly registry: Registry
  readonly dispatcher: Dispatcher
  readonly log: Logger
  /** Milliseconds, monotonic. */
  now(): number
  tell(happening: SessionHappening): void
  /** Calls `ended` when the credential behind a stream is no more. @returns what takes that back. */
  watch(principal: Principal, ended: () => void): () => void
}

/** Rows of the gateway's table of endpoints. */
export type SessionHandlers = Pick<
  ApiHandlers,
  | 'createSession'
  | 'sessions'
  | 'session'
  | 'changeSession'
  | 'removeSession'
  | 'sessionEvents'
  | 'execute'
  | 'sessionStream'
  | 'executeStream'
>

export function sessionHandlers(rooms: SessionRooms): SessionHandlers {
  const api = new SessionsApi(rooms)
  const socket = sessionSocket(rooms)
  return {
    createSession: api.create,
    sessions: api.list,
    session: api.get,
    changeSession: api.patch,
    removeSession: api.remove,
    sessionEvents: api.events,
    execute: api.execute,
    sessionStream: socket,
    executeStream: socket,
  }
}

/** Milliseconds for which a store that would not open is not tried again. */
const RETRY_AFTER = 1000

/**
 * The store is opened where sessions are in it, at the start, to tell what became of interrupted runs; else with the
 * first session. One that another process owns, as while that one drains, takes nothing from the tunnels: sessions
 * are refused with `conflict` until it is free.
 */
export class SessionRoom {
  readonly handlers: SessionHandlers
  readonly #parts: SessionRoomParts
  readonly #runner: TunnelRunner
  #sessions: Sessions | undefined
  #refused: { error: unknown; at: number } | undefined
  #url: string | undefined
  #draining = false

  constructor(parts: SessionRoomParts) {
    const { options, registry, dispatcher, now, watch } = parts
    this.#parts = parts
    this.#runner = new TunnelRunner({ registry, dispatcher, settings: options, now })
    const opened = (): Sessions => this.#open()
    this.handlers = sessionHandlers({
      get sessions() {
        return opened()
      },
      get pingInterval() {
        return options.pingInterval
      },
      get pingTimeout() {
        return options.pingTimeout
      },
      watch,
    })
  }

  /** Sessions with a run in flight. */
  get active(): number {
    return this.#sessions?.active ?? 0
  }

  /** Its store is not broken, as far as anybody has asked. */
  get answers(): boolean {
    return !(this.#refused?.error instanceof StoreError)
  }

  /** The gateway listens on `url`. */
  start(url: string): void {
    this.#url = url
    if (!existsSync(join(this.#parts.options.dataDir, STORE_FILE))) return
    try {
      this.#open()
    } catch (error) {
      this.#parts.log.warn('no sessions for now', { reason: (error as Error).message })
    }
  }

  /** No new sessions and runs. Resolves once those in flight are over. */
  async drain(): Promise<void> {
    this.#draining = true
    await this.#sessions?.drain()
  }

  /**
   * What still runs fails as `interrupted`; streams end, WebSockets with 1001. Resolves once that was said to all who
   * keep up. Idempotent.
   */
  async close(): Promise<void> {
    this.#draining = true
    this.#sessions?.close()
    this.#runner.close()
    // Readers are told by promises, which have settled when the loop turns.
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** @throws Problem `conflict` where another process owns the data directory's sessions, StoreError. */
  #open(): Sessions {
    if (this.#sessions !== undefined) return this.#sessions
    if (this.#draining) throw new Problem('draining', 'the gateway is shutting down')
    const { now } = this.#parts
    if (this.#refused !== undefined && now() - this.#refused.at < RETRY_AFTER) throw this.#refused.error
    try {
      this.#sessions = this.#made()
      this.#refused = undefined
    } catch (error) {
      this.#refused = { error, at: now() }
      throw error
    }
    if (this.#url !== undefined) this.#sessions.announce(this.#url)
    return this.#sessions
  }

  #made(): Sessions {
    const { options, log, tell } = this.#parts
    return new Sessions({
      runner: this.#runner,
      dataDir: options.dataDir,
      limits: {
        ttl: options.sessionTtl,
        maxEvents: options.sessionMaxEvents,
        maxBytes: options.sessionMaxBytes,
        maxSessions: options.principalSessions,
        maxRuns: options.principalRuns,
        maxStored: options.principalBytes,
      },
      tell,
      fault: (error) => log.error('sessions cannot be stored at present', { error: String(error) }),
    })
  }
}
