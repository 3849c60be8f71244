/**
 * What waits to be sent on a link, and in which order: heads, credit, resets and pings first, in the order they
 * were made; then bodies, one frame of each stream in turn, so that bulk delays a small exchange by no more than
 * one message.
 */
import { Encoder } from './codec.js'
import { type Frame, Kind, type Pong } from './frames.js'
import { MAX_DATA, MESSAGE_TARGET } from './limits.js'
import type { Stream } from './stream.js'
import { StreamQueue } from './stream-queue.js'
import { SendWindow } from './window.js'

/**
 * So many heads are a message of their own before the turn is over: the peer begins on them while the rest of the
 * turn's are still made. With all in one message the two ends take turns, and one core of two is idle (64 callers:
 * a fifth to a third fewer requests a second).
 */
const EARLY = 16

/**
 * One for all links of a process: it holds nothing between two pulls, and its buffer of a quarter MiB for each of
 * 15,000 idle links would be 4 GiB.
 */
const encoder = new Encoder()

export interface OutboxHost {
  /** There is something to pull. */
  wake(): void
  /** So many heads wait that they are worth a message now: `pullControl`, from inside or not at all. */
  early?(): void
}

const NO_FRAMES: readonly Frame[] = []

export class Outbox {
  readonly #host: OutboxHost
  /** There is something to pull, and `wake` has been told. */
  #awake = false
  #closed = false
  // Most links of a large fleet are idle: what is made when it is first needed they do without.
  #control: Frame[] | undefined
  /**
   * The answer to the last ping alone: a peer that pings without reading fills no queue. It goes behind all control:
   * who sent going away and then a ping relies on it that no stream was opened before and is still on its way.
   */
  #pong: Pong | undefined
  /** Streams with a body or an end to send, in turn. */
  #ring = new StreamQueue()
  /** Streams whose turn came while the link's window was empty, in that order: theirs is the next credit. */
  #dry: StreamQueue | undefined
  /** Streams whose writers wait and have room since the last message. */
  #drained: Stream[] | undefined
  #window = new SendWindow(0)
  #openedUpTo = 0

  constructor(host: OutboxHost) {
    this.#host = host
  }

  /** Nothing waits to be pulled. */
  get idle(): boolean {
    return !this.#awake
  }

  /** The last stream whose opening has left; ids only grow, so all before it have left too. */
  get openedUpTo(): number {
    return this.#openedUpTo
  }

  /** The peer takes `window` body bytes before it acknowledges some. */
  begin(window: number): void {
    this.#window = new SendWindow(window)
  }

  /** Everything but a body. Best made by name: a spread behind other properties goes one by one, uncompiled. */
  push(frame: Frame): void {
    if (this.#closed) return
    if (frame.kind === Kind.pong) this.#pong = frame
    else (this.#control ??= []).push(frame)
    this.#rouse()
    if (this.#control !== undefined && this.#control.length >= EARLY) this.#host.early?.()
  }

  /** `stream` has bytes or an end to send. */
  ready(stream: Stream): void {
    if (this.#closed) return
    this.#ring.push(stream)
    this.#rouse()
  }

  /** `stream` is over. */
  forget(stream: Stream): void {
    stream.waitsIn?.delete(stream)
  }

  /** The peer acknowledged `bytes`. */
  credit(bytes: number): void {
    this.#window.credit(bytes, 'link')
    if (this.#dry === undefined || this.#dry.empty) return
    this.#ring.append(this.#dry)
    this.#rouse()
  }

  /** The link is gone: nothing is taken or given any more. */
  close(): void {
    this.#closed = true
    this.#control = undefined
    this.#pong = undefined
    this.#ring = new StreamQueue()
    this.#dry = undefined
    this.#drained = undefined
  }

  /** The next message, or undefined where nothing is due. It is overwritten by the next `pull` of any link. */
  pull(): Uint8Array | undefined {
    // Writers are told before anything is packed: what they do or throw cannot tear a message.
    for (let stream = this.#drained?.shift(); stream !== undefined; stream = this.#drained?.shift()) {
      stream.wroteSome()
    }
    // Left behind only where packing threw; it must not reach another link.
    encoder.take()
    this.#packControl()
    while (encoder.length < MESSAGE_TARGET) {
      const stream = this.#ring.shift()
      if (stream === undefined) break
      this.#pullBody(stream)
    }
    if (encoder.length > 0) return encoder.take()
    this.#awake = false
    return undefined
  }

  /** A message of what goes before bodies; nobody is told anything from inside. It is overwritten like the others. */
  pullControl(): Uint8Array | undefined {
    encoder.take()
    this.#packControl()
    return encoder.length > 0 ? encoder.take() : undefined
  }

  #rouse(): void {
    if (this.#awake) return
    this.#awake = true
    this.#host.wake()
  }

  #packControl(): void {
    const control = this.#control ?? NO_FRAMES
    let taken = 0
    while (taken < control.length && encoder.length < MESSAGE_TARGET) {
      const frame = control[taken++]!
      encoder.add(frame)
      if (frame.kind === Kind.open) this.#openedUpTo = frame.id
    }
    if (taken < control.length) {
      this.#control = control.slice(taken)
      return
    }
    this.#control = undefined
    if (this.#pong !== undefined) encoder.add(this.#pong)
    this.#pong = undefined
  }

  #pullBody(stream: Stream): void {
    if (stream.queued > 0) {
      const room = Math.min(MAX_DATA, this.#window.available, stream.sendWindow.available)
      if (room === 0) {
        // Credit of the stream brings it back through `ready`.
        if (this.#window.available === 0) (this.#dry ??= new StreamQueue()).push(stream)
        return
      }
      const chunk = stream.take(room)
      this.#window.spend(chunk.length)
      encoder.addData(stream.id, chunk)
      stream.copied(chunk)
      if (stream.drained) (this.#drained ??= []).push(stream)
    }
    const trailers = stream.takeEnd()
    if (trailers !== undefined) encoder.add({ kind: Kind.end, id: stream.id, trailers })
    else if (stream.sendable) this.ready(stream)
  }
}
