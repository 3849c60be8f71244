/** Whom the inspector answers: programs of this machine and its own page, no page of others. */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { Problem } from '../../shared/errors.js'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * A name that somebody else controls may have been pointed here (DNS rebinding), which makes his page our own to a
 * browser; and any page may make a browser send something.
 * @throws Problem `forbidden`
 */
export function checkAsker(method: string, headers: IncomingHttpHeaders): void {
  const { host = '', origin } = headers
  const name = host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase()
  if (name !== 'localhost' && isIP(name.replace(/^\[(.*)\]$/, '$1')) === 0)
    throw new Problem(
      'forbidden',
      `the inspector is served under addresses and localhost, not under the Host ${JSON.stringify(name.slice(0, 80))}`,
    )
  if (SAFE.has(method)) return
  const site = headers['sec-fetch-site']
  const own =
    origin === undefined ? site === undefined || site === 'same-origin' : origin === `http://${host}`
  if (own) return
  const page = origin === undefined ? 'of another site' : `of ${JSON.stringify(origin.slice(0, 80))}`
  throw new Problem('forbidden', `a page ${page} may not send ${method.slice(0, 16)} here`)
}
