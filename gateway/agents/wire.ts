/**
 * A mux over a socket, kept alive by a pulse: what a link stands on. It ends once, by itself or because it was told
 * to, and says why; what a link is for is its host's affair.
 *
 * It is the host of its own mux and pulse: 15,000 idle links would each keep a dozen closures else.
 */
import { CloseCode } from '../../shared/close-codes.js'
import { assertNever, ProtocolError } from '../../shared/errors.js'
import { type GoAway, type Hello, Kind, type LinkFrame, type Open } from '../../shared/frames.js'
import type { PeerLimits } from '../../shared/limits.js'
import { Mux, type MuxOptions } from '../../shared/mux.js'
import { Pulse, type PulseEvents } from '../../shared/pulse.js'
import type { Stream } from '../../shared/stream.js'
import type { StreamEvents } from '../../shared/stream-events.js'
import type { WindowPool } from '../../shared/window.js'
import type { Socket, SocketEvents } from '../edge/engine.js'
import { Flood } from './flood.js'
import type { LinkSettings } from './link-owner.js'

/** The socket gets no more while it buffers this much: more would only age there. */
const HIGH_WATER = 1024 * 1024

/** What a wire tells. */
export interface WireHost {
  hello(frame: Hello): void
  /** The agent takes no more streams. */
  leaving(frame: GoAway): void
  /** A ping stays unanswered, or no longer. */
  responsive(answers: boolean): void
  /** The last stream is over and nothing is left to send. */
  empty(): void
  /** Exactly once, before the streams that are open are lost. */
  over(reason: string): void
  /** Something worth a line in the log. */
  warn(message: string, facts: Record<string, unknown>): void
}

export class Wire implements SocketEvents, MuxOptions, PulseEvents {
  readonly pool: WindowPool
  readonly #host: WireHost
  readonly #settings: LinkSettings
  readonly #mux: Mux
  #socket: Socket | undefined
  #over = false
  /** Since hello. */
  #pulse: Pulse | undefined
  #flood: Flood | undefined
  #seenAt = Date.now()

  constructor(host: WireHost, settings: LinkSettings) {
    this.#host = host
    this.#settings = settings
    this.pool = settings.pool
    this.#mux = new Mux(this)
  }

  /** The handshake was accepted. */
  attach(socket: Socket): void {
    this.#socket = socket
  }

  get streams(): number {
    return this.#mux.size
  }

  /** No further stream can be opened on it, ever. */
  get exhausted(): boolean {
    return this.#mux.exhausted
  }

  /** Milliseconds; 0 until measured. */
  get rtt(): number {
    return this.#mux.rtt
  }

  /** When anything last came; milliseconds since the epoch. */
  get seenAt(): number {
    return this.#seenAt
  }

  open(open: Omit<Open, 'kind' | 'id'>, events: StreamEvents): Stream {
    return this.#mux.open(open, events)
  }

  send(frame: LinkFrame): void {
    this.#mux.send(frame)
  }

  /** The peer has introduced itself: streams may be opened, and its silence counts. */
  begin(peer: PeerLimits): void {
    this.#mux.begin(peer)
  }

  /** Its silence counts from now on. */
  supervise(): void {
    const { pingInterval: interval, pingTimeout: timeout } = this.#settings
    if (!this.#over) this.#pulse = new Pulse({ interval, timeout }, this)
  }

  /** Ends it with a close frame. */
  end(code: number, reason: string): void {
    if (this.#over) return
    this.flush()
    this.#socket?.close(code, reason)
    this.#end(reason)
  }

  // From the engine.

  message(data: Buffer, binary: boolean): void {
    if (this.#over) return
    if (!binary) {
      this.end(CloseCode.unsupportedData, 'frames are binary messages')
      return
    }
    this.#seenAt = Date.now()
    this.#pulse?.heard()
    try {
      this.#mux.receive(data)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#host.warn('link broke the protocol', { reason: error.message })
      this.end(CloseCode.protocolError, error.message)
    }
  }

  drain(): void {
    this.flush()
  }

  /** A link's own pings are frames. */
  pong(): void {}

  close(code: number, reason: string): void {
    this.#end(reason === '' ? `closed with ${code}` : `closed with ${code} ${reason}`)
  }

  // From the mux.

  now(): number {
    return this.#settings.now()
  }

  wake(): void {
    setImmediate(flush, this)
  }

  /** A socket that takes no more is told of by the flush that is due anyway: this is inside of who knows what. */
  early(): void {
    const socket = this.#socket
    if (socket === undefined || this.#over || socket.bufferedAmount >= HIGH_WATER) return
    const message = this.#mux.pullEarly()
    if (message !== undefined) socket.send(message, true)
  }

  link(frame: LinkFrame): void {
    switch (frame.kind) {
      case Kind.hello:
        this.#host.hello(frame)
        return
      case Kind.ping:
        this.#mux.send({ kind: Kind.pong, nonce: frame.nonce })
        return
      case Kind.pong:
        this.#ponged(this.#pulse?.pong(frame.nonce))
        return
      case Kind.goAway:
        this.#host.leaving(frame)
        return
      case Kind.welcome:
        throw new ProtocolError('welcome comes from the gateway')
      default:
        assertNever(frame)
    }
  }

  empty(): void {
    this.#host.empty()
  }

  /** A reset that answers a stream is bounded by the streams that we open; one that hits none is bounded here. */
  staleReset(): void {
    const { maxResets } = this.#settings
    this.#flood ??= new Flood(maxResets)
    if (!this.#flood.count(this.now())) return
    this.#host.warn('link resets too much', { most: maxResets })
    this.end(CloseCode.policy, `more than ${maxResets} resets a second`)
  }

  #ponged(rtt: number | undefined): void {
    if (rtt === undefined) return
    this.#mux.rtt = rtt
    this.#settings.measured?.(rtt)
  }

  // From the pulse.

  ping(nonce: number): void {
    this.#mux.send({ kind: Kind.ping, nonce })
  }

  unresponsive(): void {
    this.#host.responsive(false)
  }

  responsive(): void {
    this.#host.responsive(true)
  }

  dead(silent: number): void {
    this.#host.warn('link is dead', { silent_ms: silent })
    this.#socket?.destroy()
    this.#end('the agent fell silent')
  }

  /** Hands what is due to the socket. */
  flush(): void {
    const socket = this.#socket
    if (socket === undefined || this.#over) return
    while (socket.bufferedAmount < HIGH_WATER) {
      const message = this.#mux.pull()
      if (message === undefined) return
      if (!socket.send(message, true)) {
        this.#end('the socket took no more')
        return
      }
    }
  }

  #end(reason: string): void {
    if (this.#over) return
    this.#over = true
    this.#pulse?.stop()
    // First of all: what the lost streams do next must not come to this link again.
    this.#host.over(reason)
    this.#mux.lost(reason)
  }
}

const flush = (wire: Wire): void => wire.flush()
