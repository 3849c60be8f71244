/** The credential of a request, as it stands there; whether it is good is the authenticator's affair. */
import { Problem } from '../../shared/errors.js'
import { type Fields, getField } from '../../shared/headers.js'
import type { RequestHead } from '../edge/engine.js'

/** `api`: the gateway's own endpoints. `proxied`: what goes on to an agent. `link`: an agent's handshake. */
export type RequestKind = 'api' | 'proxied' | 'link'

/** Secrets are byte strings. */
export type Presented =
  /** Nothing, or nothing that is meant for the gateway. */
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly secret: string }
  /** The password of `Basic any:password`; undefined where it is not formed so. */
  | { readonly kind: 'basic'; readonly secret: string | undefined }
  | { readonly kind: 'device'; readonly secret: string }
  | { readonly kind: 'key'; readonly secret: string }

const NONE: Presented = Object.freeze({ kind: 'none' })

/** @throws Problem `bad_request` for two credentials, and for one in the query string. */
export function readCredential(head: RequestHead, kind: RequestKind): Presented {
  const { headers, target } = head
  if (kind === 'proxied') {
    const own = only(headers, 'gw-authorization')
    const value = own ?? only(headers, 'authorization')
    return value === undefined ? NONE : readAuthorization(value)
  }
  refuseQuerySecrets(target)
  const value = only(headers, 'authorization')
  const key = only(headers, 'x-api-key')
  if (value !== undefined && key !== undefined)
    throw new Problem('bad_request', 'both authorization and x-api-key are given; one credential is taken')
  if (key !== undefined) return { kind: 'key', secret: key }
  return value === undefined ? NONE : readAuthorization(value)
}

/** No field could hold a credential, so that a cookie may stand for one: a browser sends it by itself. */
export const hasNoField = ({ headers }: RequestHead): boolean =>
  getField(headers, 'authorization') === undefined && getField(headers, 'x-api-key') === undefined

/** The field of a proxied request that `readCredential` reads, and that is not sent on if it was good. */
export function credentialField(headers: Fields): 'gw-authorization' | 'authorization' {
  return getField(headers, 'gw-authorization') === undefined ? 'authorization' : 'gw-authorization'
}

const AUTHORIZATION = /^(bearer|basic|devicetoken) +([^ ].*)$/i

/** The value of an `authorization` field. Other schemes are not the gateway's. */
function readAuthorization(value: string): Presented {
  // Nearly all there is; worth no expression.
  if (value.startsWith('Bearer ') && value[7] !== ' ' && value.length > 7)
    return { kind: 'bearer', secret: value.slice(7) }
  const [, scheme = '', secret = ''] = AUTHORIZATION.exec(value) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { kind: 'bearer', secret }
    case 'basic':
      return { kind: 'basic', secret: passwordOf(secret) }
    case 'devicetoken':
      return { kind: 'device', secret }
    default:
      return NONE
  }
}

function passwordOf(basic: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(basic)) return undefined
  const pair = Buffer.from(basic, 'base64').toString('latin1')
  const colon = pair.indexOf(':')
  return colon < 0 ? undefined : pair.slice(colon + 1)
}

function only(headers: Fields, name: string): string | undefined {
  let value: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) continue
    if (value !== undefined)
      throw new Problem('bad_request', `the field ${name} is given twice; one credential is taken`)
    value = headers[i + 1]
  }
  return value
}

const SECRET_NAMES: ReadonlySet<string> = new Set([
  'token',
  'access_token',
  'auth_token',
  'device_token',
  'authorization',
  'gw-authorization',
  'bearer',
  'jwt',
  'api_key',
  'api-key',
  'apikey',
  'x-api-key',
  'password',
  'secret',
])

/** One of the gateway's own gives itself away under any name. */
const OWN_SECRET = /^gw[td]_[0-9a-f]+_/

/** @throws Problem `bad_request`. */
export function refuseQuerySecrets(target: string): void {
  const at = target.indexOf('?')
  if (at < 0) return
  for (const [name, value] of new URLSearchParams(target.slice(at + 1))) {
    if (!SECRET_NAMES.has(name.toLowerCase()) && !OWN_SECRET.test(value)) continue
    throw new Problem(
      'bad_request',
      `a credential does not belong into a query string (${name.slice(0, 40)}), which ends in logs; send authorization: Bearer …`,
    )
  }
}
