/** What goes by itself, in the background: sessions that were idle too long, what removed ones left, old keys. */
import { KEY_LIFE } from './bounds.js'
import type { Clock } from './clock.js'
import type { SessionRecord } from './session.js'
import type { SessionStore } from './store.js'

/** Most that something stays too long. */
const INTERVAL = 60_000
/** Sessions that end at one look, each in some tenths of a millisecond; the others wait for the next. */
const AT_ONCE = 200

export interface ReaperParts {
  readonly store: SessionStore
  readonly clock: Clock
  /** Milliseconds; 0: sessions do not end by themselves. */
  readonly ttl: number
  expire(record: SessionRecord): void
  failed(error: unknown): void
}

export class Reaper {
  readonly #parts: ReaperParts
  #forget: () => void = () => {}
  #sweeping: (() => void) | undefined

  constructor(parts: ReaperParts) {
    this.#parts = parts
    this.#rest()
    this.sweep()
  }

  /** Deletes what removed sessions left, a little in each turn of the loop. */
  sweep(): void {
    this.#sweeping ??= this.#parts.clock.after(
      0,
      () => {
        this.#sweeping = undefined
        if (this.#attempt(() => this.#parts.store.sweep())) this.sweep()
      },
      true,
    )
  }

  stop(): void {
    this.#forget()
    this.#sweeping?.()
  }

  #rest(): void {
    const { clock, ttl } = this.#parts
    const pause = ttl === 0 ? INTERVAL : Math.min(INTERVAL, Math.max(50, ttl / 4))
    this.#forget = clock.after(pause, this.#look, true)
  }

  readonly #look = (): void => {
    const { store, clock, ttl, expire } = this.#parts
    this.#attempt(() => {
      const now = clock.now()
      store.forgetKeys(now - KEY_LIFE)
      if (ttl > 0) for (const record of store.idleSince(now - ttl, AT_ONCE)) expire(record)
      return true
    })
    this.#rest()
  }

  #attempt(work: () => boolean): boolean {
    try {
      return work()
    } catch (error) {
      this.#parts.failed(error)
      return false
    }
  }
}
