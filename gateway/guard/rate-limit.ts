/** How many requests an address, or a credential, may make. What it may still make stands in every answer. */
import { Problem } from '../../shared/errors.js'
import { AddressTable } from './address-table.js'
import type { Rate } from './rate.js'
import { Window } from './window.js'

/** What is counted by; the name of the policy in the fields of an answer. */
export type RateLimited = 'address' | 'credential'

const SECOND = 1000

interface Entry {
  readonly window: Window
  /** What was let through over the limit, in the last second. */
  extra: Window | undefined
}

/** Read at each request: they may change while the gateway runs. */
export interface RateSettings {
  readonly rateLimit: Rate
  readonly rateLimitCredential: Rate
  /** As many over a limit may pass within any one second. */
  readonly rateLimitBurst: number
}

export class RateLimit {
  /** Requests that were refused so far. */
  limited = 0
  readonly #what: RateLimited
  readonly #settings: RateSettings
  readonly #now: () => number
  readonly #table: AddressTable<Entry>
  #rate: Rate = { count: 0, per: 0 }
  #policy = ''

  constructor(what: RateLimited, settings: RateSettings, now: () => number) {
    this.#what = what
    this.#settings = settings
    this.#now = now
    this.#table = new AddressTable(({ window }, at) => {
      const count = window.count(at, this.#rate.per)
      return count === 0 ? 'idle' : count >= this.#rate.count ? 'blocked' : 'open'
    })
  }

  /** Addresses or credentials that are known. */
  get size(): number {
    return this.#table.size
  }

  /**
   * Counts one request.
   * @returns the fields that its answer carries, a flat list.
   * @throws Problem `rate_limited`, with the same fields, where it is one too many.
   */
  take(key: string): readonly string[] {
    const { rateLimit, rateLimitCredential, rateLimitBurst } = this.#settings
    const rate = this.#what === 'address' ? rateLimit : rateLimitCredential
    if (rate.count === 0) return NONE
    if (rate !== this.#rate) this.#change(rate)
    const { count, per } = rate
    // A whole number takes no memory of its own.
    const now = Math.floor(this.#now())
    let entry = this.#table.get(key)
    if (entry === undefined) {
      entry = { window: new Window(), extra: undefined }
      this.#table.add(key, entry, now)
    }
    const { window } = entry
    const used = window.count(now, per)
    if (used < count) {
      window.add(now, per)
      return this.#fields(count - used - 1, window.left(now, per))
    }
    this.#table.block(key)
    const wait = window.wait(now, per, count)
    const fields = this.#fields(0, wait)
    if (rateLimitBurst === 0) throw this.#refusal(wait, fields)
    const extra = (entry.extra ??= new Window())
    if (extra.count(now, SECOND) >= rateLimitBurst) {
      throw this.#refusal(Math.min(wait, extra.wait(now, SECOND, rateLimitBurst)), fields)
    }
    extra.add(now, SECOND)
    return fields
  }

  #change(rate: Rate): void {
    this.#rate = rate
    this.#policy = `"${this.#what}";q=${rate.count};w=${seconds(rate.per)}`
  }

  #fields(left: number, reset: number): readonly string[] {
    return ['ratelimit-policy', this.#policy, 'ratelimit', `"${this.#what}";r=${left};t=${seconds(reset)}`]
  }

  #refusal(wait: number, headers: readonly string[]): Problem {
    this.limited++
    const { count, per } = this.#rate
    return new Problem(
      'rate_limited',
      `more than ${count} requests in ${seconds(per)} s from this ${this.#what}`,
      {
        retryAfter: Math.max(1, seconds(wait)),
        headers,
      },
    )
  }
}

const NONE: readonly string[] = []

const seconds = (ms: number): number => Math.ceil(ms / 1000)
