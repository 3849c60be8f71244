/**
 * Streams that wait for their turn. The streams themselves are the links, so that one may leave from anywhere at no
 * cost, and nothing that left points to what came after it (why that matters, and why this is no `Set`, is told in
 * `dense-set.ts`).
 */
import type { Stream } from './stream.js'

export class StreamQueue {
  #first: Stream | undefined
  #last: Stream | undefined

  get empty(): boolean {
    return this.#first === undefined
  }

  /** Nothing happens where it stands in a queue already. */
  push(stream: Stream): void {
    if (stream.waitsIn !== undefined) return
    stream.waitsIn = this
    stream.ahead = this.#last
    if (this.#last === undefined) this.#first = stream
    else this.#last.behind = stream
    this.#last = stream
  }

  shift(): Stream | undefined {
    const first = this.#first
    if (first !== undefined) this.delete(first)
    return first
  }

  /** It stands here. */
  delete(stream: Stream): void {
    const { ahead, behind } = stream
    if (ahead === undefined) this.#first = behind
    else ahead.behind = behind
    if (behind === undefined) this.#last = ahead
    else behind.ahead = ahead
    stream.waitsIn = stream.ahead = stream.behind = undefined
  }

  /** Takes over the streams of `other`, behind its own. */
  append(other: StreamQueue): void {
    for (let stream = other.shift(); stream !== undefined; stream = other.shift()) this.push(stream)
  }
}
