/** Which web pages speak for the gateway's own site, and which others were let in. */

import { type Fields, getField, listField } from '../../shared/headers.js'
import { BadValue, one } from '../../shared/option-types.js'
import type { RequestHead } from '../edge/engine.js'
import { isTrusted, type TrustedProxies } from './trusted-proxies.js'

/** `https://app.example.com`, normalised as browsers write it. */
export const origin = one('ORIGIN', 'an origin such as https://app.example.com', (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new BadValue('is not an http or https origin')
  if (url.username !== '' || !/^https?:\/\/[^/?#]+\/?$/i.test(value)) {
    throw new BadValue('has more than scheme, host and port')
  }
  return url.origin
})

/** A host without port, in lower case and without the final dot. */
export const hostName = one('HOST', 'a host name such as gw.internal', (value) => {
  const name = value.toLowerCase().replace(/\.$/, '')
  if (name.length > 253 || !/^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/.test(name)) {
    throw new BadValue('is not a host name without port')
  }
  return name
})

export interface OriginSettings {
  /** Origins that `--cors-origin` lists. */
  readonly origins: ReadonlySet<string>
  /** The origin of `--public-url`, where it is given. */
  readonly publicOrigin: string | undefined
  readonly trusted: TrustedProxies
}

/** Whose page a request comes from: `none` says so no field, or the page is the gateway's own; or it is another's. */
export type Sender = 'none' | 'own' | 'listed' | 'foreign'

export function senderOf(head: RequestHead, settings: OriginSettings): Sender {
  const from = getField(head.headers, 'origin')
  if (from === undefined) return 'none'
  if (settings.origins.has(from)) return 'listed'
  return isOwn(from, head, settings) ? 'own' : 'foreign'
}

/**
 * Own: the public URL's, or the host that the request was sent to. Over TLS the page must have come so, too; without,
 * a proxy in front may have ended it.
 */
function isOwn(from: string, head: RequestHead, { publicOrigin, trusted }: OriginSettings): boolean {
  if (from === publicOrigin) return true
  const [scheme = '', host] = from.split('://')
  if (host === undefined || !(scheme === 'https' || (scheme === 'http' && !head.secure))) return false
  const standard = scheme === 'https' ? ':443' : ':80'
  return hostsOf(head, trusted).some(
    (name) =>
      name
        .toLowerCase()
        .replace(/\.(?=:|$)/, '')
        .replace(standard, '') === host,
  )
}

/** What the request was sent to, and, from a trusted proxy, what that was asked for. */
function hostsOf({ headers, remoteAddress }: RequestHead, trusted: TrustedProxies): readonly string[] {
  const host = getField(headers, 'host') ?? ''
  return isTrusted(remoteAddress, trusted) ? [host, ...listField(headers, 'x-forwarded-host')] : [host]
}

/** Methods that change nothing (RFC 9110 §9.2.1), so that a page of others may as well send them. */
export const isSafe = (method: string): boolean =>
  method === 'GET' || method === 'HEAD' || method === 'OPTIONS'

export const fetchSite = (headers: Fields): string | undefined => getField(headers, 'sec-fetch-site')
