/** `GET /metrics`: everything that the gateway counts, in Prometheus's words. */
import { Exposition, type Sample } from './exposition.js'
import { processMetrics } from './process-metrics.js'
import type { Telemetry } from './telemetry.js'

/** What is read when it is asked for. */
export interface Gauges {
  readonly version: string
  readonly engine: string
  /** Links of agents. */
  links(): number
  /** Connections of callers and agents. */
  sockets(): number
  inflight(): number
  held(): number
  rateLimited(): number
  /** Seconds. */
  loopLag(): number
  /** Events that the rooms lost on purpose, by room: `hooks`, … */
  dropped(): Readonly<Record<string, number>>
}

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export function renderMetrics(telemetry: Telemetry, gauges: Gauges): string {
  const out = new Exposition()
  const one = (value: number): Sample[] => [[{}, value]]
  const each = (counts: Iterable<readonly [string, number]>, label: string): Sample[] =>
    [...counts].map(([name, value]) => [{ [label]: name }, value])

  out.gauge('gw_build_info', 'The version and the engine that run.', [
    [{ version: gauges.version, engine: gauges.engine, node: process.version }, 1],
  ])
  out.gauge('gw_connections', 'Agent links that are open.', one(gauges.links()))
  out.gauge('gw_sockets', 'Connections of callers and agents that are open.', one(gauges.sockets()))
  out.counter('gw_requests_total', 'Requests that ended, by status and kind of route.', requests(telemetry))
  out.histogram(
    'gw_request_duration_seconds',
    'From the head of a request to the end of its answer.',
    telemetry.duration,
  )
  out.histogram(
    'gw_first_byte_seconds',
    'From the head of a request to the head of its answer.',
    telemetry.firstByte,
  )
  out.gauge('gw_inflight_requests', 'Proxied requests in flight.', one(gauges.inflight()))
  out.counter('gw_bytes_total', 'Body bytes, as seen by callers.', [
    [{ direction: 'in' }, telemetry.bytesIn],
    [{ direction: 'out' }, telemetry.bytesOut],
  ])
  out.histogram('gw_link_rtt_seconds', 'Round trips of pings on links.', telemetry.rtt)
  out.counter(
    'gw_links_total',
    'Links that were connected, disconnected, replaced by a new one, or refused.',
    each(Object.entries(telemetry.links), 'event'),
  )
  out.counter('gw_errors_total', 'Requests that failed, by problem code.', each(telemetry.errors, 'code'))
  out.counter('gw_retries_total', 'Moves of requests to another instance.', one(telemetry.retries))
  out.gauge('gw_held_requests', 'Requests that wait for an agent.', one(gauges.held()))
  out.counter('gw_rate_limited_total', 'Requests refused for their rate.', one(gauges.rateLimited()))
  out.gauge('gw_event_loop_lag_seconds', 'Longest delay of the last two seconds.', one(gauges.loopLag()))
  out.counter(
    'gw_dropped_total',
    'Lost on purpose: events that no hook was run for (hooks), spans that were not sent (spans).',
    each(Object.entries(gauges.dropped()), 'what'),
  )
  const { perTunnel } = telemetry
  if (perTunnel !== undefined) {
    out.counter('gw_tunnel_requests_total', 'Requests by tunnel and class of status.', perTunnel.samples())
    out.counter(
      'gw_tunnel_requests_dropped_total',
      'Requests of tunnels past the bound.',
      one(perTunnel.dropped),
    )
  }
  processMetrics(out)
  return out.toString()
}

function* requests({ requests: byRoute }: Telemetry): Iterable<Sample> {
  for (const [route, statuses] of byRoute)
    for (const [status, count] of statuses) yield [{ code: String(status), route }, count]
}
