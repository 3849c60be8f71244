/**
 * The head that goes on to the agent: the caller's fields without those of one connection and the gateway's own,
 * with the forwarded fields (RFC 7239 and the `x-forwarded-*` in use) set or, behind a trusted proxy, kept.
 */
import type { StreamKind } from '../../shared/frames.js'
import { isHopByHop, nominated } from '../../shared/headers.js'
import { withoutSession } from '../guard/session-cookie.js'
import { isTrusted, type TrustedProxies } from '../guard/trusted-proxies.js'
import type { Question } from './attempt.js'
import type { RequestHead } from './engine.js'
import type { ProxyRoute } from './routes.js'

export interface ForwardFacts {
  requestId: string
  /** The field that held the caller's credential for the gateway. */
  spent?: string | undefined
  /** The path prefix that was cut off, under `/t/…`. */
  prefix?: string | undefined
  trusted: TrustedProxies
}

/** Fields that a trusted proxy may have set, and that ours are put behind or give way to. */
const KEPT = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
])

const isForwarding = (name: string): boolean =>
  name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'x-real-ip'

/** What we say of a caller. Behind a front proxy all have one address, and often one host: the last is kept. */
interface Hop {
  readonly address: string
  readonly host: string
  readonly secure: boolean
  readonly proto: string
  readonly port: string
  readonly element: string
}

let lastHop: Hop | undefined

function hopOf(address: string, host: string, secure: boolean): Hop {
  const last = lastHop
  if (last?.address === address && last.host === host && last.secure === secure) return last
  const proto = secure ? 'https' : 'http'
  const element = `for=${node(address)};host="${host}";proto=${proto}`
  lastHop = { address, host, secure, proto, port: portOf(host, secure), element }
  return lastHop
}

/** @returns the flat field list to send on. `content-length` stays: it frames the body upstream. */
export function forwardedHead(head: RequestHead, facts: ForwardFacts): string[] {
  const { headers, remoteAddress, secure } = head
  const believed = isTrusted(remoteAddress, facts.trusted)
  const named = nominated(headers)
  const out: string[] = []
  let kept: Map<string, string> | undefined
  let host = ''
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (isHopByHop(name) || name === 'expect' || name.startsWith('gw-') || named?.has(name)) continue
    if (name === facts.spent) continue
    if (name === 'cookie') {
      const rest = withoutSession(value)
      if (rest !== undefined) out.push(name, rest)
      continue
    }
    if (name === 'host') host = value
    else if (isForwarding(name)) {
      if (!believed) continue
      if (KEPT.has(name)) {
        kept ??= new Map()
        kept.set(name, kept.has(name) ? `${kept.get(name)}, ${value}` : value)
        continue
      }
    }
    out.push(name, value)
  }
  const { proto, port, element } = hopOf(remoteAddress, host, secure)
  out.push('x-forwarded-for', after(kept?.get('x-forwarded-for'), remoteAddress))
  out.push('x-forwarded-proto', kept?.get('x-forwarded-proto') ?? proto)
  out.push('x-forwarded-host', kept?.get('x-forwarded-host') ?? host)
  out.push('x-forwarded-port', kept?.get('x-forwarded-port') ?? port)
  const prefix = `${kept?.get('x-forwarded-prefix') ?? ''}${facts.prefix ?? ''}`
  if (prefix !== '') out.push('x-forwarded-prefix', prefix)
  out.push('forwarded', after(kept?.get('forwarded'), element), 'gw-request-id', facts.requestId)
  return out
}

/** `value` appended to the list that is there. */
const after = (list: string | undefined, value: string): string =>
  list === undefined ? value : `${list}, ${value}`

/** IPv6 is quoted and bracketed (RFC 7239 §6). */
const node = (address: string): string =>
  address.includes(':') ? `"[${address}]"` : address === '' ? 'unknown' : address

/** The port that the caller used. */
function portOf(host: string, secure: boolean): string {
  const at = host.lastIndexOf(':')
  return at > host.lastIndexOf(']') && at > 0 ? host.slice(at + 1) : secure ? '443' : '80'
}

export interface QuestionFacts {
  requestId: string
  spent: string | undefined
  trusted: TrustedProxies
  kind: StreamKind
  body: Uint8Array | null | undefined
}

/** What the agent is asked. */
export function questionOf(
  head: RequestHead,
  { target, prefix }: ProxyRoute,
  facts: QuestionFacts,
): Question {
  const { requestId, spent, trusted, kind, body } = facts
  const headers = forwardedHead(head, { requestId, spent, prefix, trusted })
  return { stream: kind, method: head.method, target, headers, body, requestId }
}
