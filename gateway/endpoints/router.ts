/** Method and path → a row of the table. */
import { Problem } from '../../shared/errors.js'
import { ALIASES, API_ROUTES, type ApiRoute, type ApiRouteName } from './table.js'

export interface ApiMatch {
  readonly name: ApiRouteName
  readonly route: ApiRoute
  readonly params: Readonly<Record<string, string>>
}

interface Pattern {
  readonly name: ApiRouteName
  readonly route: ApiRoute
  readonly segments: readonly string[]
}

const NAMES = Object.keys(API_ROUTES) as ApiRouteName[]
const PATTERNS = NAMES.map((name): Pattern => {
  const route: ApiRoute = API_ROUTES[name]
  return { name, route, segments: route.path.split('/').slice(1) }
})
/** How much a pattern leaves open, its first segments most. */
const openness = ({ segments }: Pattern): number =>
  segments.reduce((sum, part, at) => sum + (part === '*' ? 1000 : part.startsWith(':') ? 1 : 0) / (at + 1), 0)

/** A literal segment goes before one that stands for anything. */
PATTERNS.sort((a, b) => openness(a) - openness(b))

/** `not_found` or `method_not_allowed`. */
export interface NoMatch {
  readonly problem: Problem
}

export const wrongMethod = (method: string, allowed: readonly string[]): Problem =>
  new Problem('method_not_allowed', `${method} is not served here`, {
    headers: ['allow', allowed.join(', ')],
  })

/** `socket`: the request is a WebSocket's handshake. @throws Problem `bad_request` for a path that is not UTF-8. */
export function matchApi(method: string, path: string, socket: boolean): ApiMatch | NoMatch {
  const segments = canonical(path).split('/').slice(1)
  const asked = method === 'HEAD' ? 'GET' : method
  const allowed = new Set<string>()
  for (const { name, route, segments: pattern } of PATTERNS) {
    const params = fit(pattern, segments)
    if (params === undefined) continue
    if (route.method === asked && (route.socket ?? false) === socket) return { name, route, params }
    if (route.socket === true && !socket) continue
    allowed.add(route.method)
    if (route.method === 'GET') allowed.add('HEAD')
  }
  if (socket) return { problem: new Problem('not_found', 'no WebSocket is served under this path') }
  if (allowed.size > 0) return { problem: wrongMethod(method, [...allowed]) }
  return { problem: new Problem('not_found', 'nothing is served under this path') }
}

function canonical(path: string): string {
  for (const [short, long] of ALIASES)
    if (path === short || path.startsWith(`${short}/`)) return long + path.slice(short.length)
  return path
}

function fit(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {}
  for (let i = 0; i < pattern.length; i++) {
    const part = pattern[i]!
    const segment = segments[i]
    if (part === '*') {
      params.rest = segments.slice(i).join('/')
      return segment === undefined ? undefined : params
    }
    if (segment === undefined) return undefined
    if (!part.startsWith(':')) {
      if (part !== segment) return undefined
    } else {
      if (segment === '') return undefined
      params[part.slice(1)] = decoded(segment)
    }
  }
  return segments.length === pattern.length ? params : undefined
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new Problem('bad_request', 'a segment of the path is not percent-encoded UTF-8')
  }
}
