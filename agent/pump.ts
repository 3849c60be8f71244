/** Moves what a mux has to send into a socket: once a turn of the loop, in one write, and no more than is good. */
import type { Mux } from '../shared/mux.js'
import type { LinkSocket } from './dial.js'

/** Past this much in the socket the rest waits in the streams, where pings and heads still overtake it. */
const HIGH_WATER = 1024 * 1024

/** The next message of all that waits, and of heads alone. */
type PumpSource = Pick<Mux, 'pull' | 'pullEarly'>

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
  readonly #mux: PumpSource
  readonly #emptied: () => void
  #socket: LinkSocket | undefined
  #state: State = IDLE

  /** `emptied` is told when nothing is left to send. */
  constructor(mux: PumpSource, emptied: () => void) {
    this.#mux = mux
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

  /** Heads that are not to wait for the end of the turn. */
  early(): void {
    const socket = this.#socket
    if (socket === undefined || this.#state.kind !== 'due' || socket.buffered >= HIGH_WATER) return
    const message = this.#mux.pullEarly()
    if (message !== undefined) socket.send(message)
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
      const message = this.#mux.pull()
      if (message === undefined) break
      socket.send(message)
    }
    socket.uncork()
    if (this.#state.kind === 'idle') this.#emptied()
  }
}
