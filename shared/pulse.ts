/** A heartbeat with a clock and a timer: asks for pings, tells that the peer does not answer, and once that it is dead. */
import { assertNever } from './errors.js'
import { Heartbeat, type HeartbeatOptions } from './heartbeat.js'
import { type Timed, TimerQueue } from './timer-queue.js'

export interface PulseEvents {
  /** Milliseconds, monotonic. */
  now(): number
  ping(nonce: number): void
  /** A ping stays unanswered, and nothing else came. */
  unresponsive?(): void
  /** Something came again. */
  responsive?(): void
  /** Nothing was heard for `silent` milliseconds. Nothing follows. */
  dead(silent: number): void
}

/** One for all links of a process. */
const timers = new TimerQueue()

export class Pulse implements Timed {
  dueAt = 0
  place = -1
  readonly #heartbeat: Heartbeat
  readonly #events: PulseEvents
  #stopped = false

  /** The first ping is asked for at once. */
  constructor(options: HeartbeatOptions, events: PulseEvents) {
    this.#heartbeat = new Heartbeat(options, events.now())
    this.#events = events
    this.due()
  }

  /** Something came. */
  heard(): void {
    if (this.#heartbeat.heard(this.#events.now())) this.#events.responsive?.()
  }

  /** @returns the round trip in milliseconds, where the pong measures it. */
  pong(nonce: number): number | undefined {
    return this.#heartbeat.pong(nonce, this.#events.now())
  }

  /** Of the last ping that was asked for. */
  get nonce(): number {
    return this.#heartbeat.nonce
  }

  stop(): void {
    this.#stopped = true
    timers.clear(this)
  }

  /** From its timer. */
  due(): void {
    if (this.#stopped) return
    const pulse = this.#heartbeat.tick(this.#events.now())
    switch (pulse) {
      case 'ping':
        this.#events.ping(this.#heartbeat.nonce)
        break
      case 'dead':
        // Where the process itself was stopped for a while, what came meanwhile is yet to be read.
        setImmediate(bury, this)
        return
      case 'unresponsive':
        this.#events.unresponsive?.()
        break
      case 'idle':
        break
      default:
        assertNever(pulse)
    }
    timers.set(this, Math.max(1, this.#heartbeat.next - this.#events.now()))
  }

  /** What came meanwhile has been read. */
  bury(): void {
    if (this.#stopped) return
    if (this.#heartbeat.tick(this.#events.now()) !== 'dead') {
      this.due()
      return
    }
    this.#stopped = true
    this.#events.dead(Math.round(this.#events.now() - this.#heartbeat.heardAt))
  }
}

const bury = (pulse: Pulse): void => pulse.bury()
