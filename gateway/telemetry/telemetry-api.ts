/** `GET /metrics` and `GET /status`. */
import { Problem } from '../../shared/errors.js'
import type { ApiHandler } from '../api/request.js'
import { jsonReply } from '../edge/reply.js'
import { STEP_MS } from './history.js'
import { CONTENT_TYPE, type Gauges, renderMetrics } from './metrics.js'
import type { Telemetry } from './telemetry.js'

export interface StatusFacts {
  /** Seconds. */
  uptime(): number
  draining(): boolean
  /** The gateway's own id. */
  node(): string
  /** What of the configuration an operator asks for first; no secrets. */
  configuration(): Readonly<Record<string, unknown>>
  /** Where what must survive is kept, and whether it answers. */
  store(): Readonly<Record<string, unknown>>
  sessions(): number
}

export class TelemetryApi {
  readonly #telemetry: Telemetry
  readonly #gauges: Gauges
  readonly #facts: StatusFacts

  constructor(telemetry: Telemetry, gauges: Gauges, facts: StatusFacts) {
    this.#telemetry = telemetry
    this.#gauges = gauges
    this.#facts = facts
  }

  readonly metrics: ApiHandler = () => ({
    head: { status: 200, headers: ['content-type', CONTENT_TYPE, 'cache-control', 'no-store'] },
    body: renderMetrics(this.#telemetry, this.#gauges),
  })

  /** With `?history=1`: the plots' points instead. */
  readonly status: ApiHandler = ({ query }) => {
    const history = query.get('history')
    const fields = ['cache-control', 'no-store']
    if (history === '1') {
      const points = this.#telemetry.history.points()
      return jsonReply(200, { interval_s: STEP_MS / 1000, points }, fields)
    }
    if (history !== null) throw new Problem('bad_request', `history ${JSON.stringify(history)} is not 1`)
    return jsonReply(200, this.#status(), fields)
  }

  #status(): object {
    const facts = this.#facts
    const gauges = this.#gauges
    const minute = this.#telemetry.history.lastMinute()
    let total = 0
    for (const statuses of this.#telemetry.requests.values())
      for (const count of statuses.values()) total += count
    return {
      status: facts.draining() ? 'draining' : 'healthy',
      version: gauges.version,
      uptime_s: Math.round(facts.uptime()),
      node: facts.node(),
      engine: gauges.engine,
      runtime: process.version,
      configuration: facts.configuration(),
      counts: {
        links: gauges.links(),
        connections: gauges.sockets(),
        inflight: gauges.inflight(),
        held: gauges.held(),
        sessions: facts.sessions(),
        requests_total: total,
      },
      rates: {
        requests_per_s: perSecond(minute.requests),
        errors_per_s: perSecond(minute.errors),
        bytes_in_per_s: perSecond(minute.bytesIn),
        bytes_out_per_s: perSecond(minute.bytesOut),
      },
      store: facts.store(),
      loop_lag_ms: Math.round(gauges.loopLag() * 10_000) / 10,
    }
  }
}

/** Of a minute's count. */
const perSecond = (count: number): number => Number((count / 60).toPrecision(4))
