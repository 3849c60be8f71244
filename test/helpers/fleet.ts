/** Links without sockets, and a clock that stands still: what a registry sees of agents. */
import type { Test } from 'tap'
import type { LinkClaim } from '../../gateway/agents/claim.js'
import type { Instance } from '../../gateway/agents/instance.js'
import { Link } from '../../gateway/agents/link.js'
import type { LinkSettings } from '../../gateway/agents/link-owner.js'
import type { Wanted } from '../../gateway/agents/pick.js'
import { Registry } from '../../gateway/agents/registry.js'
import type { Socket } from '../../gateway/edge/engine.js'
import { Decoder, Encoder } from '../../shared/codec.js'
import { type Frame, type Hello, Kind } from '../../shared/frames.js'
import { createLogger } from '../../shared/log.js'
import type { PolicyName } from '../../shared/policies.js'
import type { StreamEvents } from '../../shared/stream-events.js'
import { parseTunnelId } from '../../shared/tunnel-id.js'
import { WindowPool } from '../../shared/window.js'
import { HELLO } from './raw-agent.js'
import { ANY_RIGHT } from './rights.js'

export const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

/** `agent_…_prod` number `n`. */
export const id = (n: number, purpose = 'prod'): string => `agent_${uuid(n)}_${purpose}`

export interface Join extends Partial<Pick<Hello, 'labels' | 'weight' | 'maxConcurrent'>> {
  tunnelId?: string
  instance?: number
  link?: number
  name?: string
}

/** Keeps what it is given. */
export class FakeSocket implements Socket {
  bufferedAmount = 0
  readonly sent: Frame[] = []
  closed: { code: number; reason: string } | undefined
  destroyed = false
  readonly #decoder = new Decoder()

  send(message: Uint8Array): boolean {
    this.#decoder.decode(Buffer.from(message), (frame) => this.sent.push(frame))
    return true
  }

  ping(): void {}

  close(code: number, reason: string): void {
    this.closed = { code, reason }
  }

  destroy(): void {
    this.destroyed = true
  }
}

export class Fleet {
  now = 1_000_000
  readonly registry = new Registry(() => this.now)
  /** `connected 1`, `changed 1 draining`, `disconnected 1`: by the number of the instance. */
  readonly told: string[] = []
  readonly sockets = new Map<Link, FakeSocket>()
  readonly settings: LinkSettings
  #count = 0

  constructor(t: Test, settings: Partial<LinkSettings> = {}) {
    this.settings = {
      version: '0.0.1',
      pingInterval: 3_600_000,
      pingTimeout: 3_600_000,
      helloTimeout: 0,
      maxStreams: 1000,
      maxResets: 200,
      pool: new WindowPool(),
      log: createLogger({ write() {} }),
      now: () => this.now,
      urls: () => [],
      ...settings,
    }
    this.registry.listen(({ kind, link }) => {
      const number = Number(link.claim.instanceId.slice(-12))
      this.told.push(kind === 'changed' ? `changed ${number} ${link.state}` : `${kind} ${number}`)
    })
    t.teardown(() => {
      for (const link of this.sockets.keys()) link.end(1001, '')
    })
  }

  /** A link that has shaken hands and said nothing yet. */
  dial({ tunnelId = id(1), instance = ++this.#count, link: number = 0, name }: Join = {}): Link {
    const claim: LinkClaim = {
      tunnel: parseTunnelId(tunnelId),
      instanceId: uuid(instance),
      number,
      name: name ?? null,
      remoteAddress: '127.0.0.1',
    }
    const link = new Link(`link-${this.sockets.size}`, claim, this.settings, {
      owner: this.registry,
      right: ANY_RIGHT,
    })
    const socket = new FakeSocket()
    this.sockets.set(link, socket)
    link.wire.attach(socket)
    return link
  }

  /** A link that is ready. */
  join(join: Join = {}): Link {
    const link = this.dial(join)
    const { labels = [], weight = 1, maxConcurrent = 256 } = join
    this.hear(link, { ...HELLO, labels, weight, maxConcurrent })
    return link
  }

  /** An instance with one link. */
  instance(join: Join = {}): Instance {
    return this.join(join).instance!
  }

  hear(link: Link, ...frames: Frame[]): void {
    const encoder = new Encoder()
    for (const frame of frames) encoder.add(frame)
    link.wire.message(Buffer.from(encoder.take()), true)
  }

  socket(link: Link): FakeSocket {
    return this.sockets.get(link)!
  }

  /** Resolves at the next change that is told so. */
  change(text: string): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.registry.listen(() => {
        if (this.told.at(-1) !== text) return
        stop()
        resolve()
      })
    })
  }
}

/** Which instances, by their numbers. */
export const numbers = (instances: Iterable<Instance>): number[] =>
  [...instances].map(({ instanceId }) => Number(instanceId.slice(-12)))

export const UNHEARD: StreamEvents = { head() {}, data() {}, end() {}, drain() {}, reset() {} }

/** What a request wants of a pick: any instance, unless `more` says it. */
export const wanted = (policy: PolicyName, more: Partial<Wanted> = {}): Wanted => ({
  selector: {},
  policy,
  stickyKey: 'someone',
  tried: [],
  ...more,
})

export { HELLO as HELLO_AGAIN } from './raw-agent.js'
export { GET as ASKED } from './tape.js'
export { Kind }
