/**
 * The streams of one link. Sans-IO: `receive` takes a message that came, `pull` gives the next one to send, and
 * `wake` is called when there is something to pull; "now" is handed in. The gateway's end opens streams (ids
 * 1, 2, 3 …), the agent's accepts them.
 */
import { Decoder } from './codec.js'
import { ProtocolError } from './errors.js'
import type { Data, Frame, Head, LinkFrame, Open, Reset, ResetCode } from './frames.js'
import { Kind } from './frames.js'
import { checkFields, checkInline, fitText } from './grammar.js'
import { LINK_WINDOW, MAX_STREAM_ID, type PeerLimits } from './limits.js'
import { Outbox } from './outbox.js'
import { Stream } from './stream.js'
import { NO_STREAM_EVENTS, type StreamEvents, type StreamHost } from './stream-events.js'
import { StreamTable } from './stream-table.js'
import type { WindowPool } from './window.js'

export interface MuxOptions {
  pool: WindowPool
  /** Milliseconds, monotonic. */
  now(): number
  /** There is something to pull. Called once until `pull` has given everything; it does not pull from inside. */
  wake(): void
  /** So many heads wait that they are worth a message now: `pullEarly` may be called from inside. */
  early?(): void
  /** A frame that is the link's affair: hello, welcome, ping, pong, going away. */
  link(frame: LinkFrame): void
  /** The peer reset a stream that was over already. One may have crossed; many are a flood. */
  staleReset?(): void
  /** The last open stream is over and nothing is left to pull: a link that drains may end. */
  empty?(): void
  /** The gateway opened a stream (agent's side). Returns who serves it. The stream may be answered or reset at once. */
  accept?(stream: Stream, open: Open): StreamEvents
  /** The last id that `open` uses, where it is not the protocol's own. */
  lastStreamId?: number
}

/** One for all links of a process: it holds nothing between two calls. */
const decoder = new Decoder()

export class Mux implements StreamHost {
  rtt = 0

  readonly #options: MuxOptions
  readonly #streams = new StreamTable()
  #peer: PeerLimits | undefined
  #lastId = 0
  readonly #outbox: Outbox
  /** Body bytes received since the last credit for the link. */
  #unacknowledged = 0
  /** Body bytes the peer may still send on the link. */
  #linkOpen = LINK_WINDOW
  /** The last open stream is over, and `empty` has not been called. */
  #emptied = false
  #lost = false

  constructor(options: MuxOptions) {
    this.#options = options
    this.#outbox = new Outbox(options)
  }

  /** Streams that are open. */
  get size(): number {
    return this.#streams.size
  }

  /** No id is left: the link must be replaced. */
  get exhausted(): boolean {
    return this.#lastId >= (this.#options.lastStreamId ?? MAX_STREAM_ID)
  }

  /** The handshake of the link is done. */
  begin(peer: PeerLimits): void {
    this.#peer = peer
    this.#outbox.begin(peer.linkWindow)
  }

