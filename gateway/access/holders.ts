/** Whose credential a sign-in was made with, by a name that means the same after a restart. */
import type { Checkers } from './authenticator.js'
import type { Principal } from './principal.js'

export interface Holder {
  /** `root` and `password`, which are both `admin`; else the principal's id. */
  readonly name: string
  readonly principal: Principal
  /** Another one as soon as the secret, the rights or the end of the credential is another. Not to be told. */
  readonly fingerprint: string
}

export class Holders {
  readonly #checkers: Pick<Checkers, 'modes' | 'credentials' | 'root' | 'password'>

  constructor(checkers: Pick<Checkers, 'modes' | 'credentials' | 'root' | 'password'>) {
    this.#checkers = checkers
  }

  /**
   * Undefined for the bearer of a JWT: whether that is still good can be told from it alone, and it is not kept. Its
   * sign-ins end with the process.
   */
  of(principal: Principal): Holder | undefined {
    return ['root', 'password', principal.id]
      .map((name) => this.find(name))
      .find((holder) => holder?.principal === principal)
  }

  /** Whose credential is in force, by the modes of now. */
  find(name: string): Holder | undefined {
    const { modes, credentials, root, password } = this.#checkers
    const [kind] = name.split(':', 1)
    switch (kind) {
      case 'root':
        return modes.has('token') ? named('root', root()) : undefined
      case 'password':
        return modes.has('password') ? named('password', password()) : undefined
      case 'token':
        return modes.has('token') ? credentials?.holder(name) : undefined
      case 'device':
        return modes.has('device_token') ? credentials?.holder(name) : undefined
      default:
        return undefined
    }
  }
}

const named = (name: string, secret: Omit<Holder, 'name'> | undefined): Holder | undefined =>
  secret && { name, principal: secret.principal, fingerprint: secret.fingerprint }
