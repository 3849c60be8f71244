/** What is told of requests, put together: who hears of each, and in what order they stand before its caller. */
import { Redaction } from '../../shared/inspect/redact.js'
import { Ring } from '../../shared/inspect/ring.js'
import { type Logger, standardFormat } from '../../shared/log.js'
import { openTracer } from '../../shared/tracing/environment.js'
import { AccessLog } from '../edge/access-log.js'
import type { Ended, Witness } from '../edge/ended.js'
import type { RequestHead } from '../edge/engine.js'
import type { Watcher } from '../edge/watcher.js'
import type { Tell } from '../events/event.js'
import { Recorder } from '../inspect/recorder.js'
import type { LiveOptions } from '../ops/live.js'
import { followLog } from '../ops/live-log.js'
import { inspects } from '../options/telemetry.js'
import type { GatewayOptions } from '../options.js'
import { Telemetry } from './telemetry.js'
import { Tracing } from './tracing.js'

export interface ObservationFacts {
  readonly options: GatewayOptions
  readonly live: LiveOptions
  readonly version: string
  readonly log: Logger
  readonly tell: Tell
}

export async function observe({ options, live, version, log, tell }: ObservationFacts) {
  const telemetry = new Telemetry(Date.now, options.metricsPerTunnel)
  const accessLog = new AccessLog(options.accessLog, options.logFormat ?? standardFormat(), log)
  followLog(live, log, accessLog)
  const ring = inspects(options) ? new Ring() : undefined
  const recorder = ring && new Recorder(ring, new Redaction(options.redact))
  const tracer = await openTracer({ service: 'gw-gateway', version, env: process.env, log })
  const tracing = tracer && new Tracing(tracer)
  const witness: Witness = {
    ended(head, ended, caller) {
      accessLog.ended(head, ended)
      telemetry.ended(head, ended)
      recorder?.ended(head, ended, caller)
      tracing?.ended(head, ended)
      if (ended.code !== undefined && ended.code !== 'aborted') tell(failureOf(head, ended))
    },
    moved: (requestId, failure) => tracing?.moved(requestId, failure),
  }
  return { telemetry, ring, tracer, witness, watcher: both(recorder, tracing) }
}

/** The recorder stands first: it knows its exchanges by the caller that it made. */
function both(recorder: Recorder | undefined, tracing: Tracing | undefined): Watcher | undefined {
  if (recorder === undefined || tracing === undefined) return recorder ?? tracing
  return {
    watch: (caller, watched) => recorder.watch(tracing.watch(caller, watched), watched),
    knows: (requestId) => recorder.knows(requestId),
  }
}

const failureOf = ({ method }: RequestHead, { requestId, tunnelId, route, status, code }: Ended) => ({
  type: 'request:error' as const,
  requestId,
  tunnelId,
  data: { method, route, status, code },
})
