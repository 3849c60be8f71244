/** A heartbeat with a clock and a timer: asks for pings, and tells once that the peer is dead. */
import { assertNever } from '../shared/errors.js'
import { Heartbeat, type HeartbeatOptions } from '../shared/heartbeat.js'

export interface PulseEvents {
  ping(nonce: number): void
  /** Nothing was heard for `silent` milliseconds. Nothing follows. */
  dead(silent: number): void
}

export class Pulse {
  readonly #heartbeat: Heartbeat
  readonly #now: () => number
  readonly #events: PulseEvents
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  /** `now` in milliseconds, monotonic. The first ping is asked for at once. */
  constructor(options: HeartbeatOptions, now: () => number, events: PulseEvents) {
    this.#heartbeat = new Heartbeat(options, now())
    this.#now = now
    this.#events = events
    this.#beat()
  }

  /** The last ping's; they count up from 1. */
  get nonce(): number {
    return this.#heartbeat.nonce
  }

  /** Something came. */
  heard(): void {
    this.#heartbeat.heard(this.#now())
  }

  /** @returns the round trip in milliseconds, where the pong measures it. */
  pong(nonce: number): number | undefined {
    return this.#heartbeat.pong(nonce, this.#now())
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  readonly #beat = (): void => {
    if (this.#stopped) return
    const pulse = this.#heartbeat.tick(this.#now())
    switch (pulse) {
      case 'ping':
        this.#events.ping(this.#heartbeat.nonce)
        break
      case 'dead':
        // Where the process itself was stopped for a while, what came meanwhile is yet to be read.
        setImmediate(this.#bury)
        return
      case 'idle':
      case 'unresponsive':
        break
      default:
        assertNever(pulse)
    }
    this.#timer = setTimeout(this.#beat, Math.max(1, this.#heartbeat.next - this.#now()))
  }

  readonly #bury = (): void => {
    if (this.#stopped) return
    if (this.#heartbeat.tick(this.#now()) !== 'dead') {
      this.#beat()
      return
    }
    this.#stopped = true
    this.#events.dead(Math.round(this.#now() - this.#heartbeat.heardAt))
  }
}
