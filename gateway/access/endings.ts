/** Which principals are no more, and who has to hear of it: links and streams end with the credential behind them. */
import type { Principal } from './principal.js'

export class Endings {
  readonly #now: () => number
  /** Ended before their time. */
  readonly #ended = new WeakSet<Principal>()
  /** As many entries as there are links and streams that watch. */
  readonly #watched = new Map<Principal, Set<() => void>>()

  /** `now`: ms since the epoch. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether its credential is neither revoked, changed nor expired. Cheap enough for each stream. */
  alive(principal: Principal): boolean {
    const { expiresAt } = principal
    return (expiresAt === undefined || expiresAt > this.#now()) && !this.#ended.has(principal)
  }

  /**
   * Calls `ended` once, within a second of the end, also where it has ended already. @returns what takes that back.
   */
  watch(principal: Principal, ended: () => void): () => void {
    const watchers = this.#watched.get(principal) ?? new Set()
    this.#watched.set(principal, watchers)
    // A function of its own, so that the same one may watch twice.
    const watcher = (): void => ended()
    watchers.add(watcher)
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#watched.get(principal) === watchers) this.#watched.delete(principal)
    }
  }

  /** Revoked, or its secret or rights were changed. */
  end(principal: Principal): void {
    this.#ended.add(principal)
    this.#tell(principal)
  }

  /** To be called twice a second: for those that end by the clock. */
  sweep(): void {
    for (const principal of this.#watched.keys()) if (!this.alive(principal)) this.#tell(principal)
  }

  #tell(principal: Principal): void {
    const watchers = this.#watched.get(principal)
    this.#watched.delete(principal)
    watchers?.forEach((watcher) => {
      watcher()
    })
  }
}
