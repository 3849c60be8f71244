/**
 * One tunnel id in one agent process, over all its links: what policies choose among. Dispatch knows no more of
 * an agent than this: how busy it is, and how to open a stream.
 */
import type { Open } from '../../shared/frames.js'
import type { Stream } from '../../shared/stream.js'
import type { StreamEvents } from '../../shared/stream-events.js'
import type { TunnelId } from '../../shared/tunnel-id.js'
import { Histogram } from './histogram.js'
import type { Link } from './link.js'

/** Refused connections in a row after which an instance is chosen last. */
const STRIKES = 3
/** For how long, in milliseconds. */
const PENALTY = 5000

/** Weight of the past in the moving average of latency falls to 1/e in this many milliseconds. */
const DECAY = 10_000
/** Above every cost that was measured. */
const UNKNOWN = Number.MAX_SAFE_INTEGER / 2

export type InstanceState = 'ready' | 'unresponsive' | 'draining'

export interface InstanceFacts {
  tunnel: TunnelId
  instanceId: string
  name: string | null
  labels: Readonly<Record<string, string>>
  weight: number
  maxConcurrent: number
  /** What it can do beyond HTTP. */
  capabilities?: readonly string[]
}

export class Instance {
  readonly tunnel: TunnelId
  readonly instanceId: string
  readonly name: string | null
  readonly labels: Readonly<Record<string, string>>
  readonly weight: number
  readonly maxConcurrent: number
  readonly capabilities: readonly string[]
  links: readonly Link[] = []
  /** Exchanges in flight, over all links. */
  inflight = 0
  /** 32-bit hash of tunnel and instance id, for rendezvous hashing. */
  readonly seed: number

  #strikes = 0
  #penaltyUntil = 0
  /** Peak EWMA of the time to head; undefined before the first answer. */
  #average: number | undefined
  #averageAt = 0
  #latency: Histogram | undefined

  constructor(facts: InstanceFacts) {
    this.tunnel = facts.tunnel
    this.instanceId = facts.instanceId
    this.name = facts.name
    this.labels = facts.labels
    this.weight = facts.weight
    this.maxConcurrent = facts.maxConcurrent
    this.capabilities = facts.capabilities ?? []
    this.seed = fnv1a(`${facts.tunnel.id} ${facts.instanceId}`)
  }

  get state(): InstanceState {
    let state: InstanceState = 'draining'
    for (const link of this.links) {
      if (link.state === 'ready') return 'ready'
      if (link.state === 'unresponsive') state = 'unresponsive'
    }
    return state
  }

  /** It can take one more exchange now. */
  get free(): boolean {
    return this.inflight < this.maxConcurrent && this.#link() !== undefined
  }

  /** Its upstream refused several connections in a row: others go first. */
  penalised(now: number): boolean {
    return now < this.#penaltyUntil
  }

  /** Opens a stream on the link with the fewest. Call only while `free`. */
  open(open: Omit<Open, 'kind' | 'id'>, events: StreamEvents): { stream: Stream; link: Link } {
    const link = this.#link()
    if (link === undefined) throw new Error(`${this.tunnel.id}: no link takes streams`)
    const stream = link.open(open, events)
    this.inflight++
    return { stream, link }
  }

  /** The upstream could not be reached. */
  strike(now: number): void {
    if (++this.#strikes >= STRIKES) this.#penaltyUntil = now + PENALTY
  }

  /** An answer's head came after `ms`. */
  answered(ms: number, now: number): void {
    this.#strikes = 0
    this.#latency ??= new Histogram(now)
    this.#latency.add(ms, now)
    // Peak EWMA (finagle): a slow answer counts at once, a fast one by and by.
    const past = this.#average ?? 0
    const keep = this.#keep(now)
    this.#average = ms > past ? ms : past * keep + ms * (1 - keep)
    this.#averageAt = now
  }

  /**
   * What a further exchange is expected to wait, for comparison only. It falls while nothing is heard, so that one
   * that was slow is tried again; one that was never heard gets a single exchange to tell by.
   */
  cost(now: number): number {
    if (this.#average === undefined) return this.inflight === 0 ? 0 : UNKNOWN + this.inflight
    return this.#average * this.#keep(now) * (this.inflight + 1)
  }

  percentiles(shares: readonly number[], now: number): (number | null)[] {
    return this.#latency?.percentiles(shares, now) ?? shares.map(() => null)
  }

  #keep(now: number): number {
    return Math.exp(-(now - this.#averageAt) / DECAY)
  }

  #link(): Link | undefined {
    let best: Link | undefined
    for (const link of this.links) {
      if (link.state === 'ready' && link.hasRoom && (best === undefined || link.streams < best.streams))
        best = link
    }
    return best
  }
}

/** FNV-1a, 32 bits, over the low bytes of the characters. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
