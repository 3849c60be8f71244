import { isLoopback } from '../../shared/loopback.js'
import { specs } from '../../shared/option-spec.js'
import { BadValue, choice, flag, list, one, path, text } from '../../shared/option-types.js'

/** The ways to prove who one is. */
const MODES = ['none', 'token', 'password', 'device_token', 'jwt'] as const
export type Mode = (typeof MODES)[number]

const keySetUrl = one('URL', 'an https URL, or http on loopback', (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new BadValue('is not such a URL')
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new BadValue('is neither https nor loopback')
  if (url.username !== '' || url.password !== '') throw new BadValue('holds a user name')
  return url.href
})

/** Who may connect and call. */
export const accessOptions = specs({
  auth: {
    type: list(choice(...MODES)),
    default: 'none',
    group: 'auth',
    common: true,
    help: 'how callers and agents prove who they are; several: any of them',
  },
  allowUnauthenticated: {
    type: flag(),
    group: 'auth',
    help: 'with --auth none, listen on more than loopback',
  },
  token: {
    type: text('TOKEN'),
    secret: true,
    flag: false,
    file: false,
    group: 'auth',
    help: 'root secret of --auth token: it may do everything',
  },
  tokenFile: { type: path(), live: true, group: 'auth', help: 'file that holds the root secret' },
  password: {
    type: text('PASSWORD'),
    secret: true,
    flag: false,
    file: false,
    group: 'auth',
    help: 'password of --auth password: who knows it may do everything',
  },
  passwordFile: { type: path(), live: true, group: 'auth', help: 'file that holds the password' },
  jwksUrl: { type: keySetUrl, group: 'auth', help: 'keys that JWTs are signed with, as a JWK set' },
  jwtKeyFile: { type: path(), group: 'auth', help: 'public key that JWTs are signed with, PEM' },
  jwtIssuer: { type: text('ISSUER'), group: 'auth', help: 'what iss of a JWT must be' },
  jwtAudience: {
    type: list(text('AUDIENCE')),
    group: 'auth',
    help: 'one of these must be in aud of a JWT; required with --jwks-url; repeatable',
  },
})
