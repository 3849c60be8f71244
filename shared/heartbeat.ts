/**
 * When to ping, when a peer is unresponsive, when it is dead. Sans-IO: the owner calls `tick` at `next` and does
 * what it says; the clock (milliseconds, monotonic) is handed in.
 *
 * A link silent for interval + timeout is dead. Anything that comes proves life; only a pong measures.
 */
import { assertNever } from './errors.js'

export interface HeartbeatOptions {
  interval: number
  timeout: number
}

/** What is to be done, or said, now. */
type Due = 'idle' | 'ping' | 'unresponsive' | 'dead'

type State =
  /** Nothing asked; the next ping is due at `pingAt`. */
  | { kind: 'quiet'; pingAt: number }
  | { kind: 'waiting'; sentAt: number }
  | { kind: 'unresponsive'; sentAt: number }

export class Heartbeat {
  readonly #interval: number
  readonly #timeout: number
  #state: State
  #heardAt: number
  #nonce = 0
  /** When the ping was sent that no pong has answered. */
  #pingedAt: number | undefined

  constructor(options: HeartbeatOptions, now: number) {
    this.#interval = options.interval
    this.#timeout = options.timeout
    this.#heardAt = now
    // The first ping goes out at once: flow control wants to know the round trip.
    this.#state = { kind: 'quiet', pingAt: now }
  }

  /** When something last came. */
  get heardAt(): number {
    return this.#heardAt
  }

  get unresponsive(): boolean {
    return this.#state.kind === 'unresponsive'
  }

  /** A ping may stay unanswered for this long before the peer counts as unresponsive. */
  get patience(): number {
    return Math.min(1000, this.#timeout / 4)
  }

  /** When `tick` is due. */
  get next(): number {
    const deadAt = this.#heardAt + this.#interval + this.#timeout
    switch (this.#state.kind) {
      case 'quiet':
        return Math.min(this.#state.pingAt, deadAt)
      case 'waiting':
        return Math.min(this.#state.sentAt + this.patience, deadAt)
      case 'unresponsive':
        return deadAt
      default:
        return assertNever(this.#state)
    }
  }

  /** `ping`: send one with the `nonce` given now. `unresponsive` is said once for each ping missed. */
  tick(now: number): Due {
    if (now >= this.#heardAt + this.#interval + this.#timeout) return 'dead'
    switch (this.#state.kind) {
      case 'quiet':
        if (now < this.#state.pingAt) return 'idle'
        this.#nonce = (this.#nonce + 1) >>> 0
        this.#state = { kind: 'waiting', sentAt: now }
        this.#pingedAt = now
        return 'ping'
      case 'waiting':
        if (now < this.#state.sentAt + this.patience) return 'idle'
        if (this.#heardAt > this.#state.sentAt) {
          // It talks, its pong waits behind bulk: that is no silence. Ask again later.
          this.#state = { kind: 'quiet', pingAt: now + this.#interval }
          return 'idle'
        }
        this.#state = { ...this.#state, kind: 'unresponsive' }
        return 'unresponsive'
      case 'unresponsive':
        return 'idle'
      default:
        return assertNever(this.#state)
    }
  }

  get nonce(): number {
    return this.#nonce
  }

  /** Something came. @returns whether the peer was unresponsive until now. */
  heard(now: number): boolean {
    this.#heardAt = now
    if (this.#state.kind !== 'unresponsive') return false
    this.#state = { kind: 'quiet', pingAt: now + this.#interval }
    return true
  }

  /** @returns the round trip in milliseconds, where the pong answers the ping that is out. */
  pong(nonce: number, now: number): number | undefined {
    if (nonce !== this.#nonce || this.#pingedAt === undefined) return undefined
    const rtt = now - this.#pingedAt
    this.#pingedAt = undefined
    this.#state = { kind: 'quiet', pingAt: now + this.#interval }
    return rtt
  }
}
