/** What the gateway counts. Adding is cheap and happens as things end; words are made only when somebody asks. */
import type { ProblemCode } from '../../shared/errors.js'
import type { Change } from '../agents/registry.js'
import type { Ended, RouteLabel, Witness } from '../edge/ended.js'
import type { RequestHead } from '../edge/engine.js'
import { Durations } from './durations.js'
import { History } from './history.js'
import { PerTunnel } from './per-tunnel.js'

export type LinkEvent = 'connected' | 'disconnected' | 'replaced' | 'refused'

export class Telemetry implements Witness {
  /** By route, then by status. */
  readonly requests = new Map<RouteLabel, Map<number, number>>()
  readonly errors = new Map<ProblemCode, number>()
  readonly links: Record<LinkEvent, number> = { connected: 0, disconnected: 0, replaced: 0, refused: 0 }
  readonly duration = new Durations()
  readonly firstByte = new Durations()
  readonly rtt = new Durations()
  readonly history: History
  /** Where `--metrics-per-tunnel` asks for it. */
  readonly perTunnel: PerTunnel | undefined
  bytesIn = 0
  bytesOut = 0
  retries = 0

  /** `clock`: milliseconds since the epoch. */
  constructor(clock: () => number, perTunnel: boolean) {
    this.history = new History(clock)
    this.perTunnel = perTunnel ? new PerTunnel() : undefined
  }

  ended(_head: RequestHead, ended: Ended): void {
    const { route, status, code } = ended
    let statuses = this.requests.get(route)
    if (statuses === undefined) this.requests.set(route, (statuses = new Map()))
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (code !== undefined && code !== 'aborted') this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
    if (route === 'ws') {
      if (status !== 101) this.links.refused++
      return
    }
    this.duration.add(ended.duration)
    if (ended.firstByte !== undefined) this.firstByte.add(ended.firstByte)
    this.bytesIn += ended.bytesIn
    this.bytesOut += ended.bytesOut
    this.retries += ended.moves
    // The dashboard's own asking is no traffic.
    if (route === 'forward' || route === 'tunnel' || route === 'host') this.history.add(ended)
    this.perTunnel?.add(ended)
  }

  followed(change: Change): void {
    if (change.kind === 'connected') this.links.connected++
    else if (change.kind === 'disconnected')
      this.links[change.cause === 'replaced' ? 'replaced' : 'disconnected']++
  }
}
