/** Bytes that come in pieces → JSON texts, one a line. */
import { ProtocolError } from '../errors.js'
import type { SessionEvent } from './event.js'

const NEWLINE = 0x0a

export class LineReader {
  readonly #most: number
  #parts: Buffer[] = []
  #length = 0

  /** `most`: bytes of one line. */
  constructor(most: number) {
    this.#most = most
  }

  /** A line has begun and not ended. */
  get inside(): boolean {
    return this.#length > 0
  }

  /** Takes a piece, which may change afterwards. @throws ProtocolError where a line is too long. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = []
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let from = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      this.#check(end - from)
      lines.push(Buffer.concat([...this.#parts, bytes.subarray(from, end)]).toString())
      this.#parts = []
      this.#length = 0
      from = end + 1
    }
    if (from < bytes.length) {
      this.#check(bytes.length - from)
      this.#parts.push(Buffer.from(bytes.subarray(from)))
      this.#length += bytes.length - from
    }
    return lines
  }

  #check(more: number): void {
    if (this.#length + more > this.#most) throw new ProtocolError(`a line has more than ${this.#most} bytes`)
  }
}

/** What an engine has written. */
export const eventOf = (text: string): SessionEvent => JSON.parse(text) as SessionEvent
