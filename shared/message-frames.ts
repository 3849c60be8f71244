/**
 * What a WebSocket stream's data is: RFC 6455 frames (§5.2) without masks and extensions, text, binary,
 * continuation and close only. Pings stay on each hop. The mux below counts their bytes as it counts any body's,
 * so that an empty message costs credit too.
 */
import { isUtf8 } from 'node:buffer'
import { ProtocolError } from './errors.js'

const Opcode = { continuation: 0, text: 1, binary: 2, close: 8 } as const

/** Reason of a close frame, in bytes (RFC 6455 §5.5). */
const MAX_REASON = 123

/** The two pieces of one unfragmented message; the payload is not copied. */
export function messageFrame(
  binary: boolean,
  payload: Uint8Array,
): [header: Uint8Array, payload: Uint8Array] {
  const first = 0x80 | (binary ? Opcode.binary : Opcode.text)
  const { length } = payload
  if (length < 126) return [Uint8Array.of(first, length), payload]
  if (length < 0x1_0000) return [Uint8Array.of(first, 126, length >> 8, length & 0xff), payload]
  const header = Buffer.alloc(10)
  header[0] = first
  header[1] = 127
  header.writeUInt32BE(Math.floor(length / 0x1_0000_0000), 2)
  header.writeUInt32BE(length >>> 0, 6)
  return [header, payload]
}

/** A close frame; 1005 (no code was given) has no payload. A reason that is too long is cut at a character. */
export function closeFrame(code: number, reason: string): Uint8Array {
  if (code === 1005) return Uint8Array.of(0x80 | Opcode.close, 0)
  let text = Buffer.from(reason)
  if (text.length > MAX_REASON) {
    let end = MAX_REASON
    while ((text[end]! & 0xc0) === 0x80) end--
    text = text.subarray(0, end)
  }
  return Buffer.concat([Uint8Array.of(0x80 | Opcode.close, 2 + text.length, code >> 8, code & 0xff), text])
}

export interface MessageEvents {
  message(payload: Buffer, binary: boolean): void
  /** The peer's close frame; 1005 where it held no code. Nothing follows. */
  close(code: number, reason: string): void
}

/** A message is larger than the reader takes. */
export class MessageTooBig extends Error {
  override readonly name = 'MessageTooBig'
}

type State =
  /** Collecting the 2 to 10 bytes of a frame's header. */
  { kind: 'header' } | { kind: 'payload'; opcode: number; fin: boolean; left: number } | { kind: 'closed' }

const HEADER: State = { kind: 'header' }
const EMPTY = Buffer.alloc(0)

export class MessageReader {
  readonly #max: number
  readonly #events: MessageEvents
  #state: State = HEADER
  readonly #header: number[] = []
  /** Payload of the message so far, over all its frames: one view of the bytes that are being read, or else … */
  #view: Buffer = EMPTY
  /** … memory of its own, filled so far. One piece of it: a peer that sends single bytes is to cost no more. */
  #owned: Buffer = EMPTY
  #filled = 0
  /** What the headers of its frames declare. */
  #size = 0
  /** Opcode of the message under way; undefined between messages. */
  #opcode: number | undefined

  /** `max`: bytes of a message; 0: any size. */
  constructor(max: number, events: MessageEvents) {
    this.#max = max
    this.#events = events
  }

  /**
   * Takes the next bytes of the stream, which are only read now: a message may be told as a view of them.
   * @throws ProtocolError for what is no such frame, MessageTooBig.
   */
  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length || this.#isComplete()) {
      switch (this.#state.kind) {
        case 'header':
          this.#header.push(chunk[at++]!)
          this.#readHeader()
          break
        case 'payload': {
          const take = Math.min(this.#state.left, chunk.length - at)
          if (take > 0) this.#add(Buffer.from(chunk.buffer, chunk.byteOffset + at, take))
          at += take
          this.#state.left -= take
          if (this.#state.left === 0) this.#finishFrame(this.#state.opcode, this.#state.fin)
          break
        }
        case 'closed':
          throw new ProtocolError('data after a close frame')
      }
    }
    // What is not told yet needs memory of its own.
    this.#own()
  }

