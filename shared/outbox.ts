/**
 * What waits to be sent on a link, and in which order: heads, credit, resets and pings first, in the order they
 * were made; then bodies, one frame of each stream in turn, so that bulk delays a small exchange by no more than
 * one message.
 */
import { Encoder } from './codec.js'
import { type Frame, Kind } from './frames.js'
import { MAX_DATA, MESSAGE_TARGET } from './limits.js'
import type { Stream } from './stream.js'
import { SendWindow } from './window.js'

/**
 * One for all links of a process: it holds nothing between two pulls, and its buffer of a quarter MiB for each of
 * 15,000 idle links would be 4 GiB.
 */
const encoder = new Encoder()

export class Outbox {
  readonly #wake: () => void
  /** There is something to pull, and `wake` has been told. */
  #awake = false
  #control: Frame[] = []
  /** Streams with a body or an end to send, in turn. */
  #ring: Stream[] = []
  #window = new SendWindow(0)
  #openedUpTo = 0

  constructor(wake: () => void) {
    this.#wake = wake
  }

  /** The last stream whose opening has left; ids only grow, so all before it have left too. */
  get openedUpTo(): number {
    return this.#openedUpTo
  }

  /** The peer takes `window` body bytes before it acknowledges some. */
  begin(window: number): void {
    this.#window = new SendWindow(window)
  }

  /** Everything but a body. */
  push(frame: Frame): void {
    this.#control.push(frame)
    this.#rouse()
  }

  /** `stream` has bytes or an end to send. */
  ready(stream: Stream): void {
    if (stream.inRing) return
    stream.inRing = true
    this.#ring.push(stream)
    this.#rouse()
  }

  /** The peer acknowledged `bytes`. @returns whether streams may have waited for that. */
  credit(bytes: number): boolean {
    const dry = this.#window.available === 0
    this.#window.credit(bytes, 'link')
    return dry
  }

  clear(): void {
    this.#control = []
    this.#ring = []
  }

  /** The next message, or undefined where nothing is due. It is overwritten by the next `pull` of any link. */
  pull(): Uint8Array | undefined {
    this.#pullControl()
    let turns = this.#ring.length
    while (turns-- > 0 && encoder.length < MESSAGE_TARGET) {
      const stream = this.#ring.shift()!
      stream.inRing = false
      this.#pullBody(stream)
    }
    if (encoder.length > 0) return encoder.take()
    this.#awake = false
    return undefined
  }

  #rouse(): void {
    if (this.#awake) return
    this.#awake = true
    this.#wake()
  }

  #pullControl(): void {
    const control = this.#control
    if (control.length === 0) return
    let taken = 0
    while (taken < control.length && encoder.length < MESSAGE_TARGET) {
      const frame = control[taken++]!
      encoder.add(frame)
      if (frame.kind === Kind.open) this.#openedUpTo = frame.id
    }
    this.#control = taken === control.length ? [] : control.slice(taken)
  }

  #pullBody(stream: Stream): void {
    if (stream.queued > 0) {
      const room = Math.min(MAX_DATA, this.#window.available, stream.sendWindow.available)
      // Without credit it leaves the ring; credit of the stream or the link brings it back.
      if (room === 0) return
      const chunk = stream.take(room)
      this.#window.spend(chunk.length)
      encoder.addData(stream.id, chunk)
      stream.wroteSome()
    }
    const trailers = stream.takeEnd()
    if (trailers !== undefined) encoder.add({ kind: Kind.end, id: stream.id, trailers })
    else if (stream.sendable) this.ready(stream)
  }
}
