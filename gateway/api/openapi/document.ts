/** The OpenAPI 3.1 description of everything that the gateway serves over HTTP. */
import { z } from 'zod'
import { API_ROUTES, type ApiRoute, type ApiRouteName } from '../../endpoints/table.js'
import { DESCRIBED, type Described } from './described.js'
import { problem } from './shapes.js'

type Json = Record<string, unknown>

const PROBLEM = { $ref: '#/components/responses/Problem' }

export function openApiDocument(version: string, wsPath: string): Json {
  const paths: Record<string, Json> = {}
  for (const [name, route] of Object.entries(API_ROUTES) as [ApiRouteName, ApiRoute][]) {
    const path = route.path.replace('*', ':rest').replace(/:(\w+)/g, '{$1}')
    const item = (paths[path] ??= {})
    const method = route.method.toLowerCase()
    // A WebSocket's handshake on a path that has another GET, too, is told with that one.
    if (item[method] === undefined) item[method] = operation(name, route, DESCRIBED[name])
  }
  Object.assign(paths, tunnels(wsPath))
  return {
    openapi: '3.1.0',
    info: {
      title: 'gw-gateway',
      version,
      description: 'A reverse-tunnel gateway for agents. Errors are problem details (RFC 9457).',
    },
    tags: [...new Set(Object.values(DESCRIBED).map(({ tag }) => tag)), 'tunnels'].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Problem: schemaOf(problem) },
      responses: {
        Problem: {
          description: 'A problem',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'a token, a JWT, the root secret or the password',
        },
        basic: { type: 'http', scheme: 'basic', description: 'the password, with any user' },
        device: { type: 'apiKey', in: 'header', name: 'authorization', description: 'DeviceToken …' },
        key: {
          type: 'apiKey',
          in: 'header',
          name: 'x-api-key',
          description: 'a token; not on proxied routes',
        },
      },
    },
  }
}

const SECURITY = [{ bearer: [] }, { basic: [] }, { device: [] }, { key: [] }]

function operation(name: string, route: ApiRoute, described: Described): Json {
  const { tag, summary, body, query, answers, streams = [] } = described
  const responses: Json = { default: PROBLEM }
  for (const [status, answer] of Object.entries(answers)) responses[status] = response(answer, streams)
  return {
    operationId: name,
    tags: [tag],
    summary,
    ...(route.scope === 'open' ? { security: [] } : { security: SECURITY, 'x-scope': route.scope }),
    parameters: [...pathParameters(route.path), ...queryParameters(query)],
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body) } } },
    }),
    responses,
  }
}

function response(answer: z.ZodType | string, streams: readonly string[]): Json {
  if (answer === 'websocket') return { description: 'A WebSocket of JSON messages' }
  const content =
    typeof answer === 'string'
      ? { [answer]: {} }
      : {
          'application/json': { schema: schemaOf(answer) },
          ...Object.fromEntries(streams.map((type) => [type, { schema: { type: 'string' } }])),
        }
  return { description: 'Done', content }
}

const pathParameters = (path: string): Json[] =>
  [...path.replace('*', ':rest').matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))

function queryParameters(query: z.ZodObject | undefined): Json[] {
  return Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: schemaOf(schema as z.ZodType),
  }))
}

/** As it is written, before defaults and conversions. */
function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json
  return rest
}

/** What goes to agents, and where these connect. */
function tunnels(wsPath: string): Record<string, Json> {
  const text = (name: string, place: string, description: string): Json => ({
    name,
    in: place,
    required: place === 'path',
    description,
    schema: { type: 'string' },
  })
  const selectors = [
    ...['gw-tunnel-id', 'gw-purpose', 'gw-labels', 'gw-name', 'gw-policy'].map((name) =>
      text(name, 'header', 'chooses the agent'),
    ),
    text('gw-hold', 'header', 'how long to wait for an agent'),
  ]
  const proxied = (parameters: Json[], summary: string): Json => {
    const answer = { summary, tags: ['tunnels'], security: SECURITY, 'x-scope': 'operator.write' }
    const responses = { default: { description: "The agent's own answer, or a problem of the gateway's" } }
    const all = { ...answer, parameters: [...parameters, ...selectors], responses }
    return Object.fromEntries(
      ['get', 'post', 'put', 'patch', 'delete'].map((method) => [
        method,
        { ...all, operationId: `${method}${summary.replaceAll(/\W/g, '')}` },
      ]),
    )
  }
  const rest = text('rest', 'path', 'the path that the agent sees, with slashes')
  const tunnel = text('tunnel', 'path', 'a tunnel id or a name')
  return {
    '/forward': proxied([], 'Forward to an agent'),
    '/forward/{rest}': proxied([rest], 'Forward a path to an agent'),
    '/t/{tunnel}/{rest}': proxied([tunnel, rest], 'Forward to a tunnel'),
    [wsPath]: {
      get: {
        operationId: 'connectAgent',
        tags: ['tunnels'],
        summary: 'Where agents connect, by WebSocket (gw.v1)',
        security: SECURITY,
        parameters: [text('tunnel_id', 'query', 'the tunnel that the agent serves')],
        responses: { 101: { description: 'A link' }, default: PROBLEM },
      },
    },
  }
}
