/** The root secret and the password: who knows one may do everything. */
import { hash, randomBytes, scrypt, scryptSync, timingSafeEqual } from 'node:crypto'
import { Checks } from './checks.js'
import type { Principal, Scope } from './principal.js'
import { secretHash } from './tokens.js'

/** A new one for each secret, so that it ends when that does. */
const admin = (): Principal =>
  Object.freeze({
    id: 'admin',
    scopes: new Set<Scope>(['operator.admin']),
    node: Object.freeze({ patterns: ['*'], public: true }),
    expiresAt: undefined,
  })

/** `GW_TOKEN`. */
export class RootSecret {
  readonly principal = admin()
  /** The secret's hash. */
  readonly fingerprint: string

  /** `secret`: a byte string. */
  constructor(secret: string) {
    this.fingerprint = secretHash(secret)
  }

  /** `hash`: of what is presented. How long two hashes take to differ tells nothing of what they are of. */
  is(hash: string): boolean {
    return hash === this.fingerprint
  }
}

/** 32 MiB and some 50 to 100 ms of one core a check. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }
const KEY_BYTES = 32

/** At most 64 MiB and two threads of the pool; who waits longer than 64 checks take has given up. */
const BOUNDS = { atOnce: 2, waiting: 64 }

const REMEMBERED = 5 * 60_000

/** A salt that does not outlast this process. */
export const passingSalt = (): Buffer => randomBytes(16)

/** `GW_PASSWORD`, as scrypt makes it. */
export class Password {
  readonly principal = admin()
  readonly #now: () => number
  readonly #salt: Buffer
  readonly #derived: Buffer
  /** Of what is remembered: only this process can make that of a password. */
  readonly #key = randomBytes(32).toString('hex')
  /** The right one: there is no other to remember. */
  #known: { readonly digest: Buffer; readonly until: number } | undefined
  readonly #checks = new Checks<boolean>(BOUNDS)

  /** `password`: a byte string. `now`: ms since the epoch. */
  constructor(password: string, now: () => number, salt: Buffer) {
    this.#now = now
    this.#salt = salt
    this.#derived = scryptSync(Buffer.from(password, 'latin1'), salt, KEY_BYTES, COST)
  }

  /** The same for the same password under the same salt; as costly to guess from as the password is to check. */
  get fingerprint(): string {
    return this.#derived.toString('base64')
  }

  /** Whether it is made of this one. As costly as a check, and on the loop. */
  same(password: string): boolean {
    const derived = scryptSync(Buffer.from(password, 'latin1'), this.#salt, KEY_BYTES, COST)
    return timingSafeEqual(derived, this.#derived)
  }

  /**
   * At once where the right one was given within 5 minutes. `before` is called when the costly check begins, and its
   * throw is a refusal; of several checks of one password by the same `asker` at a time one is made.
   */
  is(presented: string, asker: string, before: () => void): true | Promise<boolean> {
    // The key has one length and what it makes leaves nobody: an HMAC would be no better, and 2 µs a request.
    const digest = hash('sha256', this.#key + presented, 'buffer')
    if (this.#known !== undefined && timingSafeEqual(digest, this.#known.digest)) {
      if (this.#known.until > this.#now()) return true
      this.#known = undefined
    }
    return this.#checks.run(`${asker} ${digest.toString('base64')}`, async () => {
      before()
      const right = timingSafeEqual(await derive(presented, this.#salt), this.#derived)
      if (right) this.#known = { digest, until: this.#now() + REMEMBERED }
      return right
    })
  }
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(Buffer.from(password, 'latin1'), salt, KEY_BYTES, COST, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}
