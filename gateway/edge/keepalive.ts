/** When to ping a caller's socket, and when it is dead. Sans-IO: the clock, in milliseconds, is handed in. */
export interface KeepaliveOptions {
  readonly pingInterval: number
  readonly pingTimeout: number
}

/**
 * A socket silent for interval + timeout is dead, if it was asked and had the timeout to answer: where the gateway
 * itself stood still, nobody was asked.
 */
export class Keepalive {
  readonly #options: KeepaliveOptions
  #heardAt: number
  #pingedAt: number
  /** Of the first ping since something came; before that, it says nothing. */
  #askedAt: number

  constructor(options: KeepaliveOptions, now: number) {
    this.#options = options
    this.#heardAt = this.#pingedAt = this.#askedAt = now
  }

  /** Something came. */
  heard(now: number): void {
    this.#heardAt = now
  }

  /** `ping`: send one now. */
  look(now: number): 'idle' | 'ping' | 'dead' {
    const { pingInterval, pingTimeout } = this.#options
    const asked = this.#askedAt > this.#heardAt
    if (asked && now - this.#heardAt >= pingInterval + pingTimeout && now - this.#askedAt >= pingTimeout)
      return 'dead'
    if (now - this.#pingedAt < pingInterval) return 'idle'
    this.#pingedAt = now
    if (!asked) this.#askedAt = now
    return 'ping'
  }
}
