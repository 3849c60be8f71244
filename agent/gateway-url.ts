import { BadValue, one } from '../shared/option-types.js'

/** A gateway as an agent knows it. */
export interface GatewayUrl {
  /** ws or wss, with the path where agents connect. */
  readonly dial: string
  /** http or https, without path: what public URLs begin with as long as the gateway tells no other. */
  readonly origin: string
}

/** An option whose value is a `GatewayUrl`. */
export const gatewayUrl = one('URL', 'an http, https, ws or wss URL', parseGatewayUrl)

const PROTOCOLS: Readonly<Record<string, readonly [http: string, ws: string]>> = {
  'http:': ['http:', 'ws:'],
  'ws:': ['http:', 'ws:'],
  'https:': ['https:', 'wss:'],
  'wss:': ['https:', 'wss:'],
}

/** Throws `BadValue`. Credentials are refused here, for URLs end in logs. */
export function parseGatewayUrl(text: string): GatewayUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const protocols = url && PROTOCOLS[url.protocol]
  if (url === undefined || protocols === undefined || url.host === '') throw new BadValue('is not such a URL')
  if (url.username !== '' || url.password !== '')
    throw new BadValue('holds a credential, which --token-file is for')
  if (/[?#]/.test(text)) throw new BadValue('has a query or a fragment')
  const [http, ws] = protocols
  const path = url.pathname === '/' ? '/ws' : url.pathname
  return Object.freeze({ dial: `${ws}//${url.host}${path}`, origin: `${http}//${url.host}` })
}

/** Without TLS, and not to this machine: a credential that goes there can be read on the way. */
export function isInTheClear({ dial }: GatewayUrl): boolean {
  const { protocol, hostname } = new URL(dial)
  return protocol === 'ws:' && !/^(127\.\d+\.\d+\.\d+|\[::1\]|(.+\.)?localhost)$/.test(hostname)
}
