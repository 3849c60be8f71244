/** Faults drawn by chance, each with its end: afterwards everything is as it was. */
import { setTimeout as sleep } from 'node:timers/promises'
import { assertNever } from '../../shared/errors.js'
import type { Chance } from '../helpers/chaos-chance.js'
import type { Ground } from '../helpers/chaos-ground.js'
import { HEALTHY, type Toxic } from '../helpers/chaos-proxy.js'
import type { Tally } from '../helpers/chaos-tally.js'
import type { Run } from './scenario.js'

type Fault =
  | { readonly kind: 'kill' | 'stop' | 'term'; readonly at: number; readonly ms: number }
  | { readonly kind: 'toxic'; readonly at: number; readonly ms: number; readonly toxic: Toxic }
  | { readonly kind: 'cut'; readonly at: number; readonly how: 'reset' | 'close' }
  | { readonly kind: 'gateway'; readonly signal: 'SIGTERM' | 'SIGKILL'; readonly ms: number }

const KINDS: readonly [Fault['kind'], ...Fault['kind'][]] = [
  ...([
    'kill',
    'stop',
    'term',
    'cut',
    'cut',
    'toxic',
    'toxic',
    'toxic',
    'toxic',
    'toxic',
    'gateway',
  ] as const),
]
/** Most at once; one that draws what is already hurt is left out. */
const AT_ONCE = 3

export class Faults {
  count = 0
  readonly #ground: Ground
  readonly #chance: Chance
  readonly #tally: Tally
  readonly #note: (sentence: string) => void
  readonly #hurt = new Set<string>()
  readonly #going = new Set<Promise<void>>()

  constructor(ground: Ground, chance: Chance, { tally, note }: Pick<Run, 'tally' | 'note'>) {
    this.#tally = tally
    this.#ground = ground
    this.#chance = chance
    this.#note = note
  }

  /** Begins one. */
  next(): void {
    const fault = this.#draw()
    const place =
      fault.kind === 'gateway'
        ? 'gateway'
        : `${fault.kind === 'toxic' || fault.kind === 'cut' ? 'link' : 'agent'} ${fault.at}`
    if (this.#hurt.size >= AT_ONCE || this.#hurt.has(place)) return
    this.#hurt.add(place)
    this.count++
    this.#note(`${place}: ${JSON.stringify(fault)}`)
    const going = this.#inflict(fault)
      .catch((error: unknown) => this.#tally.breach(`${place}: ${String(error)}`))
      .finally(() => {
        this.#hurt.delete(place)
        this.#going.delete(going)
      })
    this.#going.add(going)
  }

  /** Resolves once all are over. */
  async settled(): Promise<void> {
    await Promise.all(this.#going)
  }

  #draw(): Fault {
    const chance = this.#chance
    const kind = chance.pick(KINDS)
    const at = chance.whole(0, this.#ground.replicas.length - 1)
    const ms = chance.whole(200, 4000)
    switch (kind) {
      case 'kill':
      case 'stop':
      case 'term':
        return { kind, at, ms }
      case 'cut':
        return { kind, at, how: chance.pick(['reset', 'close']) }
      case 'toxic':
        return { kind, at, ms, toxic: this.#toxic() }
      case 'gateway':
        return { kind, signal: chance.pick(['SIGTERM', 'SIGKILL']), ms: Math.floor(ms / 4) }
      default:
        return assertNever(kind)
    }
  }

  #toxic(): Toxic {
    const chance = this.#chance
    return chance.pick<Toxic>([
      { kind: 'latency', ms: chance.whole(5, 300), jitter: chance.whole(0, 200) },
      { kind: 'bandwidth', bytesPerSecond: chance.whole(16, 1024) * 1024 },
      { kind: 'slicer' },
      { kind: 'hold' },
      { kind: 'blackhole' },
    ])
  }

  async #inflict(fault: Fault): Promise<void> {
    const ground = this.#ground
    switch (fault.kind) {
      case 'kill':
      case 'term': {
        const replica = ground.replicas[fault.at]!
        replica.child.signal(fault.kind === 'kill' ? 'SIGKILL' : 'SIGTERM')
        await replica.child.ends()
        await sleep(fault.ms / 2)
        replica.start()
        return
      }
      case 'stop': {
        const { child } = ground.replicas[fault.at]!
        child.signal('SIGSTOP')
        await sleep(fault.ms)
        child.signal('SIGCONT')
        return
      }
      case 'toxic': {
        const proxy = ground.proxies[fault.at]!
        proxy.toxic = fault.toxic
        await sleep(fault.ms)
        proxy.toxic = HEALTHY
        return
      }
      case 'cut':
        ground.proxies[fault.at]!.cut(fault.how)
        return
      case 'gateway':
        await ground.restartGateway(fault.signal, fault.ms)
        return
      default:
        assertNever(fault)
    }
  }
}
