/** Requests by tunnel, for those who ask for it: capped, since anyone may bring tunnel ids. */
import type { Ended } from '../edge/ended.js'
import type { Sample } from './exposition.js'

/** Tunnels that get series of their own. */
const MOST = 1000

const CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const

export class PerTunnel {
  /** Requests that were not counted, since their tunnel came too late. */
  dropped = 0
  readonly #counts = new Map<string, Uint32Array>()

  add({ tunnelId, status }: Ended): void {
    if (tunnelId === undefined) return
    let counts = this.#counts.get(tunnelId)
    if (counts === undefined) {
      if (this.#counts.size >= MOST) {
        this.dropped++
        return
      }
      this.#counts.set(tunnelId, (counts = new Uint32Array(CLASSES.length)))
    }
    counts[Math.min(5, Math.floor(status / 100))]!++
  }

  *samples(): Iterable<Sample> {
    for (const [tunnel_id, counts] of this.#counts)
      for (const [at, code] of CLASSES.entries())
        if (counts[at]! > 0) yield [{ tunnel_id, code }, counts[at]!]
  }
}
