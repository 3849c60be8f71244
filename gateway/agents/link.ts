/**
 * One agent's link, from its handshake to its end: greeting → ready ⇄ unresponsive → draining → closed. Its streams
 * run over a wire; who is connected is the registry's affair.
 */
import { CloseCode } from '../../shared/close-codes.js'
import { assertNever, ProtocolError } from '../../shared/errors.js'
import { GoAwayReason, type Hello, Kind, type Open } from '../../shared/frames.js'
import { LINK_WINDOW, STREAM_WINDOW } from '../../shared/limits.js'
import type { Stream } from '../../shared/stream.js'
import type { StreamEvents } from '../../shared/stream-events.js'
import type { LinkRight } from './accept.js'
import type { LinkClaim } from './claim.js'
import type { Instance } from './instance.js'
import type { EndCause, LinkOwner, LinkPlace, LinkSettings } from './link-owner.js'
import { Wire, type WireHost } from './wire.js'

export type LinkState = 'greeting' | 'ready' | 'unresponsive' | 'draining' | 'closed'

export class Link implements WireHost {
  readonly id: string
  readonly claim: LinkClaim
  readonly wire: Wire
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
  readonly #right: LinkRight
  readonly #connectedAt = Date.now()
  #state: LinkState = 'greeting'
  /** Why it ends, once it does. */
  #cause: EndCause = 'ended'
  #helloTimer: NodeJS.Timeout | undefined

  constructor(id: string, claim: LinkClaim, settings: LinkSettings, { owner, right }: LinkPlace) {
    this.id = id
    this.claim = claim
    this.#settings = settings
    this.#owner = owner
    this.#right = right
    this.wire = new Wire(this, settings)
    const { helloTimeout } = settings
    if (helloTimeout > 0) {
      this.#helloTimer = setTimeout(() => this.end(CloseCode.helloTimeout, 'no hello came'), helloTimeout)
    }
  }

  get state(): LinkState {
    return this.#state
  }

  get streams(): number {
    return this.wire.streams
  }

  /** It may carry one more stream: there is room, and its credential is still good. */
  get hasRoom(): boolean {
    return this.wire.streams < this.#settings.maxStreams && this.#right.holds()
  }

  /** Milliseconds; null until measured. */
  get rtt(): number | null {
    return this.wire.rtt === 0 ? null : this.wire.rtt
  }

  get connectedAt(): Date {
    return new Date(this.#connectedAt)
  }

  get lastSeenAt(): Date {
    return new Date(this.wire.seenAt)
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

  /** Opens a stream. Call only while `ready` and `hasRoom`. */
  open(open: Omit<Open, 'kind' | 'id'>, events: StreamEvents): Stream {
    this.requests++
    const stream = this.wire.open(open, events)
    if (this.wire.exhausted) this.goAway(GoAwayReason.exhausted, 0, 'stream ids are used up')
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
        this.wire.send({ kind: Kind.goAway, reason, delay, message })
        this.#become('draining')
        // Later, so that the frame leaves before the socket ends.
        if (this.wire.streams === 0) setImmediate(() => this.empty())
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
    this.wire.end(code, reason)
  }

  /** The same, for another link that has its place by now. */
  giveWay(): void {
    this.#cause = 'replaced'
    this.end(CloseCode.replaced, 'replaced by a new link')
  }

  // From the wire.

  hello(hello: Hello): void {
    if (this.#state !== 'greeting') throw new ProtocolError('hello after hello')
    const { version, pingInterval, pingTimeout, maxStreams, urls } = this.#settings
    const { streamWindow, linkWindow } = hello
    this.agentVersion = hello.agentVersion
    this.wire.begin({ streamWindow, linkWindow, maxStreams })
    this.wire.send({
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
    this.#stopWaiting()
    this.#owner.ready(this, hello)
    // Only now: the owner may have refused the link, and what is over needs no heartbeat.
    this.wire.supervise()
  }

  leaving(): void {
    if (this.#state === 'ready' || this.#state === 'unresponsive') this.#become('draining')
  }

  responsive(answers: boolean): void {
    if (answers && this.#state === 'unresponsive') this.#become('ready')
    else if (!answers && this.#state === 'ready') this.#become('unresponsive')
  }

  empty(): void {
    if (this.#state === 'draining') this.end(CloseCode.goingAway, 'drained')
  }

  over(reason: string): void {
    this.#state = 'closed'
    this.#stopWaiting()
    this.#right.release()
    this.#owner.closed(this, this.#cause, reason)
  }

  warn(message: string, facts: Record<string, unknown>): void {
    this.#settings.log.warn(message, { ...this.names, ...facts })
  }

  #become(state: LinkState): void {
    this.#state = state
    this.#owner.changed(this)
  }

  #stopWaiting(): void {
    clearTimeout(this.#helloTimer)
    this.#helloTimer = undefined
  }
}
