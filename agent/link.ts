/**
 * The life of one link: connecting → greeting → ready → draining → closing → closed. It owns the socket and the mux;
 * when to dial again is its owner's affair.
 */
import { CloseCode } from '../shared/close-codes.js'
import { assertNever, ProtocolError } from '../shared/errors.js'
import {
  type GoAway,
  GoAwayReason,
  type Hello,
  Kind,
  type LinkFrame,
  type Open,
  type Welcome,
} from '../shared/frames.js'
import { Mux } from '../shared/mux.js'
import { Pulse } from '../shared/pulse.js'
import type { Stream } from '../shared/stream.js'
import type { StreamEvents } from '../shared/stream-events.js'
import type { WindowPool } from '../shared/window.js'
import { type DialOptions, type DialResult, dial, type LinkSocket } from './dial.js'
import type { LinkEnd } from './link-end.js'
import { Pump } from './pump.js'

export interface LinkEvents {
  /** The gateway took the link and opens streams. */
  ready(welcome: Welcome): void
  /** The gateway opens no more streams here; those that are open go on until `ended`. */
  goingAway(frame: GoAway): void
  /** Exactly once; nothing follows. */
  ended(end: LinkEnd): void
}

export interface LinkOptions {
  readonly dial: DialOptions
  readonly hello: Omit<Hello, 'kind'>
  readonly pool: WindowPool
  /** Serves a stream, or resets it. Must not throw. */
  accept(stream: Stream, open: Open): StreamEvents
  readonly events: LinkEvents
}

type Alive = { readonly socket: LinkSocket; readonly pulse: Pulse }

type State =
  | { readonly kind: 'connecting'; readonly abort: AbortController }
  | { readonly kind: 'greeting'; readonly socket: LinkSocket }
  | ({ readonly kind: 'ready' } & Alive)
  /** `quiet`: no more streams come, which the answer to a ping shows whose nonce is `from` or above. */
  | ({ readonly kind: 'draining'; readonly from: number; quiet: boolean } & Alive)
  /** A close frame is out. */
  | { readonly kind: 'closing'; readonly socket: LinkSocket; readonly end: LinkEnd }
  | { readonly kind: 'closed' }

/** A gateway that takes the upgrade and then says nothing. */
const WELCOME_TIMEOUT = 10_000
const NO_WELCOME: LinkEnd = { kind: 'silent', milliseconds: WELCOME_TIMEOUT }
/** Told apart from the heartbeat's own, which count up from 1. */
const DRAIN_NONCE = 0xffff_ffff

const now = (): number => performance.now()

export class Link {
  readonly #options: LinkOptions
  readonly #mux: Mux
  readonly #pump: Pump
  #state: State
  #timer: NodeJS.Timeout | undefined

