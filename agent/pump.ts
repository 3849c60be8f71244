/** Moves what a mux has to send into a socket: once a turn of the loop, in one write, and no more than is good. */
import type { LinkSocket } from './dial.js'

/** Past this much in the socket the rest waits in the streams, where pings and heads still overtake it. */
const HIGH_WATER = 1024 * 1024

type State =
  | { readonly kind: 'idle' }
  /** The flush of this turn is scheduled. */
  | { readonly kind: 'due' }
  /** The socket is full; its drain goes on. */
  | { readonly kind: 'blocked' }
  | { readonly kind: 'stopped' }

const IDLE: State = { kind: 'idle' }
const DUE: State = { kind: 'due' }
const BLOCKED: State = { kind: 'blocked' }

export class Pump {
  readonly #pull: () => Uint8Array | undefined
  readonly #emptied: () => void
  #socket: LinkSocket | undefined
  #state: State = IDLE

  /** `pull` gives the next message, `emptied` is told when none is left. */
  constructor(pull: () => Uint8Array | undefined, emptied: () => void) {
    this.#pull = pull
    this.#emptied = emptied
  }

  /** Something is still to be handed over. */
  get busy(): boolean {
    return this.#state.kind === 'due' || this.#state.kind === 'blocked'
  }

  start(socket: LinkSocket): void {
    this.#socket = socket
  }

  /** There is something to pull. */
  wake(): void {
    if (this.#state.kind !== 'idle') return
    this.#state = DUE
    setImmediate(this.#flush)
  }

  readonly drained = (): void => {
    if (this.#state.kind === 'blocked') this.#flush()
  }

  stop(): void {
    this.#state = { kind: 'stopped' }
  }

  readonly #flush = (): void => {
    const socket = this.#socket
    if (socket === undefined || this.#state.kind === 'stopped') return
    this.#state = IDLE
    socket.cork()
    for (;;) {
      if (socket.buffered >= HIGH_WATER) {
        this.#state = BLOCKED
        break
      }
      const message = this.#pull()
      if (message === undefined) break
      socket.send(message)
    }
    socket.uncork()
    if (this.#state.kind === 'idle') this.#emptied()
  }
}
