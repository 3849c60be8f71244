/** The schemes of `authorization`, and by which modes of `--auth` each opens. */
import type { Mode } from '../options/access.js'

interface Scheme {
  readonly name: string
  readonly challenge: string
  readonly modes: readonly Mode[]
}

const SCHEMES: readonly Scheme[] = [
  { name: 'Bearer', challenge: 'Bearer realm="gw"', modes: ['token', 'password', 'jwt'] },
  { name: 'Basic', challenge: 'Basic realm="gw", charset="UTF-8"', modes: ['password'] },
  { name: 'DeviceToken', challenge: 'DeviceToken realm="gw"', modes: ['device_token'] },
]

/** Schemes of `authorization` by which one may come in. */
export const schemes = (modes: ReadonlySet<Mode>): readonly Scheme[] =>
  SCHEMES.filter((scheme) => scheme.modes.some((mode) => modes.has(mode)))

/** The value of `www-authenticate`. */
export const challenge = (modes: ReadonlySet<Mode>): string =>
  schemes(modes)
    .map((scheme) => scheme.challenge)
    .join(', ')
