import { DenseSet, type Placed } from '../../shared/dense-set.js'

/** Something the sweep looks at every few seconds. */
export interface Swept extends Placed {
  sweep(): void
}

/** Something that writes against a reader without the help of the engine's events. */
export interface Pumped {
  pump(): void
}

/**
 * The engine closes a connection 10 s after its last sign of life, counted in ticks of 4 s, and cannot be told
 * otherwise; a caller that leaves while its upload is paused has to be noticed within 5 s.
 */
const SWEEP_MS = 4_000

/** Long enough to cost nothing, short enough that a full send buffer is refilled before a fast reader empties it. */
const PUMP_MS = 20

/** More than this of one turn's messages gets memory of its own. */
const ARENA_MAX = 4 * 1024 * 1024

/** What everything on one engine shares: its turns of the loop and its clocks. */
export class Turn {
  /** True while the parser is on the stack: what is answered now, it answers before it reads on. */
  parsing = false
  /** What a pause saves was saved once: `uws-intake.ts` tells why. Sockets with TLS and without have it apart. */
  primed = false
  /** True inside `Engine.close`, where events must wait for the next turn. */
  closing = false
  readonly onError: (error: unknown) => void
  readonly swept = new DenseSet<Swept>()
  private readonly pumped = new Set<Pumped>()
  private queue: (() => void)[] = []
  /** What came in this turn: bulk would else be garbage that V8 does not see in time. */
  private arena = Buffer.alloc(0)
  private arenaUsed = 0
  private readonly sweeper: NodeJS.Timeout
  private pumper: NodeJS.Timeout | undefined

  constructor(onError: (error: unknown) => void) {
    this.onError = onError
    this.sweeper = setInterval(() => {
      this.swept.forEach((each) => {
        each.sweep()
      })
    }, SWEEP_MS).unref()
  }

  /** Runs `job` outside the engine's callbacks, after what was queued before it. A job never throws. */
  later(job: () => void): void {
    if (this.queue.push(job) === 1) setImmediate(() => this.drain())
  }

  /** A copy of `data` that lasts until what was queued in this turn has run. */
  keep(data: ArrayBuffer): Buffer {
    const end = this.arenaUsed + data.byteLength
    if (end > this.arena.length) {
      if (this.arena.length < ARENA_MAX)
        this.arena = Buffer.allocUnsafeSlow(
          Math.min(ARENA_MAX, 2 * Math.max(this.arena.length, data.byteLength)),
        )
      else return Buffer.from(new Uint8Array(data))
      // The old one lives as long as what was cut from it.
      this.arenaUsed = 0
      return this.keep(data)
    }
    this.arena.set(new Uint8Array(data), this.arenaUsed)
    const copy = this.arena.subarray(this.arenaUsed, end)
    this.arenaUsed = end
    return copy
  }

  private drain(): void {
    const jobs = this.queue
    this.queue = []
    for (const job of jobs) job()
    // Messages come from the engine's callbacks only, none of which runs in between.
    this.arenaUsed = 0
  }

  pumpEveryMoment(one: Pumped): void {
    this.pumped.add(one)
    this.pumper ??= setInterval(() => {
      for (const each of [...this.pumped]) each.pump()
    }, PUMP_MS)
  }

  stopPumping(one: Pumped): void {
    if (!this.pumped.delete(one) || this.pumped.size > 0) return
    clearInterval(this.pumper)
    this.pumper = undefined
  }

  close(): void {
    clearInterval(this.sweeper)
    clearInterval(this.pumper)
  }
}
