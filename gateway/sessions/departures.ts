/** Since when tunnels that serve runs are gone: an agent that is just restarting is waited for, one that left is not. */
import { EXECUTE } from '../../shared/sessions/run-messages.js'
import type { Registry } from '../agents/registry.js'

/** Past it the longest gone is forgotten, and counts as gone since the start. */
const MOST = 10_000

export class Departures {
  readonly #now: () => number
  readonly #startedAt: number
  readonly #left = new Map<string, number>()
  readonly #stop: () => void

  /** `now`: milliseconds, monotonic. */
  constructor(registry: Registry, now: () => number) {
    this.#now = now
    this.#startedAt = now()
    this.#stop = registry.listen(({ kind, link }) => {
      const instance = link.instance!
      if (kind === 'changed' || !instance.capabilities.includes(EXECUTE)) return
      const { id } = instance.tunnel
      this.#left.delete(id)
      if (registry.tunnel(id) !== undefined) return
      this.#left.set(id, now())
      const [oldest] = this.#left.keys()
      if (this.#left.size > MOST) this.#left.delete(oldest!)
    })
  }

  /** Milliseconds. Of a tunnel that is connected this means nothing. */
  goneFor(tunnelId: string): number {
    return this.#now() - (this.#left.get(tunnelId) ?? this.#startedAt)
  }

  close(): void {
    this.#stop()
  }
}
