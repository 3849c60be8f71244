/** A request's head as Node's parser gives it. */
import { IncomingMessage } from 'node:http'
import type { RequestHead } from './engine.js'
import { handshakeKey } from './handshake.js'

/** scheme://authority without user information, and what is left (RFC 9112 §3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#@]+)((?:[/?].*)?)$/i

/**
 * A request that knows itself whether it is a WebSocket handshake. Node asks `upgrade` and would take the connection
 * away from its parser for any `Upgrade` that a caller names, such as the `h2c` that some clients offer, and for
 * CONNECT; what is no handshake has to stay an ordinary request.
 */
export class Incoming extends IncomingMessage {
  /** Field lines of the 101, for the one who writes it. */
  accepted: string[] = []
  private asks = false
  private is: boolean | undefined

  /** It asked to leave HTTP and does not: its parser drops what came behind it in the same read. */
  get declined(): boolean {
    return this.asks && !this.upgrade
  }

  get upgrade(): boolean {
    if (!this.asks) return false
    this.is ??= this.method === 'GET' && handshakeKey({ headers: fieldsOf(this) }) !== undefined
    return this.is
  }

  set upgrade(asks: boolean | null) {
    this.asks = asks === true
  }
}

/** What the requests of a connection have in common. */
export type ConnectionFacts = Required<Pick<RequestHead, 'secure' | 'clientCertificate' | 'excess'>>

export function headOf(
  req: IncomingMessage,
  { remoteAddress, facts }: { remoteAddress: string; facts: ConnectionFacts },
): RequestHead {
  const headers = fieldsOf(req)
  const target = originForm(req.url!, headers)
  const { secure, clientCertificate, excess } = facts
  return { method: req.method!, target, headers, remoteAddress, secure, clientCertificate, excess }
}

function fieldsOf({ rawHeaders }: IncomingMessage): string[] {
  const headers = new Array<string>(rawHeaders.length)
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers[i] = rawHeaders[i]!.toLowerCase()
    headers[i + 1] = rawHeaders[i + 1]!
  }
  return headers
}

/** The authority of an absolute target counts instead of Host, which has to be there all the same. */
function originForm(target: string, headers: string[]): string {
  if (target.charCodeAt(0) === 0x2f) return target
  const match = ABSOLUTE.exec(target)
  if (match === null) return target
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === 'host') headers[i + 1] = match[1]!
  const rest = match[2]!
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** Whether a body is announced; it may still be empty. */
export function hasBody({ headers }: RequestHead): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name.length === 14 && name === 'content-length' && headers[i + 1] !== '0') return true
    if (name.length === 17 && name === 'transfer-encoding') return true
  }
  return false
}

/** IPv4-mapped addresses as IPv4, without a zone. */
export function addressOf(address: string | undefined): string {
  if (address === undefined) return ''
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7)
  const zone = address.indexOf('%')
  return zone < 0 ? address : address.slice(0, zone)
}
