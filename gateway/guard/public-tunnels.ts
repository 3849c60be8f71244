/**
 * Which tunnels are open to callers without a credential, and what guards them. Only as open as the least open of its
 * replicas: one link that is not public closes the tunnel, and every guard has to be passed.
 */
import type { Instance } from '../agents/instance.js'
import type { Registry } from '../agents/registry.js'
import type { Selector } from '../agents/selector.js'
import { asks, type TunnelGuard } from './tunnel-guard.js'

/** A tunnel stays public for this long (ms) after its last link left, as its name stays held: a restart is waited for. */
const GRACE = 60_000
/** Tunnels that are remembered so; past it the oldest are forgotten. */
const MOST_GONE = 4096

type Guards = readonly TunnelGuard[] | undefined

interface Gone {
  readonly guards: readonly TunnelGuard[]
  readonly until: number
}

export class PublicTunnels {
  readonly #registry: Registry
  readonly #now: () => number
  /** By tunnel id and by name, which no id is; of those that are connected and were asked for. */
  readonly #known = new Map<string, Guards>()
  readonly #gone = new Map<string, Gone>()
  readonly #stopListening: () => void
  #guarded = 0

  constructor(registry: Registry, now: () => number) {
    this.#registry = registry
    this.#now = now
    this.#stopListening = registry.listen(({ kind, link }) => {
      if (kind === 'changed') return
      const { tunnel, name, guard } = link.claim
      if (guard !== undefined && asks(guard)) this.#guarded += kind === 'connected' ? 1 : -1
      for (const key of name === null ? [tunnel.id] : [tunnel.id, name]) {
        this.#known.delete(key)
        if (kind === 'disconnected' && guard !== undefined && this.#bucket(key) === undefined)
          this.#leave(key, guard)
        else this.#gone.delete(key)
      }
    })
  }

  /** Links whose guard asks for something. */
  get guarded(): number {
    return this.#guarded
  }

  /**
   * @returns the guards of the tunnel that a route names by id or name, each once; undefined where it is not public.
   */
  guards({ tunnelId, name }: Pick<Selector, 'tunnelId' | 'name'>): Guards {
    const key = tunnelId ?? name
    if (key === undefined) return undefined
    if (this.#known.has(key)) return this.#known.get(key)
    const bucket = this.#bucket(key)
    if (bucket === undefined) return this.#recall(key)
    const guards = guardsOf(bucket)
    this.#known.set(key, guards)
    return guards
  }

  close(): void {
    this.#stopListening()
  }

  #bucket(key: string): Iterable<Instance> | undefined {
    return key.startsWith('agent_') ? this.#registry.tunnel(key) : this.#registry.name(key)
  }

  #leave(key: string, guard: TunnelGuard): void {
    const [oldest] = this.#gone.keys()
    if (this.#gone.size >= MOST_GONE && oldest !== undefined) this.#gone.delete(oldest)
    this.#gone.set(key, { guards: [guard], until: this.#now() + GRACE })
  }

  #recall(key: string): Guards {
    const gone = this.#gone.get(key)
    if (gone === undefined) return undefined
    if (this.#now() < gone.until) return gone.guards
    this.#gone.delete(key)
    return undefined
  }
}

/** Of all links of these instances, each guard once; undefined where one of them is not public. */
export function guardsOf(instances: Iterable<Instance>): Guards {
  const guards = new Map<string, TunnelGuard>()
  for (const { links } of instances) {
    for (const { claim } of links) {
      if (claim.guard === undefined) return undefined
      guards.set(keyOf(claim.guard), claim.guard)
    }
  }
  return guards.size === 0 ? undefined : [...guards.values()]
}

const keyOf = ({ basic, allowed }: TunnelGuard): string =>
  `${basic?.toString('hex') ?? ''} ${allowed.map(([range, bits]) => `${range}/${bits}`).join()}`
