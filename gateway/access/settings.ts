/** What `--auth` and its neighbours come to, and the rules that join them. */
import { readFileSync } from 'node:fs'
import { isLoopback } from '../../shared/loopback.js'
import type { Report } from '../../shared/options.js'
import type { Mode } from '../options/access.js'
import type { GatewayOptions } from '../options.js'
import type { JwtSettings } from './jwt.js'
import { type JwtKey, jwtKeyOf } from './jwt-key.js'
import { byteString } from './tokens.js'

export interface AccessSettings {
  /** `none` alone, or one or more of the others. */
  readonly modes: ReadonlySet<Mode>
  /** Byte strings; undefined where their mode is off. With `token` there may be none: made tokens do. */
  readonly root: string | undefined
  readonly password: string | undefined
  readonly jwt: JwtSettings | undefined
  /** What is to be told at the start. */
  readonly warnings: readonly string[]
}

type Options = Pick<
  GatewayOptions,
  | 'auth'
  | 'allowUnauthenticated'
  | 'host'
  | 'token'
  | 'tokenFile'
  | 'password'
  | 'passwordFile'
  | 'jwksUrl'
  | 'jwtKeyFile'
  | 'jwtIssuer'
  | 'jwtAudience'
>

/** Shorter secrets can be guessed by who has time. */
const SHORT = 16

/** Once `report` was called the result is not to be used. Reads the files that the options name. */
export function accessSettings(options: Options, report: Report): AccessSettings {
  const modes = new Set(options.auth)
  const warnings: string[] = []
  if (modes.size === 0) report('--auth: no mode is given')
  if (modes.has('none') && modes.size > 1)
    report(`--auth: none contradicts ${[...modes].filter((mode) => mode !== 'none').join(', ')}`)
  if (modes.has('none') && !isLoopback(options.host) && !options.allowUnauthenticated) {
    report(
      `--auth none lets everybody in who reaches --host ${options.host}; it takes another mode, a loopback address or --allow-unauthenticated`,
    )
  }
  const secret = (mode: 'token' | 'password', given: string | undefined, file: string | undefined) => {
    const [variable, flag] =
      mode === 'token' ? ['GW_TOKEN', '--token-file'] : ['GW_PASSWORD', '--password-file']
    if (given !== undefined && file !== undefined) report(`${variable} and ${flag} exclude each other`)
    if (!modes.has(mode)) {
      if (given !== undefined || file !== undefined)
        warnings.push(
          `${given === undefined ? flag : variable} is given, but --auth does not name ${mode}: it opens nothing`,
        )
      return undefined
    }
    const text = file === undefined ? given : readSecret(flag!, file, report)
    if (text !== undefined && text.length < SHORT)
      warnings.push(`the secret of --auth ${mode} has fewer than ${SHORT} characters: it can be guessed`)
    return text === undefined ? undefined : byteString(text)
  }
  const root = secret('token', options.token, options.tokenFile)
  const password = secret('password', options.password, options.passwordFile)
  if (modes.has('password') && options.password === undefined && options.passwordFile === undefined)
    report('--auth password needs a password: GW_PASSWORD or --password-file')
  const jwt = modes.has('jwt') ? jwtSettings(options, report) : undefined
  return { modes, root, password, jwt, warnings }
}

function jwtSettings(options: Options, report: Report): JwtSettings | undefined {
  const { jwksUrl, jwtKeyFile, jwtIssuer: issuer, jwtAudience: audience } = options
  if ((jwksUrl === undefined) === (jwtKeyFile === undefined)) {
    report(
      jwksUrl === undefined
        ? '--auth jwt needs the keys that JWTs are signed with: --jwks-url or --jwt-key-file'
        : '--jwks-url and --jwt-key-file exclude each other',
    )
    return undefined
  }
  if (jwksUrl !== undefined) {
    if (audience.length === 0) report('--jwks-url needs --jwt-audience: its issuer signs JWTs for others too')
    return { keys: { kind: 'jwks', url: new URL(jwksUrl) }, issuer, audience }
  }
  const key = readKey(jwtKeyFile!, report)
  return key && { keys: { kind: 'key', key }, issuer, audience }
}

function readSecret(flag: string, file: string, report: Report): string | undefined {
  const text = read(flag, file, report)
  // Editors end a file with a line end, which is none of the secret's.
  const secret = text?.replace(/\r?\n$/, '')
  if (secret !== undefined && (secret === '' || /[\u0000-\u001f\u007f]/.test(secret))) {
    report(
      `${flag}: ${file} holds ${secret === '' ? 'nothing' : 'more than one line of text'}; it takes the secret alone`,
    )
    return undefined
  }
  return secret
}

function readKey(file: string, report: Report): JwtKey | undefined {
  const pem = read('--jwt-key-file', file, report)
  if (pem === undefined) return undefined
  try {
    return jwtKeyOf(pem)
  } catch (error) {
    report(`--jwt-key-file: ${file} ${(error as Error).message}`)
    return undefined
  }
}

function read(flag: string, file: string, report: Report): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    report(`${flag}: ${(error as Error).message}`)
    return undefined
  }
}
