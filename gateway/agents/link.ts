/**
 * One WebSocket of an agent, from its handshake to its end: greeting → ready ⇄ unresponsive → draining → closed.
 * It owns the link's mux and heartbeat; who is connected is the registry's affair.
 */
import { CloseCode } from '../../shared/close-codes.js'
import { assertNever, ProtocolError } from '../../shared/errors.js'
import { GoAwayReason, type Hello, Kind, type LinkFrame, type Open } from '../../shared/frames.js'
import { LINK_WINDOW, STREAM_WINDOW } from '../../shared/limits.js'
import type { Logger } from '../../shared/log.js'
import { Mux } from '../../shared/mux.js'
import { Pulse } from '../../shared/pulse.js'
import type { Stream, StreamEvents } from '../../shared/stream.js'
import type { WindowPool } from '../../shared/window.js'
import type { Socket, SocketEvents } from '../edge/engine.js'
import type { LinkClaim } from './claim.js'
import type { Instance } from './instance.js'

/** The socket gets no more while it buffers this much: more would only age there. */
const HIGH_WATER = 1024 * 1024

export type LinkState = 'greeting' | 'ready' | 'unresponsive' | 'draining' | 'closed'

export interface LinkSettings {
  version: string
  pingInterval: number
  pingTimeout: number
  helloTimeout: number
  maxStreams: number
  /** Resets of streams that were over already, per second; 0: any number. */
  maxResets: number
  pool: WindowPool
  log: Logger
  now(): number
  urls(claim: LinkClaim): string[]
}

/** Who keeps the links. */
export interface LinkOwner {
  ready(link: Link, hello: Hello): void
  /** State, or a place for a stream, changed. */
  changed(link: Link): void
  closed(link: Link, reason: string): void
}

export class Link implements SocketEvents {
  readonly id: string
  readonly claim: LinkClaim
  readonly connectedAt = new Date()
  agentVersion = ''
  /** Set by the owner when the link is ready. */
  instance: Instance | undefined
  requests = 0
  errors = 0
  /** Body bytes towards callers and from them. */
  bytesOut = 0
  bytesIn = 0

  readonly #settings: LinkSettings
  readonly #owner: LinkOwner
  readonly #mux: Mux
  #state: LinkState = 'greeting'
  #socket: Socket | undefined
  readonly #helloTimer: NodeJS.Timeout | undefined
  /** Since hello. */
  #pulse: Pulse | undefined
  #lastSeenAt = Date.now()
  #rtt: number | undefined
  #resets = 0
  #resetSecond = 0

