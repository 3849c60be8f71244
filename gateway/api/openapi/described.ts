/** Each endpoint in words and schemas. A row of the table without a description does not compile. */
import { z } from 'zod'
import {
  createBody,
  eventsQuery,
  executeBody,
  listQuery,
  patchBody,
} from '../../../shared/sessions/schemas.js'
import type { ApiRouteName } from '../../endpoints/table.js'
import * as shapes from './shapes.js'

export interface Described {
  readonly tag: string
  readonly summary: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** By status: a schema, or the media type of what is no JSON. */
  readonly answers: Readonly<Record<number, z.ZodType | string>>
  /** Beside JSON it also streams, as `text/event-stream` and what else is named. */
  readonly streams?: readonly string[]
}

const SSE = ['text/event-stream']
const LINES = [...SSE, 'application/x-ndjson']
const text = z.string().optional()

const connectionQuery = z.object({ purpose: text, tunnel_id: text, name: text, label: text })
const inspectQuery = z.object({ code: text, tunnel_id: text, method: text, path: text, min_ms: text })

export const DESCRIBED: Readonly<Record<ApiRouteName, Described>> = {
  root: { tag: 'health', summary: 'Health, in short', answers: { 200: shapes.root } },
  health: {
    tag: 'health',
    summary: 'Health; 503 while draining',
    answers: { 200: shapes.health, 503: shapes.health },
  },
  healthz: { tag: 'health', summary: 'The process lives', answers: { 200: shapes.alive } },
  readyz: { tag: 'health', summary: 'It can serve', answers: { 200: shapes.ready, 503: shapes.ready } },
  openapi: {
    tag: 'health',
    summary: 'This description',
    answers: { 200: z.record(z.string(), z.unknown()) },
  },

  dashboard: { tag: 'dashboard', summary: 'The page', answers: { 200: 'text/html' } },
  dashboardFile: { tag: 'dashboard', summary: 'A file of the page', answers: { 200: '*/*' } },
  signedIn: { tag: 'dashboard', summary: 'Who is signed in', answers: { 200: shapes.signedIn } },
  signIn: {
    tag: 'dashboard',
    summary: 'Sign in; the answer sets a cookie',
    body: shapes.signIn,
    answers: { 200: shapes.signedIn },
  },
  signOut: { tag: 'dashboard', summary: 'Sign out', answers: { 200: shapes.signedIn } },

  connections: {
    tag: 'connections',
    summary: 'Who is connected, one entry a link',
    query: connectionQuery,
    answers: { 200: shapes.connections },
    streams: SSE,
  },
  disconnect: {
    tag: 'connections',
    summary: 'Close a link; with drain=1 once its streams are done',
    query: z.object({ drain: z.literal('1').optional() }),
    answers: { 200: shapes.closed, 202: shapes.draining },
  },
  status: {
    tag: 'operations',
    summary: 'What the gateway does at present; with history=1 the points of the plots',
    query: z.object({ history: z.literal('1').optional() }),
    answers: { 200: shapes.status },
  },
  metrics: { tag: 'operations', summary: 'Metrics for Prometheus', answers: { 200: 'text/plain' } },

  exchanges: {
    tag: 'inspector',
    summary: 'Recorded exchanges, newest first',
    query: inspectQuery,
    answers: { 200: shapes.exchanges },
    streams: SSE,
  },
  exchange: { tag: 'inspector', summary: 'One of them, whole', answers: { 200: shapes.shownExchange } },
  exchangeCurl: { tag: 'inspector', summary: 'As a command', answers: { 200: 'text/plain' } },
  replay: {
    tag: 'inspector',
    summary: 'Send it again to the same tunnel, changed or not',
    body: shapes.changes,
    answers: { 200: shapes.replayed },
  },

  hookRuns: { tag: 'automation', summary: 'The last runs of hooks', answers: { 200: shapes.hookRuns } },
  tasks: { tag: 'automation', summary: 'Tasks of the scheduler', answers: { 200: shapes.tasks } },
  taskRuns: { tag: 'automation', summary: 'The last runs of a task', answers: { 200: shapes.taskRuns } },
  runTask: { tag: 'automation', summary: 'Run a task now', answers: { 202: shapes.startedRun } },

  pair: {
    tag: 'devices',
    summary: 'Ask to be paired',
    body: shapes.pairing,
    answers: { 201: shapes.code },
  },
  claimDevice: {
    tag: 'devices',
    summary: 'Fetch the credential, once an operator has approved; 409 until then',
    body: shapes.claim,
    answers: { 200: shapes.credential },
  },
  approveDevice: {
    tag: 'devices',
    summary: 'Approve',
    body: shapes.grant,
    answers: { 200: shapes.approved },
  },
  rejectDevice: { tag: 'devices', summary: 'Reject', answers: { 200: shapes.rejected } },
  devices: { tag: 'devices', summary: 'Paired devices', answers: { 200: shapes.devices } },
  removeDevice: { tag: 'devices', summary: 'Remove', answers: { 200: shapes.deleted } },
  rotateDevice: {
    tag: 'devices',
    summary: 'A new credential for the old',
    answers: { 200: shapes.credential },
  },

  createSession: {
    tag: 'sessions',
    summary: 'Begin a session; Idempotency-Key is honoured for a day',
    body: createBody,
    answers: { 201: shapes.session },
  },
  sessions: {
    tag: 'sessions',
    summary: 'Sessions, newest first',
    query: listQuery,
    answers: { 200: shapes.sessions },
  },
  session: { tag: 'sessions', summary: 'One session', answers: { 200: shapes.session } },
  changeSession: {
    tag: 'sessions',
    summary: 'Change its metadata or directory',
    body: patchBody,
    answers: { 200: shapes.session },
  },
  removeSession: {
    tag: 'sessions',
    summary: 'End it; a run in flight is cancelled',
    answers: { 200: shapes.deleted },
  },
  sessionEvents: {
    tag: 'sessions',
    summary: 'Its events; as a stream it goes on live',
    query: eventsQuery,
    answers: { 200: shapes.sessionEvents },
    streams: LINES,
  },
  execute: {
    tag: 'sessions',
    summary: 'Run a query; the answer streams its events, or with "stream": false comes at the end',
    body: executeBody,
    answers: { 200: shapes.reply },
    streams: LINES,
  },
  sessionStream: {
    tag: 'sessions',
    summary: 'Events and runs over a WebSocket',
    answers: { 101: 'websocket' },
  },
  executeStream: { tag: 'sessions', summary: 'The same', answers: { 101: 'websocket' } },
}
