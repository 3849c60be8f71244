/** Health, for people and for programs that restart what does not answer. */
import { holds, type Principal } from '../access/principal.js'
import type { Registry } from '../agents/registry.js'
import { jsonReply } from '../edge/reply.js'
import type { ApiHandler } from './request.js'

export interface HealthParts {
  registry: Registry
  version: string
  /** Sessions that have not ended. */
  sessions(): number
  /** What keeps the gateway from serving well, apart from draining; empty where nothing does. */
  faults(): readonly string[]
  now(): number
}

export class HealthApi {
  readonly #parts: HealthParts
  readonly #startedAt: number
  #draining = false

  constructor(parts: HealthParts) {
    this.#parts = parts
    this.#startedAt = parts.now()
  }

  /** Health tells it from now on. */
  drain(): void {
    this.#draining = true
  }

  /** Milliseconds. */
  get uptime(): number {
    return this.#parts.now() - this.#startedAt
  }

  get draining(): boolean {
    return this.#draining
  }

  readonly root: ApiHandler = ({ principal }) => {
    const { version, registry } = this.#parts
    if (!mayRead(principal)) return jsonReply(200, { status: 'ok', service: 'gw-gateway' })
    const uptime = Math.round(this.uptime / 1000)
    return jsonReply(200, {
      status: 'ok',
      service: 'gw-gateway',
      version,
      uptime_s: uptime,
      agents_connected: registry.size,
    })
  }

  readonly health: ApiHandler = ({ principal }) => {
    const { version, registry, sessions } = this.#parts
    const [code, status] = this.#draining ? [503, 'draining'] : [200, 'healthy']
    if (!mayRead(principal)) return jsonReply(code, { status })
    return jsonReply(code, {
      status,
      version,
      agents_connected: registry.size,
      sessions_active: sessions(),
    })
  }

  /** The process lives. */
  readonly healthz: ApiHandler = () => jsonReply(200, { status: 'alive' })

  /** It accepts requests and can serve them. */
  readonly readyz: ApiHandler = ({ principal }) => {
    const faults = this.#draining ? ['draining', ...this.#parts.faults()] : this.#parts.faults()
    if (faults.length === 0) return jsonReply(200, { status: 'ready' })
    return jsonReply(503, { status: 'not ready', ...(mayRead(principal) && { reasons: faults }) })
  }
}

/** Others are told that it lives, and nothing else. */
const mayRead = (principal: Principal | undefined): boolean =>
  principal !== undefined && holds(principal, 'operator.read')
