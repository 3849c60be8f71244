/** The closed table of the gateway's own endpoints. */
import t from 'tap'
import { SCOPES } from '../../gateway/access/principal.js'
import { type ApiMatch, matchApi } from '../../gateway/endpoints/router.js'
import { API_ROUTES, type ApiRoute } from '../../gateway/endpoints/table.js'
import { outcome } from '../helpers/heads.js'

const rows = Object.entries(API_ROUTES) as [string, ApiRoute][]

/** @throws Problem where nothing is served. */
function found(method: string, path: string, socket = false): ApiMatch {
  const match = matchApi(method, path, socket)
  if ('problem' in match) throw match.problem
  return match
}

/** As the contract gives them: who may what. */
const SCOPE_OF: Record<string, string> = {
  'GET /': 'open',
  'GET /health': 'open',
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /openapi.json': 'open',
  'GET /dashboard': 'open',
  'GET /dashboard/assets/app.js': 'open',
  'POST /devices/pair': 'open',
  'POST /devices/pair/AB23/claim': 'open',
  'GET /connections': 'operator.read',
  'GET /status': 'operator.read',
  'GET /metrics': 'operator.read',
  'GET /inspect': 'operator.read',
  'GET /inspect/1': 'operator.read',
  'GET /inspect/1/curl': 'operator.read',
  'GET /tasks': 'operator.read',
  'GET /tasks/a/runs': 'operator.read',
  'GET /hooks/runs': 'operator.read',
  'GET /sessions': 'operator.read',
  'GET /api/v1/sessions/sess_1/events': 'operator.read',
  'POST /tasks/a/run': 'operator.write',
  'POST /sessions': 'operator.write',
  'PATCH /sessions/sess_1': 'operator.write',
  'DELETE /sessions/sess_1': 'operator.write',
  'POST /sessions/sess_1/execute': 'operator.write',
  'GET /devices': 'operator.pairing',
  'DELETE /devices/d1': 'operator.pairing',
  'POST /devices/d1/rotate': 'operator.pairing',
  'POST /devices/pair/AB23/approve': 'operator.pairing',
  'POST /devices/pair/AB23/reject': 'operator.pairing',
  'DELETE /connections/1': 'operator.admin',
  'POST /inspect/1/replay': 'operator.admin',
}

t.test('each route has the scope that the contract gives it', async (t) => {
  for (const [line, scope] of Object.entries(SCOPE_OF)) {
    const [method = '', path = ''] = line.split(' ')
    t.equal(found(method, path).route.scope, scope, line)
    if (method === 'GET') t.equal(found('HEAD', path).route.scope, scope, `HEAD ${path}`)
  }
})

t.test('every row is reached by its own path, and its scope is one', async (t) => {
  for (const [name, { method, path, scope, socket }] of rows) {
    const asked = path.replace(/:\w+/g, 'x').replace('*', 'a/b')
    t.equal(found(method, asked, socket).name, name, `${method} ${path}`)
    t.ok(scope === 'open' || SCOPES.includes(scope), `${name}: ${scope}`)
  }
})

t.test('paths', async (t) => {
  const cases: [string, string, boolean, unknown][] = [
    ['GET', '/nothing', false, 'not_found'],
    ['GET', '/dashboardx', false, 'not_found'],
    ['GET', '/connections/', false, 'not_found'],
    ['POST', '/connections', false, 'method_not_allowed'],
    ['GET', '/sessions/a%2Fb', false, { id: 'a/b' }],
    ['GET', '/sessions/%ff', false, 'bad_request'],
    ['GET', '/sessionsx', false, 'not_found'],
    ['GET', '/dashboard/', false, { rest: '' }],
    ['GET', '/dashboard/a/b', false, { rest: 'a/b' }],
    ['GET', '/sessions/s/stream', true, { id: 's' }],
    ['GET', '/sessions/s/stream', false, 'not_found'],
    ['GET', '/sessions/s/execute', false, 'method_not_allowed'],
    ['GET', '/health', true, 'not_found'],
  ]
  for (const [method, path, socket, expected] of cases)
    t.same(
      outcome(() => found(method, path, socket).params),
      expected,
      `${method} ${path} ${socket}`,
    )
})
