/**
 * What callers' WebSockets have sent that their upstreams have not taken. The engine cannot stop reading a socket, so
 * this is bounded: for each socket, and for all of them.
 */

/** What may wait on one socket beyond a message of the largest size. */
const SLACK = 1024 * 1024

/** What may wait on all sockets of a gateway together. */
const TOTAL = 256 * 1024 * 1024

/** Of all sockets, in bytes. */
export class Backlog {
  bytes = 0
}

/** Of one socket. */
export class Waiting {
  readonly #backlog: Backlog
  readonly #most: number
  #bytes = 0

  /** `maxMessage`: bytes; 0 where messages have no bound. */
  constructor(backlog: Backlog, maxMessage: number) {
    this.#backlog = backlog
    this.#most = maxMessage === 0 ? TOTAL : maxMessage + SLACK
  }

  /** `bytes` wait now. @returns whether that is more than may be. */
  tooMuch(bytes: number): boolean {
    this.#backlog.bytes += bytes - this.#bytes
    this.#bytes = bytes
    return bytes > this.#most || this.#backlog.bytes > TOTAL
  }
}
