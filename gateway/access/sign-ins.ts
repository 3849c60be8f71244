/**
 * Who is signed in at the dashboard, by the hash of the cookie's value. All are in memory; those that can be told again
 * after a restart are kept in the store too, where other gateways on the same data directory find them.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { assertNever } from '../../shared/errors.js'
import type { Logger } from '../../shared/log.js'
import type { Endings } from './endings.js'
import type { Holder, Holders } from './holders.js'
import type { Principal } from './principal.js'
import type { KeptSignIn, SignInStore } from './sign-in-store.js'
import { secretHash } from './tokens.js'

export const LASTS_MS = 12 * 3_600_000

/** Browsers of operators; past it the oldest sign-in ends. */
const MOST = 1024

/** A clock may be put right by so much. One from further in the future is not taken: it would last too long. */
const SLACK_MS = 5 * 60_000

type SignIn =
  /** Of before the start, or of another gateway: whose it is shows when its cookie comes. */
  | { readonly kind: 'kept'; readonly until: number; readonly holder: string; readonly proof: string }
  /** `kept`: it is in the store, or is to be. */
  | { readonly kind: 'known'; readonly until: number; readonly principal: Principal; readonly kept: boolean }

export interface SignInParts {
  readonly holders: Pick<Holders, 'of' | 'find'>
  readonly endings: Endings
  /** Undefined: they end with the process. */
  readonly store: SignInStore | undefined
  readonly log: Pick<Logger, 'warn'>
  /** ms since the epoch. */
  now(): number
}

export class SignIns {
  readonly #parts: SignInParts
  #store: SignInStore | undefined
  /** Oldest first. */
  readonly #signIns = new Map<string, SignIn>()
  /** Not in the store yet: at most those in memory. */
  readonly #came = new Map<string, KeptSignIn>()
  /** Still in the store: at most what it held. */
  readonly #gone = new Set<string>()
  /** Another process has changed what is not taken up yet. */
  #behind = false
  /** Told once, not at each attempt. */
  #failing = false

  constructor(parts: SignInParts) {
    this.#parts = parts
    this.#store = parts.store
    this.refresh()
  }

  /** @returns the cookie's value. It holds from now on, whether or not it can be kept. */
  begin(principal: Principal): string {
    const value = randomBytes(32).toString('base64url')
    const hash = secretHash(value)
    const until = this.#parts.now() + LASTS_MS
    const holder = this.#store && this.#parts.holders.of(principal)
    this.#signIns.set(hash, { kind: 'known', until, principal, kept: holder !== undefined })
    if (holder !== undefined)
      this.#came.set(hash, { hash, until, holder: holder.name, proof: proofOf(value, holder) })
    this.#bound()
    this.#write()
    return value
  }

  end(value: string): void {
    const hash = secretHash(value)
    if (!this.#signIns.has(hash)) this.#takeUp()
    this.#forget(hash)
    this.#write()
  }

  /** Who signed in, if that still holds. The store is asked, and no more than whether it changed, for what is unknown. */
  principalOf(value: string): Principal | undefined {
    const hash = secretHash(value)
    if (!this.#signIns.has(hash)) this.#takeUp()
    const found = this.#signIns.get(hash)
    if (found === undefined) return undefined
    const left = found.until - this.#parts.now()
    if (left <= 0 || left > LASTS_MS + SLACK_MS) return undefined
    switch (found.kind) {
      case 'known':
        return this.#parts.endings.alive(found.principal) ? found.principal : undefined
      case 'kept':
        return this.#recall(hash, value, found)
      default:
        return assertNever(found)
    }
  }

  /** To be called twice a second: takes up what other gateways did, ends what has ended, writes what is to be written. */
  refresh(): void {
    this.#takeUp()
    const now = this.#parts.now()
    for (const [hash, signIn] of this.#signIns) {
      const ended = signIn.kind === 'known' && !this.#parts.endings.alive(signIn.principal)
      if (ended || signIn.until <= now) this.#forget(hash)
    }
    this.#write()
  }

  /** Idempotent. */
  close(): void {
    this.#write()
    try {
      this.#store?.close()
    } catch (error) {
      this.#failed(error)
    }
    this.#store = undefined
  }

  /**
   * One that does not hold here is left as it is: cookies know no ports, and another gateway on this directory may have
   * other secrets. It ends by its time.
   */
  #recall(
    hash: string,
    value: string,
    { until, holder: name, proof }: Omit<KeptSignIn, 'hash'>,
  ): Principal | undefined {
    const { holders, endings } = this.#parts
    const holder = holders.find(name)
    if (holder === undefined || proofOf(value, holder) !== proof) return undefined
    const { principal } = holder
    if (!endings.alive(principal)) return undefined
    this.#signIns.set(hash, { kind: 'known', until, principal, kept: true })
    return principal
  }

  #takeUp(): void {
    if (this.#store === undefined) return
    try {
      // What could not be read is still to be read: it may be a sign-out.
      this.#behind ||= this.#store.changedElsewhere()
      if (!this.#behind) return
      this.#merge(this.#store.all(MOST))
      this.#behind = false
    } catch (error) {
      this.#failed(error)
    }
  }

  #merge(rows: readonly KeptSignIn[]): void {
    const there = new Set(rows.map(({ hash }) => hash))
    for (const [hash, signIn] of this.#signIns) {
      const kept = signIn.kind === 'kept' || signIn.kept
      if (kept && !there.has(hash) && !this.#came.has(hash)) this.#signIns.delete(hash)
    }
    for (const { hash, ...row } of rows)
      if (!this.#signIns.has(hash) && !this.#gone.has(hash)) this.#signIns.set(hash, { kind: 'kept', ...row })
    this.#bound()
  }

  #bound(): void {
    while (this.#signIns.size > MOST) this.#forget(this.#signIns.keys().next().value!)
  }

  #forget(hash: string): void {
    const signIn = this.#signIns.get(hash)
    if (signIn === undefined) return
    this.#signIns.delete(hash)
    // Not both: what was never written need not be removed.
    if (!this.#came.delete(hash) && (signIn.kind === 'kept' || signIn.kept)) this.#gone.add(hash)
  }

  /** What cannot be written now is tried again: neither a sign-in nor a sign-out waits for a disk. */
  #write(): void {
    if (this.#store === undefined || this.#came.size + this.#gone.size === 0) return
    try {
      this.#store.write(this.#came.values(), this.#gone, MOST)
      this.#came.clear()
      this.#gone.clear()
      this.#failing = false
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (!this.#failing)
      this.#parts.log.warn('sign-ins and sign-outs of the dashboard cannot be kept: a restart undoes them', {
        error,
      })
    this.#failing = true
  }
}

/**
 * That a credential is the one of the sign-in, checked with the cookie in hand. The key is the cookie's own 256 random
 * bits, of which the store has only a hash: who has read the store can try no password and no secret against this. Who
 * has the cookie as well is signed in already, and would still pay scrypt for each guess at the password.
 */
const proofOf = (value: string, { name, fingerprint }: Holder): string =>
  createHmac('sha256', value).update(`${name} ${fingerprint}`).digest('base64')