  /**
   * Opens a stream (gateway's side). The caller has checked `size` against the peer's limit and `exhausted`.
   * @throws RangeError where the wire does not carry the head; no stream was opened.
   */
  open(open: Omit<Open, 'kind' | 'id'>, events: StreamEvents): Stream {
    const peer = this.#peer
    if (peer === undefined || this.#lost || this.exhausted) throw new Error('open: the link takes no streams')
    checkFields(open.headers, open.method + open.target)
    checkInline(open.body)
    const stream = new Stream(this, ++this.#lastId, 'opener', peer.streamWindow, this.#options.pool, events)
    this.#streams.add(stream)
    const { stream: kind, method, target, headers, body, end } = open
    this.#outbox.push({ kind: Kind.open, id: stream.id, stream: kind, method, target, headers, body, end })
    if (end) stream.sending = 'done'
    return stream
  }

  /** Sends a frame of the link itself. */
  send(frame: LinkFrame): void {
    this.#outbox.push(frame.kind === Kind.goAway ? { ...frame, message: fitText(frame.message) } : frame)
  }

  /**
   * Takes a message from the peer.
   * @throws ProtocolError where the peer broke the protocol: the link must end.
   */
  receive(message: Buffer): void {
    if (this.#lost) return
    decoder.decode(message, (frame) => this.#frame(frame))
    if (this.#unacknowledged >= LINK_WINDOW / 4) {
      this.#outbox.push({ kind: Kind.credit, id: 0, bytes: this.#unacknowledged })
      this.#linkOpen += this.#unacknowledged
      this.#unacknowledged = 0
    }
    this.#tellEmpty()
  }

  /** The next message to send, or undefined where nothing is due. It is overwritten by the next `pull`. */
  pull(): Uint8Array | undefined {
    const message = this.#outbox.pull()
    if (message === undefined) this.#tellEmpty()
    return message
  }

  /** A message of heads and the like alone. Nobody is told anything from inside. */
  pullEarly(): Uint8Array | undefined {
    return this.#outbox.pullControl()
  }

  /** The link is gone: every stream ends. */
  lost(message: string): void {
    this.#lost = true
    this.#outbox.close()
    for (const stream of this.#streams.values()) {
      stream.receiveReset({ kind: 'lost', sent: stream.id <= this.#outbox.openedUpTo, message })
    }
  }

  // What streams need.

  now(): number {
    return this.#options.now()
  }

  sendHead(stream: Stream, { status, reason, headers, body, end }: Omit<Head, 'kind' | 'id'>): void {
    checkFields(headers, reason ?? '')
    checkInline(body)
    this.#outbox.push({ kind: Kind.head, id: stream.id, status, reason, headers, body, end })
  }

  sendCredit(id: number, bytes: number): void {
    this.#outbox.push({ kind: Kind.credit, id, bytes })
  }

  sendReset(stream: Stream, code: ResetCode, message: string): void {
    this.#outbox.push({ kind: Kind.reset, id: stream.id, code, message: fitText(message) })
  }

  ready(stream: Stream): void {
    this.#outbox.ready(stream)
  }

  closed(stream: Stream): void {
    this.#streams.delete(stream)
    this.#outbox.forget(stream)
    if (this.#streams.size === 0) this.#emptied = true
  }

  /** Never while frames wait, nor from inside what makes them: who ends the link then would lose the last ones. */
  #tellEmpty(): void {
    if (!this.#emptied || this.#lost || this.#streams.size > 0 || !this.#outbox.idle) return
    this.#emptied = false
    this.#options.empty?.()
  }

  #frame(frame: Frame): void {
    // By an owner, while it was told of a frame before this one.
    if (this.#lost) return
    switch (frame.kind) {
      case Kind.open:
        this.#accept(frame)
        return
      case Kind.head:
        this.#find(frame)?.receiveHead(frame)
        return
      case Kind.data:
        this.#countData(frame)
        this.#find(frame)?.receiveData(frame.body)
        return
      case Kind.end:
        this.#find(frame)?.receiveEnd(frame.trailers)
        return
      case Kind.credit:
        this.#credit(frame.id, frame.bytes)
        return
      case Kind.reset:
        this.#reset(frame)
        return
      default:
        this.#options.link(frame)
    }
  }

  /** A stream that is over is no error: its frames may have crossed our reset. One that never was, is. */
  #find(frame: { kind: Kind; id: number }): Stream | undefined {
    const stream = this.#streams.get(frame.id)
    if (stream === undefined && frame.id > this.#lastId)
      throw new ProtocolError(`stream ${frame.id} was never opened`)
    return stream
  }

  #reset(frame: Reset): void {
    const stream = this.#find(frame)
    if (stream === undefined) this.#options.staleReset?.()
    else stream.receiveReset({ kind: 'peer', code: frame.code, message: frame.message })
  }

  #accept(open: Open): void {
    const { accept, pool } = this.#options
    const peer = this.#peer
    if (accept === undefined) throw new ProtocolError('an agent opens no streams')
    if (peer === undefined) throw new ProtocolError('open before welcome')
    if (open.id <= this.#lastId)
      throw new ProtocolError(`stream ${open.id}: ids only grow, the last was ${this.#lastId}`)
    if (this.size >= peer.maxStreams) throw new ProtocolError(`more than ${peer.maxStreams} streams are open`)
    this.#lastId = open.id
    const stream = new Stream(this, open.id, 'acceptor', peer.streamWindow, pool, NO_STREAM_EVENTS)
    this.#streams.add(stream)
    if (open.end) stream.receiving = 'done'
    stream.events = accept(stream, open)
  }

  #credit(id: number, bytes: number): void {
    if (id > 0) {
      const stream = this.#find({ kind: Kind.credit, id })
      if (stream === undefined) return
      stream.sendWindow.credit(bytes, `stream ${id}`)
      if (stream.sendable) this.ready(stream)
      return
    }
    this.#outbox.credit(bytes)
  }

  #countData(frame: Data): void {
    this.#linkOpen -= frame.body.length
    if (this.#linkOpen < 0) throw new ProtocolError(`link: window exceeded by ${-this.#linkOpen} bytes`)
    this.#unacknowledged += frame.body.length
  }
}
