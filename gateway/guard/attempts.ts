/** Failed credentials: who presents too many is not heard for a while, whatever it presents then. */
import { Problem } from '../../shared/errors.js'
import { AddressTable } from './address-table.js'
import type { Rate } from './rate.js'
import { Window } from './window.js'

interface Entry {
  readonly failures: Window
  blockedUntil: number
  /** When a success last cleared the failures. */
  clearedAt: number | undefined
}

/** Read at each failure: they may change while the gateway runs. */
export interface AttemptSettings {
  /** Failures from one address that bring a cooldown. */
  readonly authAttempts: Rate
  /** Milliseconds. */
  readonly authCooldown: number
}

export class Attempts {
  /** Requests that were refused unheard so far. */
  refused = 0
  readonly #settings: AttemptSettings
  readonly #now: () => number
  readonly #table: AddressTable<Entry>

  constructor(settings: AttemptSettings, now: () => number) {
    this.#settings = settings
    this.#now = () => Math.floor(now())
    this.#table = new AddressTable((entry, at) => {
      if (at < entry.blockedUntil) return 'blocked'
      // A success that cleared is remembered for a window: else it could clear again.
      const told = this.#cleared(entry, at) || entry.failures.count(at, this.#per) > 0
      return told ? 'open' : 'idle'
    })
  }

  /** Addresses that are known. */
  get size(): number {
    return this.#table.size
  }

  /** Before a credential of `address` is looked at. @throws Problem `rate_limited` where it is not heard. */
  check(address: string): void {
    const entry = this.#table.get(address)
    if (entry === undefined) return
    const now = this.#now()
    if (now < entry.blockedUntil) throw this.#refusal(entry.blockedUntil - now)
  }

  /** A credential of `address` was wrong. One that was missing is none. */
  failed(address: string): void {
    const { count, per } = this.#settings.authAttempts
    if (count === 0) return
    const now = this.#now()
    const entry = this.#entry(address)
    entry.failures.add(now, per)
    if (entry.failures.count(now, per) < count) return
    entry.failures.clear()
    entry.blockedUntil = now + this.#settings.authCooldown
    this.#table.block(address)
  }

  /** A credential of `address` was right: its failures are forgotten, once a window, so that guesses cannot hide. */
  succeeded(address: string): void {
    const entry = this.#table.get(address)
    if (entry === undefined) return
    const now = this.#now()
    if (this.#cleared(entry, now) || entry.failures.count(now, this.#per) === 0) return
    entry.failures.clear()
    entry.clearedAt = now
  }

  /** Within the last window. */
  #cleared({ clearedAt }: Entry, now: number): boolean {
    return clearedAt !== undefined && now - clearedAt < this.#per
  }

  get #per(): number {
    return this.#settings.authAttempts.per
  }

  #entry(address: string): Entry {
    let entry = this.#table.get(address)
    if (entry === undefined) {
      entry = { failures: new Window(), blockedUntil: 0, clearedAt: undefined }
      this.#table.add(address, entry, this.#now())
    }
    return entry
  }

  #refusal(wait: number): Problem {
    this.refused++
    return new Problem('rate_limited', 'too many wrong credentials from this address', {
      retryAfter: Math.max(1, Math.ceil(wait / 1000)),
    })
  }
}
