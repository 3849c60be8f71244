/** `/openapi.json`: it covers every endpoint, and what endpoints answer is what it says. */
import t from 'tap'
import type { z } from 'zod'
import { DESCRIBED } from '../../gateway/api/openapi/described.js'
import * as shapes from '../../gateway/api/openapi/shapes.js'
import { API_ROUTES, type ApiRoute, type ApiRouteName } from '../../gateway/endpoints/table.js'
import { freshDirectory } from '../helpers/fresh-directory.js'
import { type Asked, call, startGateway } from '../helpers/tunnel.js'

interface Operation {
  summary: string
  operationId: string
  security?: unknown[]
  'x-scope'?: string
  parameters?: { name: string; in: string }[]
}

interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
}

/** Every `$ref` in it, and every object that has one of these keys. */
function walk(value: unknown, see: (key: string, value: unknown) => void): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    see(key, member)
    walk(member, see)
  }
}

t.test('the document', async (t) => {
  const site = await startGateway(t)
  const answer = await call(`${site.url}/openapi.json`)
  t.match(answer, { status: 200, headers: { 'content-type': 'application/json' } })
  const same = await call(`${site.url}/openapi.json`, { headers: { 'if-none-match': answer.headers.etag! } })
  t.equal(same.status, 304)
  const document = JSON.parse(answer.body) as Document
  t.equal(document.openapi, '3.1.0')
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )
  for (const [name, route] of Object.entries(API_ROUTES) as [ApiRouteName, ApiRoute][]) {
    const path = route.path.replace('*', ':rest').replace(/:(\w+)/g, '{$1}')
    const found = operations.find(
      (one) => one.path === path && one.method === route.method.toLowerCase(),
    )?.operation
    t.ok(found, `${route.method} ${path}`)
    t.ok(String(found?.summary).length > 3, name)
    if (route.scope === 'open') t.same(found?.security, [], `${name} is open`)
    else t.equal(found?.['x-scope'], route.scope)
    for (const [, parameter] of path.matchAll(/\{(\w+)\}/g))
      t.ok(
        found?.parameters?.some((one) => one.in === 'path' && one.name === parameter),
        `${path} tells of ${parameter}`,
      )
  }
  const ids = operations.map(({ operation }) => operation.operationId)
  t.equal(new Set(ids).size, ids.length, 'operation ids are unique')
  walk(document, (key, value) => {
    if (key !== '$ref') return
    const found = String(value)
      .slice(2)
      .split('/')
      .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], document)
    t.ok(found, `${value} leads somewhere`)
  })
  t.ok(document.paths['/forward'] && document.paths['/t/{tunnel}/{rest}'] && document.paths['/ws'])
})

t.test('answers are what it says', async (t) => {
  const site = await startGateway(t, { dataDir: freshDirectory() })
  const agent = await site.agent({ labels: ['a', 'b'], serve: (exchange) => exchange.respond(200, 'hi') })
  const sent = await call(`${site.url}/t/${agent.tunnelId}/x`)
  const id = sent.headers['gw-request-id'] as string
  const made = await call(`${site.url}/sessions`, { method: 'POST', body: '{"user_id":"u"}' })
  const { session_id: session } = JSON.parse(made.body) as { session_id: string }
  const asked: [ApiRouteName, string, Asked?][] = [
    ['root', '/'],
    ['health', '/health'],
    ['healthz', '/healthz'],
    ['readyz', '/readyz'],
    ['signedIn', '/dashboard/session'],
    ['connections', '/connections'],
    ['status', '/status'],
    ['exchanges', '/inspect'],
    ['exchange', `/inspect/${id}`],
    ['replay', `/inspect/${id}/replay`, { body: '{}' }],
    ['hookRuns', '/hooks/runs'],
    ['tasks', '/tasks'],
    ['pair', '/devices/pair', { body: '{"name":"x"}' }],
    ['devices', '/devices'],
    ['sessions', '/sessions'],
    ['session', `/sessions/${session}`],
    ['changeSession', `/sessions/${session}`, { body: '{"metadata":{"a":1}}' }],
    ['sessionEvents', `/sessions/${session}/events`],
    ['removeSession', `/sessions/${session}`],
    ['disconnect', `/connections/${agent.linkId}`],
  ]
  for (const [name, path, how = {}] of asked) {
    const { status, body } = await call(`${site.url}${path}`, { method: API_ROUTES[name].method, ...how })
    const shape = DESCRIBED[name].answers[status]
    t.ok(shape, `${name}: ${status} is told`)
    if (typeof shape !== 'object') continue
    const read = (shape as z.ZodType).safeParse(JSON.parse(body))
    t.ok(read.success, `${name}: ${read.success ? '' : read.error.message} ${body.slice(0, 300)}`)
  }
  const refused = await call(`${site.url}/nothing`)
  t.ok(shapes.problem.safeParse(JSON.parse(refused.body)).success, 'problems too')
})
