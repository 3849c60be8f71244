/** Path and host → what serves a request. Routing and forwarding use the same bytes: nothing is normalised. */
import { Problem } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import { nameFault, parseHostLabel, parseTunnelId } from '../../shared/tunnel-id.js'
import { type Selector, selectorFromFields, selectorOf } from '../agents/selector.js'
import { type ApiMatch, matchApi, wrongMethod } from '../endpoints/router.js'
import type { RequestHead } from './engine.js'

export type Route =
  /** What the gateway serves itself. */
  | { kind: 'api'; match: ApiMatch; query: string }
  /** Where agents connect. */
  | { kind: 'links' }
  /** Nothing is served there, or not with that method: which is told to those who may know. */
  | { kind: 'nothing'; problem: Problem }
  | ProxyRoute

export interface ProxyRoute {
  kind: 'proxy'
  via: 'forward' | 'tunnel' | 'host'
  selector: Selector
  /** What the route itself names, selector fields left aside. */
  tunnel?: Pick<Selector, 'tunnelId' | 'name'>
  /**
   * What it names cannot be, or its selector fields are malformed or contradict the route: told to those who may call,
   * but not to guests, whose fields are ignored.
   */
  fault?: Problem
  /** What the agent sees. */
  target: string
  /** What was cut off the front of it, under `/t/…`. */
  prefix?: string
}

export interface RouteSettings {
  wsPath: string
  /** Lower case, without a final dot. */
  domains: readonly string[]
}

/**
 * Nothing is refused here: what is wrong is part of the route, for it is told to those who may know and counted like
 * all else. `upgrade`: the request is a WebSocket's handshake.
 */
export function route(head: RequestHead, settings: RouteSettings, upgrade = false): Route {
  const { method, target } = head
  const label = settings.domains.length === 0 ? undefined : hostLabelOf(head, settings.domains)
  if (label !== undefined) return byHost(head, label)
  const at = target.indexOf('?')
  const path = at < 0 ? target : target.slice(0, at)
  const query = at < 0 ? '' : target.slice(at)
  if (path === '/forward' || path.startsWith('/forward/')) return byChoice(head, path.slice(8) || '/', query)
  if (path.startsWith('/t/')) return byPath(head, path, query)
  if (path === settings.wsPath) {
    if (method === 'GET' || method === 'HEAD') return { kind: 'links' }
    return { kind: 'nothing', problem: wrongMethod(method, ['GET', 'HEAD']) }
  }
  try {
    const match = matchApi(method, path, upgrade)
    return 'problem' in match ? { kind: 'nothing', ...match } : { kind: 'api', match, query }
  } catch (error) {
    if (error instanceof Problem) return { kind: 'nothing', problem: error }
    throw error
  }
}

/** The same, to a tunnel that is given: a replay goes where the exchange went. @throws Problem where it goes to none. */
export function aimed(found: Route, tunnelId: string | undefined): Route {
  if (tunnelId === undefined) return found
  if (found.kind !== 'proxy') throw new Problem('bad_request', 'the path is none of a tunnel')
  return { ...found, selector: { ...found.selector, tunnelId } }
}

function byChoice(head: RequestHead, rest: string, query: string): ProxyRoute {
  try {
    const { selector, query: left } = selectorOf(head.headers, query)
    return { kind: 'proxy', via: 'forward', selector, target: `${rest}${left}` }
  } catch (error) {
    return faulty('forward', rest, error)
  }
}

function byPath(head: RequestHead, path: string, query: string): ProxyRoute {
  const slash = path.indexOf('/', 3)
  const word = slash < 0 ? path.slice(3) : path.slice(3, slash)
  const target = `${slash < 0 ? '/' : path.slice(slash)}${query}`
  try {
    if (word === '') throw new Problem('not_found', '/t/ is followed by a tunnel id or a name')
    const tunnel = word.startsWith('agent_') ? { tunnelId: tunnelIdOf(word) } : { name: nameOf(word) }
    return { kind: 'proxy', via: 'tunnel', ...narrow(head, tunnel), tunnel, target, prefix: `/t/${word}` }
  } catch (error) {
    return faulty('tunnel', target, error)
  }
}

/** It matches nothing, and says why. */
function faulty(via: ProxyRoute['via'], target: string, error: unknown): ProxyRoute {
  if (!(error instanceof Problem)) throw error
  return { kind: 'proxy', via, selector: {}, fault: error, target }
}

/** The ids of late, as written → as normalised: reading one costs more than the rest of the route. */
const known = new Map<string, string>()
const MAX_KNOWN = 1024

function tunnelIdOf(word: string): string {
  let id = known.get(word)
  if (id === undefined) {
    id = parseTunnelId(word).id
    if (known.size === MAX_KNOWN) known.clear()
    known.set(word, id)
  }
  return id
}

/** The tunnel is fixed by the route: a selector can only narrow it, and one that contradicts matches nothing. */
function narrow(
  head: RequestHead,
  tunnel: ProxyRoute['tunnel'] & object,
): Pick<ProxyRoute, 'selector' | 'fault'> {
  try {
    const selector = selectorFromFields(head.headers)
    for (const key of ['tunnelId', 'name'] as const) {
      if (tunnel[key] !== undefined && selector[key] !== undefined && selector[key] !== tunnel[key])
        throw new Problem('no_agent', 'the selector contradicts the tunnel of this route')
    }
    return { selector: { ...selector, ...tunnel } }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { selector: tunnel, fault: error }
  }
}

function nameOf(word: string): string {
  const name = word.toLowerCase()
  const fault = nameFault(name)
  if (fault !== undefined)
    throw new Problem('invalid_tunnel_id', `name ${JSON.stringify(word.slice(0, 80))} ${fault}`)
  return name
}

/** The label before one of our domains; undefined for any other host. */
function hostLabelOf(head: RequestHead, domains: readonly string[]): string | undefined {
  const host = (getField(head.headers, 'host') ?? '').toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
  let label: string | undefined
  for (const domain of domains) {
    if (!host.endsWith(`.${domain}`)) continue
    // One domain may lie under another: the longer leaves the shorter label.
    const rest = host.slice(0, -domain.length - 1)
    if (label === undefined || rest.length < label.length) label = rest
  }
  return label
}

function byHost(head: RequestHead, label: string): ProxyRoute {
  const refused = (rule: string) => faulty('host', head.target, new Problem('not_found', rule))
  if (label.includes('.')) return refused('a tunnel is one label under the domain')
  const tunnel = parseHostLabel(label)
  if (tunnel === undefined && nameFault(label) !== undefined)
    return refused('no tunnel can have this host name')
  const named = tunnel === undefined ? { name: label } : { tunnelId: tunnel.id }
  return { kind: 'proxy', via: 'host', ...narrow(head, named), tunnel: named, target: head.target }
}
