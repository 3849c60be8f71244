/** `GET /connections`: who is connected, one entry a link; its filters, its shape and its entity tag. */
import { createHash } from 'node:crypto'
import { Problem } from '../../shared/errors.js'
import { PROTOCOL } from '../../shared/limits.js'
import { parseTunnelId } from '../../shared/tunnel-id.js'
import { mayReach } from '../access/authority.js'
import type { Principal } from '../access/principal.js'
import type { Link } from '../agents/link.js'
import type { Registry } from '../agents/registry.js'

/** One link, as users see it. Counts and latency of requests in flight are the instance's. */
export interface Connection {
  link_id: string
  tunnel_id: string
  agent_id: string
  purpose: string
  instance_id: string
  link: number
  name: string | null
  labels: Readonly<Record<string, string>>
  weight: number
  state: string
  remote_address: string
  connected_at: string
  last_seen_at: string
  rtt_ms: number | null
  inflight: number
  max_concurrent: number
  requests_total: number
  errors_total: number
  bytes_in: number
  bytes_out: number
  latency_ms: { p50: number | null; p99: number | null }
  protocol: string
  agent_version: string
  node: null
}

export type ConnectionFilter = (link: Link) => boolean

/** @throws Problem `bad_request` for a parameter that is none of the filters, `invalid_tunnel_id`. */
export function parseFilter(query: URLSearchParams): ConnectionFilter {
  const tests: ConnectionFilter[] = []
  for (const [parameter, value] of query) {
    switch (parameter) {
      case 'purpose':
        tests.push((link) => link.claim.tunnel.purpose === value)
        break
      case 'tunnel_id': {
        const { id } = parseTunnelId(value)
        tests.push((link) => link.claim.tunnel.id === id)
        break
      }
      case 'name':
        tests.push((link) => link.claim.name === value)
        break
      case 'label': {
        const at = value.indexOf('=')
        if (at < 1) throw new Problem('bad_request', `label ${JSON.stringify(value)} is not key=value`)
        tests.push((link) => link.instance?.labels[value.slice(0, at)] === value.slice(at + 1))
        break
      }
      default:
        throw new Problem(
          'bad_request',
          `query parameter ${JSON.stringify(parameter)} is unknown; there are purpose, tunnel_id, name, label`,
        )
    }
  }
  return (link) => tests.every((test) => test(link))
}

/** Of these links, those of tunnels that this operator's credential is for. */
export function seenBy(principal: Principal | undefined, filter: ConnectionFilter): ConnectionFilter {
  if (principal?.tunnels === undefined) return filter
  return (link) => mayReach(principal, link.claim.tunnel.id, link.claim.name) && filter(link)
}

/** Whether this operator's credential is for a tunnel: by its id, or by a name as long as an agent has it. */
export function reaches(registry: Registry, principal: Principal, tunnelId: string): boolean {
  const names = [null, ...[...(registry.tunnel(tunnelId) ?? [])].map(({ name }) => name)]
  return names.some((name) => mayReach(principal, tunnelId, name))
}

export function connections(
  registry: Registry,
  filter: ConnectionFilter,
  now: number,
): { count: number; connections: Connection[] } {
  const list = [...registry.links].filter(filter).map((link) => connection(link, now))
  return { count: list.length, connections: list }
}

/** `now`: milliseconds, monotonic. */
export function connection(link: Link, now: number): Connection {
  const { claim } = link
  const instance = link.instance!
  const [p50 = null, p99 = null] = instance.percentiles([0.5, 0.99], now)
  return {
    link_id: link.id,
    tunnel_id: claim.tunnel.id,
    agent_id: claim.tunnel.uuid,
    purpose: claim.tunnel.purpose,
    instance_id: claim.instanceId,
    link: claim.number,
    name: claim.name,
    labels: instance.labels,
    weight: instance.weight,
    state: link.state,
    remote_address: claim.remoteAddress,
    connected_at: link.connectedAt.toISOString(),
    last_seen_at: link.lastSeenAt.toISOString(),
    rtt_ms: link.rtt === null ? null : Math.round(link.rtt * 100) / 100,
    inflight: instance.inflight,
    max_concurrent: instance.maxConcurrent,
    requests_total: link.requests,
    errors_total: link.errors,
    bytes_in: link.bytesIn,
    bytes_out: link.bytesOut,
    latency_ms: { p50, p99 },
    protocol: PROTOCOL,
    agent_version: link.agentVersion,
    node: null,
  }
}

/** Over which links there are, their state, name, labels and weight; not over counters. */
export function entityTag(list: readonly Connection[]): string {
  const hash = createHash('sha256')
  for (const { link_id, state, name, labels, weight } of list)
    hash.update(JSON.stringify([link_id, state, name, labels, weight]))
  return `"${hash.digest('base64url').slice(0, 22)}"`
}

/** If-None-Match holds the tag, weak or strong, or `*` (RFC 9110 §13.1.2). */
export function isNotModified(ifNoneMatch: string | undefined, tag: string): boolean {
  const tags = ifNoneMatch?.split(',') ?? []
  return tags.some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag)
}
