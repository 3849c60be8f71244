/**
 * Every endpoint of the gateway's own, and what it takes to call it: one closed table. What does not stand here is
 * not served. The proxied routes (`/forward`, `/t/…`, hosts) and the agents' (`--ws-path`) are `edge/routes.ts`'s.
 */
import type { Scope } from '../access/principal.js'

export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `:name` stands for one segment, a final `*` for the rest of the path, also an empty one. */
  readonly path: string
  /** `open`: without a credential. */
  readonly scope: Scope | 'open'
  /** A WebSocket's handshake. */
  readonly socket?: true
  /** Asked too often to be counted against anyone. */
  readonly uncounted?: true
  /** Tells no more than that the gateway lives: also to callers without the certificate that `--tls-ca` wants. */
  readonly probe?: true
}

export const API_ROUTES = {
  root: { method: 'GET', path: '/', scope: 'open', probe: true },
  health: { method: 'GET', path: '/health', scope: 'open', probe: true },
  healthz: { method: 'GET', path: '/healthz', scope: 'open', probe: true, uncounted: true },
  readyz: { method: 'GET', path: '/readyz', scope: 'open', probe: true, uncounted: true },
  openapi: { method: 'GET', path: '/openapi.json', scope: 'open' },

  dashboard: { method: 'GET', path: '/dashboard', scope: 'open' },
  dashboardFile: { method: 'GET', path: '/dashboard/*', scope: 'open' },
  signedIn: { method: 'GET', path: '/dashboard/session', scope: 'open' },
  signIn: { method: 'POST', path: '/dashboard/session', scope: 'open' },
  signOut: { method: 'DELETE', path: '/dashboard/session', scope: 'open' },

  connections: { method: 'GET', path: '/connections', scope: 'operator.read' },
  disconnect: { method: 'DELETE', path: '/connections/:link_id', scope: 'operator.admin' },
  status: { method: 'GET', path: '/status', scope: 'operator.read' },
  metrics: { method: 'GET', path: '/metrics', scope: 'operator.read' },

  exchanges: { method: 'GET', path: '/inspect', scope: 'operator.read' },
  exchange: { method: 'GET', path: '/inspect/:request_id', scope: 'operator.read' },
  exchangeCurl: { method: 'GET', path: '/inspect/:request_id/curl', scope: 'operator.read' },
  replay: { method: 'POST', path: '/inspect/:request_id/replay', scope: 'operator.admin' },

  hookRuns: { method: 'GET', path: '/hooks/runs', scope: 'operator.read' },
  tasks: { method: 'GET', path: '/tasks', scope: 'operator.read' },
  taskRuns: { method: 'GET', path: '/tasks/:name/runs', scope: 'operator.read' },
  runTask: { method: 'POST', path: '/tasks/:name/run', scope: 'operator.write' },

  pair: { method: 'POST', path: '/devices/pair', scope: 'open' },
  claimDevice: { method: 'POST', path: '/devices/pair/:code/claim', scope: 'open' },
  approveDevice: { method: 'POST', path: '/devices/pair/:code/approve', scope: 'operator.pairing' },
  rejectDevice: { method: 'POST', path: '/devices/pair/:code/reject', scope: 'operator.pairing' },
  devices: { method: 'GET', path: '/devices', scope: 'operator.pairing' },
  removeDevice: { method: 'DELETE', path: '/devices/:id', scope: 'operator.pairing' },
  rotateDevice: { method: 'POST', path: '/devices/:id/rotate', scope: 'operator.pairing' },

  createSession: { method: 'POST', path: '/api/v1/sessions', scope: 'operator.write' },
  sessions: { method: 'GET', path: '/api/v1/sessions', scope: 'operator.read' },
  session: { method: 'GET', path: '/api/v1/sessions/:id', scope: 'operator.read' },
  changeSession: { method: 'PATCH', path: '/api/v1/sessions/:id', scope: 'operator.write' },
  removeSession: { method: 'DELETE', path: '/api/v1/sessions/:id', scope: 'operator.write' },
  sessionEvents: { method: 'GET', path: '/api/v1/sessions/:id/events', scope: 'operator.read' },
  execute: { method: 'POST', path: '/api/v1/sessions/:id/execute', scope: 'operator.write' },
  sessionStream: { method: 'GET', path: '/api/v1/sessions/:id/stream', scope: 'operator.read', socket: true },
  executeStream: {
    method: 'GET',
    path: '/api/v1/sessions/:id/execute',
    scope: 'operator.read',
    socket: true,
  },
} as const satisfies Record<string, ApiRoute>

export type ApiRouteName = keyof typeof API_ROUTES

/** Paths that begin with one of these are the same as those that begin with the other. */
export const ALIASES = [['/sessions', '/api/v1/sessions']] as const
