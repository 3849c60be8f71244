/** What the gateway's own endpoints answer, as schemas: OpenAPI is made from them, and a test holds answers to them. */
import { z } from 'zod'
import { PROBLEMS, type ProblemCode } from '../../../shared/errors.js'
import { SCOPES } from '../../access/principal.js'

const time = z.iso.datetime()
const count = z.int().min(0)
const ms = z.number().min(0)
const open = z.record(z.string(), z.unknown())

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
  request_id: z.uuid(),
})

export const root = z.object({
  status: z.literal('ok'),
  service: z.literal('gw-gateway'),
  version: z.string().optional(),
  uptime_s: count.optional(),
  agents_connected: count.optional(),
})

export const health = z.object({
  status: z.enum(['healthy', 'draining']),
  version: z.string().optional(),
  agents_connected: count.optional(),
  sessions_active: count.optional(),
})

export const alive = z.object({ status: z.literal('alive') })
export const ready = z.object({
  status: z.enum(['ready', 'not ready']),
  reasons: z.array(z.string()).optional(),
})

const connection = z.object({
  link_id: z.uuid(),
  tunnel_id: z.string(),
  agent_id: z.string(),
  purpose: z.string(),
  instance_id: z.uuid(),
  link: count,
  name: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  weight: z.number(),
  state: z.string(),
  remote_address: z.string(),
  connected_at: time,
  last_seen_at: time,
  rtt_ms: ms.nullable(),
  inflight: count,
  max_concurrent: count,
  requests_total: count,
  errors_total: count,
  bytes_in: count,
  bytes_out: count,
  latency_ms: z.object({ p50: ms.nullable(), p99: ms.nullable() }),
  protocol: z.string(),
  agent_version: z.string(),
  node: z.null(),
})
export const connections = z.object({ count, connections: z.array(connection) })
export const closed = z.object({ closed: z.literal(true) })
export const draining = z.object({ state: z.literal('draining') })

export const status = z.object({
  status: z.enum(['healthy', 'draining']),
  version: z.string(),
  uptime_s: count,
  node: z.string(),
  engine: z.string(),
  runtime: z.string(),
  configuration: open,
  counts: z.object({
    links: count.describe("Agents' links, as in /connections and gw_connections"),
    connections: count.describe('Connections of callers and agents, as in gw_sockets'),
    inflight: count.describe('Proxied requests in flight'),
    held: count.describe('Requests that wait for an agent'),
    sessions: count,
    requests_total: count.describe('Requests that have ended'),
  }),
  rates: z.object({
    requests_per_s: z.number(),
    errors_per_s: z.number(),
    bytes_in_per_s: z.number(),
    bytes_out_per_s: z.number(),
  }),
  store: open,
  loop_lag_ms: ms,
})

const exchange = z.object({
  request_id: z.uuid(),
  time,
  method: z.string(),
  path: z.string(),
  status: count.nullable(),
  code: z.string().nullable(),
  tunnel_id: z.string().nullable(),
  route: z.string(),
  state: z.enum(['open', 'ended']),
  queued_ms: ms.nullable(),
  first_byte_ms: ms.nullable(),
  duration_ms: ms.nullable(),
  bytes_in: count,
  bytes_out: count,
  replay_of: z.uuid().nullable(),
})
export const exchanges = z.object({ exchanges: z.array(exchange) })
const message = z.object({
  headers: z.array(z.tuple([z.string(), z.string()])),
  bytes: count,
  truncated: z.boolean(),
  body: z.looseObject({ kind: z.enum(['none', 'json', 'events', 'text', 'hex']) }),
})
export const shownExchange = exchange.extend({
  remote_address: z.string(),
  request: message,
  response: message.nullable(),
})
export const changes = z.object({
  method: z.string().optional(),
  path: z.string().optional(),
  headers: z.record(z.string(), z.string().nullable()).optional(),
  body: z.string().optional(),
})
export const replayed = z.object({
  request_id: z.uuid(),
  replay_of: z.uuid(),
  status: count,
  omitted: z.array(z.string()),
})

export const hookRuns = z.looseObject({
  runs: z.array(
    z.looseObject({ name: z.string(), event: z.string(), status: z.string(), output: z.string() }),
  ),
})
export const tasks = z.object({ tasks: z.array(z.looseObject({ name: z.string(), type: z.string() })) })
const taskRun = z.looseObject({ task: z.string(), status: z.string(), started_at: z.string() })
export const taskRuns = z.object({ runs: z.array(taskRun) })
export const startedRun = taskRun

const scopes = z.array(z.enum(SCOPES))
const device = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(['operator', 'node']),
  scopes,
  tunnels: z.array(z.string()),
  created_at: time,
  last_used_at: time.nullable(),
})
export const devices = z.object({ devices: z.array(device) })
export const pairing = z.object({ name: z.string().max(64), public_key: z.string().optional() })
export const code = z.object({ code: z.string().length(8), expires_at: time })
export const claim = z.object({ signature: z.string().optional() })
export const grant = z.object({
  role: z.enum(['operator', 'node']).optional(),
  scopes: scopes.optional(),
  tunnels: z.array(z.string()).optional(),
})
export const credential = z.object({
  id: z.string(),
  token: z.string(),
  role: z.string(),
  scopes,
  tunnels: z.array(z.string()),
})
export const approved = z.looseObject({ state: z.literal('approved'), name: z.string() })
export const rejected = z.looseObject({ state: z.literal('rejected'), name: z.string() })
export const deleted = z.object({ deleted: z.literal(true) })

export const signIn = z.object({ credential: z.string() })
export const signedIn = z.object({
  signed_in: z.boolean(),
  id: z.string().nullable(),
  scopes,
  modes: z.array(z.string()),
})

export const session = z.looseObject({
  session_id: z.string().regex(/^sess_[0-9a-f]{12,}$/),
  user_id: z.string(),
  workspace_dir: z.string().nullable(),
  created_at: time,
  metadata: open,
  status: z.string(),
  tunnel_id: z.string().nullable(),
  last_active_at: time,
  expires_at: time.nullable(),
})
export const sessions = z.object({ sessions: z.array(session), next_cursor: z.string().nullable() })
export const sessionEvents = z.looseObject({
  events: z.array(z.looseObject({ type: z.string(), data: open, seq: count })),
})
export const reply = z.looseObject({ output: z.string(), run_id: z.string(), events: z.array(open) })
