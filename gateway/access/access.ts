/** Who may connect and call, put together: what checks credentials, and what tells when they end. */
import type { Logger } from '../../shared/log.js'
import type { Tell } from '../events/event.js'
import { Password, passingSalt, RootSecret } from './admin.js'
import { type Attempts, Authenticator, type Checkers } from './authenticator.js'
import { Cookies } from './cookies.js'
import { Credentials } from './credentials.js'
import { Pairings } from './devices.js'
import { Endings } from './endings.js'
import { Holders } from './holders.js'
import { JwtVerifier } from './jwt.js'
import type { AccessSettings } from './settings.js'
import { SignInStore } from './sign-in-store.js'
import { SignIns } from './sign-ins.js'
import { CredentialStore } from './store.js'
import { secretHash } from './tokens.js'

/** How often other processes' changes are looked for, and ends by the clock: within a second both are acted upon. */
const REFRESH_EVERY = 500

export interface AccessParts {
  readonly settings: AccessSettings
  readonly dataDir: string
  readonly attempts: Attempts
  readonly tell: Tell
  readonly log: Logger
  /** ms since the epoch; `Date.now` where it is not given. */
  readonly now?: () => number
}

export class Access {
  readonly authenticator: Authenticator
  readonly cookies: Cookies
  readonly endings: Endings
  readonly pairings: Pairings
  readonly #parts: AccessParts
  readonly #now: () => number
  readonly #signIns: SignIns
  readonly #salt: Buffer
  readonly #timer: NodeJS.Timeout
  #credentials: Credentials | undefined
  #root: RootSecret | undefined
  #password: Password | undefined
  /** Told once, not twice a second. */
  #failing = false

  /** @throws StoreError where tokens or devices are to be checked and the store does not open. */
  constructor(parts: AccessParts) {
    const { settings, attempts, tell, now = Date.now } = parts
    const { modes, root, password, jwt } = settings
    this.#parts = parts
    this.#now = now
    this.endings = new Endings(now)
    this.pairings = new Pairings(now)
    // First, since it has to open, and brings the file up to date.
    const credentials = modes.has('token') || modes.has('device_token') ? this.credentials : undefined
    const store = this.#openSignIns()
    this.#salt = store?.salt ?? passingSalt()
    this.#root = root === undefined ? undefined : new RootSecret(root)
    this.#password = password === undefined ? undefined : new Password(password, now, this.#salt)
    const checkers: Checkers = {
      modes,
      credentials,
      root: () => this.#root,
      password: () => this.#password,
      jwt: jwt && new JwtVerifier(jwt, now),
    }
    const holders = new Holders(checkers)
    this.#signIns = new SignIns({ holders, endings: this.endings, store, log: parts.log, now })
    this.cookies = new Cookies(this.#signIns)
    this.authenticator = new Authenticator({ ...checkers, cookies: this.cookies, attempts, tell })
    if (
      modes.has('token') &&
      modes.size === 1 &&
      root === undefined &&
      this.credentials.list('token').length === 0
    )
      parts.log.warn('nobody can come in yet: gw-gateway token create makes a token')
    this.#timer = setInterval(() => this.#refresh(), REFRESH_EVERY).unref()
  }

  /** Opens the store where it is not open: with modes that need none it is made only for who manages it. */
  get credentials(): Credentials {
    this.#credentials ??= new Credentials(CredentialStore.open(this.#parts.dataDir), this.endings, this.#now)
    return this.#credentials
  }

  /** Whether the store of credentials answers, where it is in use; looked at twice a second. */
  get answers(): boolean {
    return !this.#failing
  }

  /** Other secrets in place of those of the start: what the old ones opened ends. The modes stay. */
  renew({ root, password }: Pick<AccessSettings, 'root' | 'password'>): void {
    const [oldRoot, oldPassword] = [this.#root, this.#password]
    if (root === undefined || !oldRoot?.is(secretHash(root))) {
      this.#root = root === undefined ? undefined : new RootSecret(root)
      if (oldRoot !== undefined) this.endings.end(oldRoot.principal)
    }
    // A mode that was on keeps its password: the settings hold one, or were refused.
    if (oldPassword !== undefined && password !== undefined && !oldPassword.same(password)) {
      this.#password = new Password(password, this.#now, this.#salt)
      this.endings.end(oldPassword.principal)
    }
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer)
    this.#signIns.close()
    try {
      this.#credentials?.close()
    } catch (error) {
      // When tokens were last used is all that can be lost here.
      this.#parts.log.warn('the store of credentials did not close well', { error })
    }
    this.#credentials = undefined
  }

  /** Nobody is kept out where it does not open; nothing is kept of who signs in without a credential, or by a JWT. */
  #openSignIns(): SignInStore | undefined {
    const { settings, dataDir, log } = this.#parts
    const { modes } = settings
    if (!modes.has('token') && !modes.has('password') && !modes.has('device_token')) return undefined
    try {
      return SignInStore.open(dataDir)
    } catch (error) {
      log.warn('sign-ins of the dashboard are not kept: a restart ends them', { error })
      return undefined
    }
  }

  #refresh(): void {
    this.endings.sweep()
    try {
      this.#credentials?.refresh()
      this.#failing = false
    } catch (error) {
      if (!this.#failing) this.#parts.log.error('the store of credentials fails', { error })
      this.#failing = true
    }
    this.#signIns.refresh()
  }
}
