import { BadValue, one } from '../shared/option-types.js'

/** Where an agent sends what it is asked: an upstream on a TCP port or on a unix socket. */
export type Target =
  | {
      readonly kind: 'tcp'
      readonly protocol: 'http:' | 'https:'
      /** A host name, or an address without brackets. `localhost` stands for both families. */
      readonly host: string
      readonly port: number
      /** `host:port` for the Host field: brackets where they belong, no port where it is the protocol's own. */
      readonly authority: string
    }
  | { readonly kind: 'unix'; readonly path: string; readonly authority: 'localhost' }

const TAKES = '8080, host:port, http://…, https://… or unix:/path.sock'

/** An option whose value is a `Target`. */
export const target = one('UPSTREAM', TAKES, parseTarget)

/** Throws `BadValue`: a target names a server, so a path other than `/` or a query would not be served. */
export function parseTarget(text: string): Target {
  if (/^\d+$/.test(text)) return tcp('http:', `localhost:${text}`)
  if (text.startsWith('unix:')) return unix(text.slice('unix:'.length))
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? []
  if (scheme === undefined) {
    if (!/:\d+$/.test(text)) throw new BadValue('is not an upstream')
    return tcp('http:', text)
  }
  const protocol = `${scheme.toLowerCase()}:`
  if (protocol !== 'http:' && protocol !== 'https:') throw new BadValue(`begins with ${scheme}://`)
  return tcp(protocol, rest)
}

function tcp(protocol: 'http:' | 'https:', rest: string): Target {
  if (/[?#]/.test(rest)) throw new BadValue('has a query or a fragment')
  if (/[\s\\]/.test(rest) || !URL.canParse(`${protocol}//${rest}`)) throw new BadValue('is not an upstream')
  const url = new URL(`${protocol}//${rest}`)
  if (url.username !== '' || url.password !== '' || rest.includes('@'))
    throw new BadValue('holds a user name')
  if (url.pathname !== '/') throw new BadValue('has a path')
  const standard = protocol === 'http:' ? 80 : 443
  const port = url.port === '' ? standard : Number(url.port)
  if (port === 0) throw new BadValue('has the port 0')
  return Object.freeze({
    kind: 'tcp',
    protocol,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    authority: url.host,
  })
}

function unix(rest: string): Target {
  const path = rest.replace(/^\/\/(?=\/)/, '')
  if (path === '' || path.includes('\0')) throw new BadValue('names no socket')
  return Object.freeze({ kind: 'unix', path, authority: 'localhost' })
}

/** How a target is shown to people. */
export function formatTarget(value: Target): string {
  return value.kind === 'unix' ? `unix:${value.path}` : `${value.protocol}//${value.authority}`
}
