/** A heartbeat with a clock and a timer: asks for pings, tells that the peer does not answer, and once that it is dead. */
import { assertNever } from './errors.js'
import { Heartbeat, type HeartbeatOptions } from './heartbeat.js'

export interface PulseEvents {
  ping(nonce: number): void
  /** A ping stays unanswered, and nothing else came. */
  unresponsive?(): void
  /** Something came again. */
  responsive?(): void
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

  /** Something came. */
  heard(): void {
    if (this.#heartbeat.heard(this.#now())) this.#events.responsive?.()
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
      case 'unresponsive':
        this.#events.unresponsive?.()
        break
      case 'idle':
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
