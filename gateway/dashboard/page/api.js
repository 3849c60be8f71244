/**
 * What the page asks of the gateway. Every shape it relies on stands here; fields that are not named are ignored,
 * those with a `?` may be missing. Times are ISO 8601.
 *
 * GET /dashboard/session      {modes: ['none'|'token'|'password'|'device_token'|'jwt'], signed_in, scopes: []}
 * POST /dashboard/session     {credential}; answers as GET. 401: wrong. 429: too many. DELETE: signs out
 * GET /connections (SSE)      snapshot {count, connections: [Connection]}, connected | changed | disconnected Connection
 * DELETE /connections/:id     {closed}; ?drain=1: {state: 'draining'}
 * GET /status                 {status: 'healthy'|'draining', version, uptime_s, node, loop_lag_ms, public_url?,
 *                             rates: {requests_per_s, errors_per_s}}   (rates: over the last minute)
 * GET /status?history=1       {interval_s, points: [Point]}, oldest first, the last one still growing
 *   Point                     {time, requests, errors: {code: n}, p50_ms, p95_ms, p99_ms}: counts over interval_s; a
 *                             percentile is null where there was no request
 * GET /inspect                {exchanges: [Exchange]}, newest first; filters code, tunnel_id, method, path, min_ms.
 *                             SSE: snapshot {exchanges}, then `exchange` Exchange at each change. 404: it is off
 *   Exchange                  {request_id, time, method, path, status, code, tunnel_id, state: 'open'|'ended',
 *                             queued_ms, first_byte_ms, duration_ms, replay_of}; null: not yet, or none. path has the
 *                             query; status 0: the caller left before the answer
 * GET /inspect/:id            Exchange and {remote_address, request: Message, response: Message | null}
 *   Message                   {headers: [[name, value]], bytes, truncated, body: Body}; a redacted value: [redacted]
 *   Body                      {kind: 'none'} | {kind: 'json', text, value} | {kind: 'text', text} | {kind: 'hex', text}
 *                             | {kind: 'events', events: [{event, data, id}]}
 * GET /inspect/:id/curl       text/plain
 * POST /inspect/:id/replay    {method?, path?, headers?: {name: value | null}, body?: string};
 *                             {request_id, status, omitted: [name]}. 409: the body was not kept whole
 * GET /api/v1/sessions        {sessions: [Session], next_cursor}; user_id, limit, cursor
 * GET /api/v1/sessions/:id/events (SSE)   {type, data, timestamp, seq, run_id}, named by type
 * GET /hooks/runs             {runs: [{name, event, seq, status, exit_code, started_at, duration_ms, output, error?}]}
 * GET /tasks                  {tasks: [{name, type, schedule, timezone, description, enabled, running, next_run_at,
 *                             last_run: Run | null}]}
 * GET /tasks/:name/runs       {runs: [Run]}, newest first
 *   Run                       {status: 'ok'|'running'|…, exit_code, http_status?, started_at, duration_ms, output,
 *                             error?}
 * POST /tasks/:name/run       202. 409: it runs
 * GET /openapi.json           OpenAPI 3.1
 */

/** What the gateway refused, in its own words; `status` 0: it could not be reached. */
class ApiError extends Error {
  constructor(status, code, detail, requestId) {
    super(detail)
    this.status = status
    this.code = code
    this.requestId = requestId
  }
}

/** Longest wait for an answer: then the gateway counts as gone, and the caller tries again. */
const PATIENCE = 15_000

async function send(method, path, body, accept = 'application/json') {
  const headers = { accept }
  if (body !== undefined) headers['content-type'] = 'application/json'
  let response
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
    })
  } catch {
    throw new ApiError(0, 'unreachable', 'The gateway does not answer.')
  }
  const text = await response.text().catch(() => '')
  if (!response.ok) throw refusal(response, text)
  return text
}

function refusal(response, text) {
  const problem = parsed(text)
  const detail = problem?.detail ?? `The gateway answered ${response.status}.`
  return new ApiError(response.status, problem?.code ?? '', detail, problem?.request_id)
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function ask(method, path, body) {
  const text = await send(method, path, body)
  return text === '' ? {} : (parsed(text) ?? {})
}

/** Only what is set, percent-encoded; '' where nothing is. */
function query(values) {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== '')
  return set.length === 0 ? '' : `?${new URLSearchParams(set)}`
}

const part = encodeURIComponent

export const api = {
  session: () => ask('GET', '/dashboard/session'),
  signIn: (credential) => ask('POST', '/dashboard/session', { credential }),
  signOut: () => ask('DELETE', '/dashboard/session'),
  status: () => ask('GET', '/status'),
  history: () => ask('GET', '/status?history=1'),
  drain: (link) => ask('DELETE', `/connections/${part(link)}?drain=1`),
  close: (link) => ask('DELETE', `/connections/${part(link)}`),
  exchanges: (filters) => ask('GET', `/inspect${query(filters)}`),
  exchange: (id) => ask('GET', `/inspect/${part(id)}`),
  curl: (id) => send('GET', `/inspect/${part(id)}/curl`, undefined, 'text/plain'),
  replay: (id, changes) => ask('POST', `/inspect/${part(id)}/replay`, changes),
  sessions: (filters) => ask('GET', `/api/v1/sessions${query(filters)}`),
  hookRuns: () => ask('GET', '/hooks/runs'),
  tasks: () => ask('GET', '/tasks'),
  taskRuns: (name) => ask('GET', `/tasks/${part(name)}/runs`),
  runTask: (name) => ask('POST', `/tasks/${part(name)}/run`),
  openapi: () => ask('GET', '/openapi.json'),
}

/** Where events come from. */
export const feeds = {
  connections: () => '/connections',
  exchanges: (filters) => `/inspect${query(filters)}`,
  sessionEvents: (id) => `/api/v1/sessions/${part(id)}/events`,
}
