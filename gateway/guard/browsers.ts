/**
 * What other people's pages may make a browser do here. Each rule is a function over a request's head that returns
 * or throws `forbidden`; which ones a request has to pass, its route and the authentication decide.
 */
import { isIP } from 'node:net'
import { Problem } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import type { RequestHead } from '../edge/engine.js'
import { fetchSite, isSafe, type OriginSettings, senderOf } from './origin.js'

/**
 * A WebSocket's handshake to an endpoint of the gateway's own, agents' links too: no browser asks before it sends
 * one, so a page of others is refused here.
 */
export function checkSocketOrigin(head: RequestHead, settings: OriginSettings): void {
  if (senderOf(head, settings) === 'foreign') throw forbidden(head, 'may not open WebSockets here')
}

/** Without authentication, on routes that are not proxied: no page of others changes anything. */
export function checkOpenOrigin(head: RequestHead, settings: OriginSettings): void {
  if (!isSafe(head.method) && senderOf(head, settings) === 'foreign') {
    throw forbidden(head, `may not send ${head.method.slice(0, 16)} here`)
  }
}

/** Without authentication, on `/forward`: no page of others reaches whichever agent there is. */
export function checkForwardSite(head: RequestHead, settings: OriginSettings): void {
  if (fetchSite(head.headers) !== 'cross-site' || senderOf(head, settings) === 'listed') return
  throw forbidden(head, 'may not use /forward')
}

/** A request whose credential is the dashboard's cookie, which a browser adds by itself: only our own page changes things. */
export function checkCookieOrigin(head: RequestHead, settings: OriginSettings): void {
  if (isSafe(head.method)) return
  const sender = senderOf(head, settings)
  if (sender === 'own' || (sender === 'none' && fetchSite(head.headers) === 'same-origin')) return
  throw new Problem(
    'forbidden',
    `with the dashboard's cookie ${head.method.slice(0, 16)} takes an Origin or Sec-Fetch-Site of this gateway`,
  )
}

/**
 * Without authentication, on routes that are not proxied: a name that somebody else controls may have been pointed
 * here (DNS rebinding), which makes his page our own to a browser. `names`: `--host`, `--domain` and
 * `--allowed-hosts`, in lower case.
 */
export function checkHost({ headers }: RequestHead, names: ReadonlySet<string>): void {
  const host = getField(headers, 'host') ?? ''
  const name = host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase()
  if (name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || names.has(name)) return
  throw new Problem(
    'forbidden',
    `without authentication nothing is served under the Host ${JSON.stringify(name.slice(0, 80))}; --allowed-hosts may list it`,
  )
}

function forbidden({ headers }: RequestHead, rule: string): Problem {
  const from = getField(headers, 'origin')
  const page =
    from === undefined ? 'a page of another site' : `a page of ${JSON.stringify(from.slice(0, 80))}`
  return new Problem('forbidden', `${page} ${rule}; --cors-origin may list it`)
}