  #add(piece: Buffer): void {
    if (this.#filled === 0 && this.#view.length === 0) {
      this.#view = piece
      return
    }
    this.#own()
    this.#append(piece)
  }

  #own(): void {
    if (this.#view.length === 0) return
    this.#append(this.#view)
    this.#view = EMPTY
  }

  #append(piece: Buffer): void {
    const needed = this.#filled + piece.length
    if (needed > this.#owned.length) {
      const last = this.#state.kind === 'payload' && this.#state.fin
      const grown = Math.max(needed, 2 * this.#owned.length)
      const owned = Buffer.allocUnsafe(last ? Math.min(grown, Math.max(needed, this.#size)) : grown)
      this.#owned.copy(owned, 0, 0, this.#filled)
      this.#owned = owned
    }
    piece.copy(this.#owned, this.#filled)
    this.#filled = needed
  }

  /** A frame without payload is complete with its header. */
  #isComplete(): boolean {
    return this.#state.kind === 'payload' && this.#state.left === 0
  }

  #readHeader(): void {
    const header = this.#header
    if (header.length < 2) return
    const short = header[1]! & 0x7f
    const needed = short < 126 ? 2 : short === 126 ? 4 : 10
    if (header.length < needed) return
    const first = header[0]!
    const opcode = first & 0x0f
    const fin = (first & 0x80) !== 0
    if ((first & 0x70) !== 0) throw new ProtocolError('a reserved bit of a message frame is set')
    if ((header[1]! & 0x80) !== 0) throw new ProtocolError('a message frame is masked')
    let length = short
    if (short >= 126) {
      length = 0
      for (let i = 2; i < needed; i++) length = length * 256 + header[i]!
    }
    header.length = 0
    this.#begin(opcode, fin, length)
  }

  #begin(opcode: number, fin: boolean, length: number): void {
    switch (opcode) {
      case Opcode.close:
        if (!fin || length > MAX_REASON + 2 || length === 1)
          throw new ProtocolError('a close frame is fragmented or has a wrong size')
        if (this.#opcode !== undefined) throw new ProtocolError('a close frame inside a message')
        break
      case Opcode.text:
      case Opcode.binary:
        if (this.#opcode !== undefined) throw new ProtocolError('a message begins inside another')
        this.#opcode = opcode
        break
      case Opcode.continuation:
        if (this.#opcode === undefined) throw new ProtocolError('a continuation without a message')
        break
      default:
        throw new ProtocolError(`message opcode ${opcode} is unknown`)
    }
    if (opcode !== Opcode.close) {
      this.#size += length
      if (!Number.isSafeInteger(this.#size) || (this.#max > 0 && this.#size > this.#max)) {
        throw new MessageTooBig(`a message has more than ${this.#max} bytes`)
      }
    }
    this.#state = { kind: 'payload', opcode, fin, left: length }
  }

  #finishFrame(opcode: number, fin: boolean): void {
    this.#state = HEADER
    if (!fin) return
    const payload = this.#filled === 0 ? this.#view : this.#owned.subarray(0, this.#filled)
    const binary = this.#opcode === Opcode.binary
    this.#view = this.#owned = EMPTY
    this.#filled = this.#size = 0
    this.#opcode = undefined
    if (opcode !== Opcode.close) {
      if (!binary && !isUtf8(payload)) throw new ProtocolError('a text message is not UTF-8')
      this.#events.message(payload, binary)
      return
    }
    this.#state = { kind: 'closed' }
    if (payload.length === 0) this.#events.close(1005, '')
    else this.#events.close(payload.readUInt16BE(0), payload.toString('utf8', 2))
  }
}