  constructor(options: LinkOptions) {
    this.#options = options
    this.#mux = new Mux({
      pool: options.pool,
      now,
      wake: () => this.#pump.wake(),
      early: () => this.#pump.early(),
      link: this.#frame,
      accept: options.accept,
    })
    this.#pump = new Pump(this.#mux, this.#closeIfDone)
    const abort = new AbortController()
    this.#state = { kind: 'connecting', abort }
    const events = { message: this.#message, drain: this.#pump.drained, close: this.#socketClosed }
    void dial(options.dial, events, abort.signal).then(this.#dialled)
  }

  /** Asks the gateway for no more streams, lets those that are open finish, then closes. Idempotent. */
  drain(message: string): void {
    const state = this.#state
    switch (state.kind) {
      case 'connecting':
      case 'greeting':
        this.destroy()
        return
      case 'ready':
        this.#state = { ...state, kind: 'draining', from: state.pulse.nonce + 1, quiet: false }
        this.#mux.send({ kind: Kind.goAway, reason: GoAwayReason.draining, delay: 0, message })
        // What answers a ping from now on is sent after the gateway knew, so behind every stream that crossed.
        this.#mux.send({ kind: Kind.ping, nonce: DRAIN_NONCE })
        return
      case 'draining':
      case 'closing':
      case 'closed':
        return
      default:
        assertNever(state)
    }
  }

  /** Cuts it: what is in flight is lost. */
  destroy(): void {
    this.#cut({ kind: 'stopped' })
  }

  readonly #dialled = (result: DialResult): void => {
    if (this.#state.kind !== 'connecting') {
      if (result.kind === 'open') result.socket.destroy()
      return
    }
    if (result.kind !== 'open') {
      this.#end(result)
      return
    }
    this.#state = { kind: 'greeting', socket: result.socket }
    this.#pump.start(result.socket)
    this.#timer = setTimeout(() => this.#cut(NO_WELCOME), WELCOME_TIMEOUT)
    this.#mux.send({ kind: Kind.hello, ...this.#options.hello })
  }

  readonly #message = (data: Buffer, binary: boolean): void => {
    const state = this.#state
    if (state.kind === 'ready' || state.kind === 'draining') state.pulse.heard()
    else if (state.kind !== 'greeting') return
    try {
      if (!binary) throw new ProtocolError('message is text, not binary')
      this.#mux.receive(data)
    } catch (error) {
      this.#break(error)
      return
    }
    this.#closeIfDone()
  }

  readonly #frame = (frame: LinkFrame): void => {
    switch (frame.kind) {
      case Kind.hello:
        throw new ProtocolError('a gateway says no hello')
      case Kind.welcome:
        this.#welcome(frame)
        return
      case Kind.ping:
        this.#mux.send({ kind: Kind.pong, nonce: frame.nonce })
        return
      case Kind.pong:
        this.#pong(frame.nonce)
        return
      case Kind.goAway:
        this.#goAway(frame)
        return
      default:
        assertNever(frame)
    }
  }

  #welcome(welcome: Welcome): void {
    const state = this.#state
    if (state.kind !== 'greeting') throw new ProtocolError('welcome after welcome')
    const { pingInterval, pingTimeout, maxStreams, streamWindow, linkWindow } = welcome
    clearTimeout(this.#timer)
    this.#mux.begin({ maxStreams, streamWindow, linkWindow })
    const pulse = new Pulse(
      { interval: pingInterval, timeout: pingTimeout },
      {
        now,
        ping: (nonce) => this.#mux.send({ kind: Kind.ping, nonce }),
        dead: (silent) => this.#cut({ kind: 'silent', milliseconds: silent }),
      },
    )
    this.#state = { kind: 'ready', socket: state.socket, pulse }
    this.#options.events.ready(welcome)
  }

  #pong(nonce: number): void {
    const state = this.#state
    if (state.kind !== 'ready' && state.kind !== 'draining') return
    // A peer answers only the last of several pings: a later one of the heartbeat's counts as well.
    if (state.kind === 'draining' && nonce >= state.from) state.quiet = true
    this.#mux.rtt = state.pulse.pong(nonce) ?? this.#mux.rtt
  }

  #goAway(frame: GoAway): void {
    const state = this.#state
    if (state.kind !== 'ready') return
    this.#state = { ...state, kind: 'draining', from: 0, quiet: true }
    this.#options.events.goingAway(frame)
  }

  readonly #closeIfDone = (): void => {
    const state = this.#state
    if (state.kind !== 'draining' || !state.quiet || this.#mux.size > 0 || this.#pump.busy) return
    this.#close(state.socket, { kind: 'stopped' }, CloseCode.goingAway, 'drained')
  }

  /** Ours or the gateway's fault: dialling again would not mend it. */
  #break(error: unknown): void {
    const state = this.#state
    if (!('socket' in state) || state.kind === 'closing') return
    if (!(error instanceof ProtocolError)) {
      this.#cut({ kind: 'closed', code: 1011, reason: String(error) })
      return
    }
    const rule = error.message
    this.#close(state.socket, { kind: 'broken', rule }, CloseCode.protocolError, rule.slice(0, 120))
  }

  #close(socket: LinkSocket, end: LinkEnd, code: number, reason: string): void {
    this.#stop()
    this.#state = { kind: 'closing', socket, end }
    socket.close(code, reason)
    this.#mux.lost('the link was closed')
  }

  readonly #socketClosed = (code: number, reason: string, error: Error | undefined): void => {
    const state = this.#state
    if (state.kind === 'closing') this.#end(state.end)
    else this.#end({ kind: 'closed', code, reason: reason === '' ? (error?.message ?? '') : reason })
  }

  #cut(end: LinkEnd): void {
    const state = this.#state
    if (state.kind === 'connecting') state.abort.abort()
    else if (state.kind !== 'closed') state.socket.destroy()
    this.#end(end)
  }

  #end(end: LinkEnd): void {
    if (this.#state.kind === 'closed') return
    this.#stop()
    this.#state = { kind: 'closed' }
    this.#mux.lost('the link is gone')
    this.#options.events.ended(end)
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#pump.stop()
    if ('pulse' in this.#state) this.#state.pulse.stop()
  }
}
