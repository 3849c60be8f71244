/**
 * Two ends of a link, a clock that stands still until it is moved, and a wire in memory: what one end gives, the
 * other gets after `latency`, in order. The wire can be cut, and can hand over frame by frame. Whatever was handed
 * over is overwritten at once: who keeps a view into a message notices.
 */
import { Encoder } from '../../shared/codec.js'
import { ProtocolError } from '../../shared/errors.js'
import { FrameReader } from '../../shared/frame-reader.js'
import type { Frame, LinkFrame, Open } from '../../shared/frames.js'
import type { PeerLimits } from '../../shared/limits.js'
import { LINK_WINDOW, MAX_STREAMS, STREAM_WINDOW } from '../../shared/limits.js'
import { Mux } from '../../shared/mux.js'
import type { Stream } from '../../shared/stream.js'
import type { StreamEvents } from '../../shared/stream-events.js'
import { WindowPool } from '../../shared/window.js'
import { Tape } from './tape.js'

export interface PairOptions {
  /** Milliseconds one way. */
  latency?: number
  /** Hand over single frames instead of messages. */
  slice?: boolean
  /** What the gateway may open on the agent's terms, and the other way round. */
  agentLimits?: Partial<PeerLimits>
  gatewayLimits?: Partial<PeerLimits>
  pool?: WindowPool
  /** Serves a stream on the agent's side; by default a `Tape` that answers nothing. */
  accept?(stream: Stream, open: Open): StreamEvents
  /** Last id that the gateway uses. */
  lastStreamId?: number
}

/** One end: its mux, what it pulled and the other has not yet got, and what it was told of the link. */
export class End {
  readonly mux: Mux
  readonly told: LinkFrame[] = []
  readonly wire: { bytes: Buffer; at: number }[] = []
  /** How often `wake` was called. */
  woken = 0
  /** How often the last stream was over, and what is done then. */
  emptied = 0
  empty = () => {}
  /** What it accused its peer of; the link is lost to both by then. */
  fault: ProtocolError | undefined
  /** Bytes that were pulled. */
  sent = 0

  constructor(pair: Pair, accept?: (stream: Stream, open: Open) => StreamEvents, lastStreamId?: number) {
    this.mux = new Mux({
      pool: pair.pool,
      now: () => pair.now,
      wake: () => this.woken++,
      early: () => pair.pullEarly(this),
      link: (frame) => this.told.push(frame),
      empty: () => {
        this.emptied++
        this.empty()
      },
      ...(accept && { accept }),
      ...(lastStreamId !== undefined && { lastStreamId }),
    })
  }
}

export class Pair {
  now = 0
  readonly pool: WindowPool
  readonly gateway: End
  readonly agent: End
  /** Frames handed over, both ways. */
  frames = 0
  /** Cut once so many frames were handed over. */
  cutAt = Number.POSITIVE_INFINITY
  #lost = false
  readonly #options: PairOptions
  readonly #reader = new FrameReader()

  constructor(options: PairOptions = {}) {
    this.#options = options
    this.pool = options.pool ?? new WindowPool()
    this.gateway = new End(this, undefined, options.lastStreamId)
    this.agent = new End(this, options.accept ?? ((stream) => new Tape(stream)))
    const limits = { streamWindow: STREAM_WINDOW, linkWindow: LINK_WINDOW, maxStreams: MAX_STREAMS }
    this.gateway.mux.begin({ ...limits, ...options.agentLimits })
    this.agent.mux.begin({ ...limits, ...options.gatewayLimits })
    const rtt = 2 * (options.latency ?? 0)
    this.gateway.mux.rtt = this.agent.mux.rtt = rtt
  }

  /** Streams open at the gateway's end and at the agent's. */
  get sizes(): [number, number] {
    return [this.gateway.mux.size, this.agent.mux.size]
  }

  /** Everything that is due now is handed over, and what follows from it, until both ends are silent. */
  drive(): this {
    while (this.step());
    return this
  }

  /** Pulls and hands over once each way. @returns whether anything moved. */
  step(): boolean {
    this.#pull(this.gateway)
    this.#pull(this.agent)
    const down = this.#hand(this.gateway, this.agent)
    return this.#hand(this.agent, this.gateway) || down
  }

  /** Moves the clock from arrival to arrival, up to `ms` from now. */
  advance(ms: number): this {
    const until = this.now + ms
    for (;;) {
      this.drive()
      const next = Math.min(this.gateway.wire[0]?.at ?? Infinity, this.agent.wire[0]?.at ?? Infinity)
      if (next > until) break
      this.now = next
    }
    this.now = until
    return this
  }

  /** Moves the clock until nothing is on its way. @returns the milliseconds that took. */
  settle(): number {
    const start = this.now
    for (this.drive(); this.gateway.wire.length + this.agent.wire.length > 0; ) {
      this.advance(
        Math.min(this.gateway.wire[0]?.at ?? Infinity, this.agent.wire[0]?.at ?? Infinity) - this.now,
      )
    }
    return this.now - start
  }

  /** The connection is gone; what was on its way never comes. */
  cut(message = 'cut'): void {
    if (this.#lost) return
    this.#lost = true
    this.gateway.wire.length = this.agent.wire.length = 0
    this.gateway.mux.lost(message)
    this.agent.mux.lost(message)
  }

  /** Hands frames to one end, as if its peer had sent each in a message, until one is a fault. */
  inject(to: End, ...frames: Frame[]): void {
    const encoder = new Encoder()
    for (const frame of frames) {
      encoder.add(frame)
      if (to.fault === undefined) this.#receive(to, Buffer.from(encoder.take()))
    }
  }

  #receive(to: End, bytes: Buffer): void {
    try {
      to.mux.receive(bytes)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      to.fault = error
      this.cut(error.message)
    }
  }

  #pull(end: End): void {
    for (let message = end.mux.pull(); message !== undefined && !this.#lost; message = end.mux.pull()) {
      this.#send(end, message)
    }
  }

  /** As an owner does who is told from inside what made the heads. */
  pullEarly(end: End): void {
    const message = this.#lost ? undefined : end.mux.pullEarly()
    if (message !== undefined) this.#send(end, message)
  }

  #send(end: End, message: Uint8Array): void {
    end.sent += message.length
    end.wire.push({ bytes: Buffer.from(message), at: this.now + (this.#options.latency ?? 0) })
  }

  #hand(from: End, to: End): boolean {
    let moved = false
    while (!this.#lost && from.wire.length > 0 && from.wire[0]!.at <= this.now) {
      const { bytes } = from.wire.shift()!
      moved = true
      for (const part of this.#parts(bytes)) {
        if (this.frames >= this.cutAt) this.cut()
        if (this.#lost) break
        this.frames++
        this.#receive(to, part)
      }
      bytes.fill(0xdd)
    }
    return moved
  }

  #parts(bytes: Buffer): Buffer[] {
    if (!this.#options.slice) return [bytes]
    const parts: Buffer[] = []
    this.#reader.begin(bytes)
    for (let at = 0; at < bytes.length; at = this.#reader.end) {
      this.#reader.read(at)
      parts.push(bytes.subarray(at, this.#reader.end))
    }
    return parts
  }
}