  constructor(id: string, claim: LinkClaim, settings: LinkSettings, owner: LinkOwner) {
    this.id = id
    this.claim = claim
    this.#settings = settings
    this.#owner = owner
    const { helloTimeout, pool, now } = settings
    this.#mux = new Mux({
      pool,
      now,
      wake: () => setImmediate(this.#flush),
      link: (frame) => this.#control(frame),
      empty: () => this.#empty(),
      staleReset: () => this.#countReset(),
    })
    if (helloTimeout > 0) {
      this.#helloTimer = setTimeout(() => this.end(CloseCode.helloTimeout, 'no hello came'), helloTimeout)
    }
  }

  /** The handshake was accepted. */
  attach(socket: Socket): void {
    this.#socket = socket
  }

  get state(): LinkState {
    return this.#state
  }

  get streams(): number {
    return this.#mux.size
  }

  get hasRoom(): boolean {
    return this.#mux.size < this.#settings.maxStreams
  }

  /** Milliseconds; null until measured. */
  get rtt(): number | null {
    return this.#rtt ?? null
  }

  get lastSeenAt(): Date {
    return new Date(this.#lastSeenAt)
  }

  /** Opens a stream. Call only while `ready` and `hasRoom`. */
  open(open: Omit<Open, 'kind' | 'id'>, events: StreamEvents): Stream {
    this.requests++
    const stream = this.#mux.open(open, events)
    if (this.#mux.exhausted) this.goAway(GoAwayReason.exhausted, 0, 'stream ids are used up')
    return stream
  }

  /** No new streams; those that are open finish, then the link ends. The agent dials again after `delay` ms. */
  goAway(reason: GoAwayReason, delay: number, message: string): void {
    switch (this.#state) {
      case 'greeting':
        this.end(CloseCode.goingAway, message)
        return
      case 'ready':
      case 'unresponsive':
        this.#mux.send({ kind: Kind.goAway, reason, delay, message })
        this.#become('draining')
        // Later, so that the frame leaves before the socket ends.
        if (this.#mux.size === 0) setImmediate(() => this.#empty())
        return
      case 'draining':
      case 'closed':
        return
      default:
        assertNever(this.#state)
    }
  }

  /** Ends the link now, with a close frame. */
  end(code: number, reason: string): void {
    if (this.#state === 'closed') return
    this.#flush()
    this.#socket?.close(code, reason)
    this.#closed(reason)
  }

  // From the engine.

  message(data: Buffer, binary: boolean): void {
    if (this.#state === 'closed') return
    if (!binary) {
      this.end(CloseCode.unsupportedData, 'frames are binary messages')
      return
    }
    this.#lastSeenAt = Date.now()
    this.#pulse?.heard()
    try {
      this.#mux.receive(data)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#settings.log.warn('link broke the protocol', { ...this.names, reason: error.message })
      this.end(CloseCode.protocolError, error.message)
    }
  }

  drain(): void {
    this.#flush()
  }

  /** A link's own pings are frames. */
  pong(): void {}

  close(code: number, reason: string): void {
    this.#closed(reason === '' ? `closed with ${code}` : `closed with ${code} ${reason}`)
  }

  /** For log lines. */
  get names(): Record<string, string | number> {
    const { tunnel, instanceId, number, remoteAddress } = this.claim
    return {
      tunnel_id: tunnel.id,
      link_id: this.id,
      instance_id: instanceId,
      link: number,
      remote_address: remoteAddress,
    }
  }

  #control(frame: LinkFrame): void {
    switch (frame.kind) {
      case Kind.hello:
        this.#greet(frame)
        return
      case Kind.ping:
        this.#mux.send({ kind: Kind.pong, nonce: frame.nonce })
        return
      case Kind.pong: {
        const rtt = this.#pulse?.pong(frame.nonce)
        if (rtt === undefined) return
        this.#rtt = this.#mux.rtt = rtt
        return
      }
      case Kind.goAway:
        if (this.#state === 'ready' || this.#state === 'unresponsive') this.#become('draining')
        return
      case Kind.welcome:
        throw new ProtocolError('welcome comes from the gateway')
      default:
        assertNever(frame)
    }
  }

  #greet(hello: Hello): void {
    if (this.#state !== 'greeting') throw new ProtocolError('hello after hello')
    const { version, pingInterval, pingTimeout, maxStreams, urls } = this.#settings
    this.agentVersion = hello.agentVersion
    this.#mux.begin({ streamWindow: hello.streamWindow, linkWindow: hello.linkWindow, maxStreams })
    this.#mux.send({
      kind: Kind.welcome,
      gatewayVersion: version,
      linkId: this.id,
      pingInterval,
      pingTimeout,
      maxStreams,
      streamWindow: STREAM_WINDOW,
      linkWindow: LINK_WINDOW,
      urls: urls(this.claim),
    })
    this.#state = 'ready'
    clearTimeout(this.#helloTimer)
    this.#owner.ready(this, hello)
    // The owner may have refused it: what is over needs no heartbeat.
    if (this.state === 'closed') return
    this.#pulse = new Pulse({ interval: pingInterval, timeout: pingTimeout }, this.#settings.now, {
      ping: (nonce) => this.#mux.send({ kind: Kind.ping, nonce }),
      unresponsive: () => this.#state === 'ready' && this.#become('unresponsive'),
      responsive: () => this.#state === 'unresponsive' && this.#become('ready'),
      dead: (silent) => this.#dead(silent),
    })
  }

  #dead(silent: number): void {
    this.#settings.log.warn('link is dead', { ...this.names, silent_ms: silent })
    this.#socket?.destroy()
    this.#closed('the agent fell silent')
  }

  /** A reset that answers a stream is bounded by the streams that we open; one that hits none is bounded here. */
  #countReset(): void {
    const second = Math.floor(this.#settings.now() / 1000)
    if (second !== this.#resetSecond) {
      this.#resetSecond = second
      this.#resets = 0
    }
    const { maxResets, log } = this.#settings
    if (maxResets === 0 || ++this.#resets <= maxResets) return
    log.warn('link resets too much', { ...this.names, resets: this.#resets })
    this.end(CloseCode.policy, `more than ${maxResets} resets a second`)
  }

  #become(state: LinkState): void {
    this.#state = state
    this.#owner.changed(this)
  }

  #empty(): void {
    if (this.#state === 'draining') this.end(CloseCode.goingAway, 'drained')
  }

  readonly #flush = (): void => {
    const socket = this.#socket
    if (socket === undefined || this.#state === 'closed') return
    while (socket.bufferedAmount < HIGH_WATER) {
      const message = this.#mux.pull()
      if (message === undefined) return
      if (!socket.send(message, true)) {
        this.#closed('the socket took no more')
        return
      }
    }
  }

  #closed(reason: string): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearTimeout(this.#helloTimer)
    this.#pulse?.stop()
    // Out of the registry first: what the lost streams do next must not pick this link again.
    this.#owner.closed(this, reason)
    this.#mux.lost(reason)
  }
}
