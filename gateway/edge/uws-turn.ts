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

/** What everything on one engine shares: its turns of the loop and its clocks. */
export class Turn {
  /** True while the parser is on the stack: what is answered now, it answers before it reads on. */
  parsing = false
  /** True inside `Engine.close`, where events must wait for the next turn. */
  closing = false
  readonly onError: (error: unknown) => void
  readonly swept = new DenseSet<Swept>()
  private readonly pumped = new Set<Pumped>()
  private queue: (() => void)[] = []
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

  private drain(): void {
    const jobs = this.queue
    this.queue = []
    for (const job of jobs) job()
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
