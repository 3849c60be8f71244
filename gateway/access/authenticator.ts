/** Who asks? At once where it can be told by a lookup; a password or a JWT that is new takes a moment. */
import { Problem } from '../../shared/errors.js'
import type { RequestHead } from '../edge/engine.js'
import type { Tell } from '../events/event.js'
import type { Mode } from '../options/access.js'
import type { Password, RootSecret } from './admin.js'
import type { Cookies } from './cookies.js'
import { hasNoField, type Presented, type RequestKind, readCredential } from './credential.js'
import type { Credentials } from './credentials.js'
import type { JwtVerifier } from './jwt.js'
import { EVERYBODY, type Principal } from './principal.js'
import { challenge, schemes } from './schemes.js'
import { isDeviceText, isTokenText, secretHash } from './tokens.js'

/** Failed credentials by address. */
export interface Attempts {
  /** @throws Problem `rate_limited` where the address failed too often. */
  check(address: string): void
  failed(address: string): void
  succeeded(address: string): void
}

/** What the modes that are on check against. */
export interface Checkers {
  readonly modes: ReadonlySet<Mode>
  /** Of `token` and `device_token`. */
  readonly credentials: Credentials | undefined
  /** Functions: these may change while the gateway runs. */
  root(): RootSecret | undefined
  password(): Password | undefined
  readonly jwt: JwtVerifier | undefined
}

export interface AuthenticatorParts extends Checkers {
  readonly cookies: Cookies
  readonly attempts: Attempts
  readonly tell: Tell
}

type Found = Principal | Refusal
/** Why a credential is not taken. */
type Refusal = string

export class Authenticator {
  readonly modes: ReadonlySet<Mode>
  readonly #parts: AuthenticatorParts
  readonly #challenge: readonly string[]

  constructor(parts: AuthenticatorParts) {
    this.modes = parts.modes
    this.#parts = parts
    this.#challenge = Object.freeze(['www-authenticate', challenge(parts.modes)])
  }

  /** `none`: nobody is asked. */
  get open(): boolean {
    return this.modes.has('none')
  }

  /**
   * Throws or rejects with a Problem: `unauthorized` where the credential is missing or wrong, `rate_limited` where
   * `address` brought too many wrong ones, `overloaded`, `bad_request` for a credential in a wrong place.
   */
  authenticate(head: RequestHead, kind: RequestKind, address: string): Principal | Promise<Principal> {
    const principal = this.identify(head, kind, address)
    if (principal === undefined) throw this.#unauthorized(`a credential is missing: ${this.#ways(kind)}`)
    return principal
  }

  /** As `authenticate`; undefined where there is no credential, for routes that are open. */
  identify(
    head: RequestHead,
    kind: RequestKind,
    address: string,
  ): Principal | undefined | Promise<Principal> {
    if (this.open) return EVERYBODY
    const presented = readCredential(head, kind)
    // `x-api-key` is the application's own in the other modes.
    if (presented.kind === 'none' || (presented.kind === 'key' && !this.modes.has('token')))
      return kind === 'api' && hasNoField(head) ? this.#parts.cookies.principalOf(head) : undefined
    return this.verify(presented, address)
  }

  /** As `authenticate`, of a credential by itself. */
  verify(presented: Presented, address: string): Principal | Promise<Principal> {
    this.#parts.attempts.check(address)
    const found = this.#find(presented, address)
    if (!(found instanceof Promise)) return this.#settle(found, presented, address)
    return found.then((later) => this.#settle(later, presented, address))
  }

  #settle(found: Found, { kind }: Presented, address: string): Principal {
    const { attempts, tell } = this.#parts
    if (typeof found !== 'string') {
      attempts.succeeded(address)
      return found
    }
    attempts.failed(address)
    tell({ type: 'auth:failed', data: { address, scheme: kind, reason: found } })
    throw this.#unauthorized(found)
  }

  #find(presented: Presented, address: string): Found | Promise<Found> {
    const { modes } = this
    switch (presented.kind) {
      case 'bearer':
        return this.#bearer(presented.secret, address)
      case 'key':
        return (
          this.#token(presented.secret, secretHash(presented.secret)) ?? 'the token is unknown or has ended'
        )
      case 'device': {
        const { credentials } = this.#parts
        const device = modes.has('device_token')
          ? credentials?.lookup('device', secretHash(presented.secret))
          : undefined
        return device ?? 'the device token is unknown or has ended'
      }
      case 'basic':
        if (!modes.has('password')) return 'Basic is not a scheme of this gateway'
        if (presented.secret === undefined) return 'the Basic credential is not base64 of user:password'
        return this.#password(presented.secret, address)
      case 'none':
        return 'the credential has none of the schemes of this gateway'
    }
  }

  /** A token if it begins with `gwt_`, a JWT if it has two dots, else the root secret or the password. */
  #bearer(secret: string, address: string): Found | Promise<Found> {
    const { jwt } = this.#parts
    const hash = secretHash(secret)
    // First, since it costs nothing more: the root secret may look like anything.
    const holder = this.#token(secret, hash)
    if (holder !== undefined) return holder
    if (isTokenText(secret)) return 'the token is unknown or has ended'
    if (jwt !== undefined && secret.split('.', 4).length === 3) return this.#jwt(jwt, secret, hash, address)
    if (this.modes.has('password')) return this.#password(secret, address)
    return isDeviceText(secret) ? 'a device token is sent as DeviceToken' : 'the credential is not valid'
  }

  #token(secret: string, hash: string): Principal | undefined {
    if (!this.modes.has('token')) return undefined
    if (isTokenText(secret)) {
      const holder = this.#parts.credentials?.lookup('token', hash)
      if (holder !== undefined) return holder
    }
    const root = this.#parts.root()
    return root?.is(hash) ? root.principal : undefined
  }

  #jwt(jwt: JwtVerifier, secret: string, hash: string, address: string): Found | Promise<Found> {
    const known = jwt.known(hash)
    if (known !== undefined) return known
    return jwt
      .verify(secret, hash, address, () => this.#parts.attempts.check(address))
      .then((found) => ('reason' in found ? `the JWT is not taken: ${found.reason}` : found))
  }

  #password(secret: string, address: string): Found | Promise<Found> {
    const password = this.#parts.password()!
    const right = password.is(secret, address, () => this.#parts.attempts.check(address))
    if (right === true) return password.principal
    return right.then((yes) => (yes ? password.principal : 'the credential is not valid'))
  }

  #unauthorized(detail: string): Problem {
    return new Problem('unauthorized', detail, { headers: this.#challenge })
  }

  #ways(kind: RequestKind): string {
    const field = kind === 'proxied' ? 'gw-authorization or authorization' : 'authorization'
    const names = schemes(this.modes).map(({ name }) => name)
    return `${field} takes ${names.join(', ')}`
  }
}
