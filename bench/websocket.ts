/** As much of RFC 6455 as holds a link and echoes messages: single frames, no extensions. */
export const Opcode = { binary: 2, close: 8, ping: 9, pong: 10 } as const

/** What a server appends to a client's key before it hashes it. */
export const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

const MASKED = 0x80
const FINAL = 0x80
const MASK_LENGTH = 4

/** A client's frame. Its mask is zero, which the rules allow and saves the work; nobody sits in between here. */
export const frame = (opcode: number, payload: Uint8Array): Buffer => build(opcode, payload, MASKED)

/** A server's frame, which has no mask. */
export const serverFrame = (opcode: number, payload: Uint8Array): Buffer => build(opcode, payload, 0)

function build(opcode: number, payload: Uint8Array, masked: number): Buffer {
  const long = payload.length > 125
  if (payload.length > 0xffff) throw new Error('messages here are short ones')
  const start = long ? 4 : 2
  const bytes = Buffer.alloc(start + (masked ? MASK_LENGTH : 0) + payload.length)
  bytes[0] = FINAL | opcode
  bytes[1] = masked | (long ? 126 : payload.length)
  if (long) bytes.writeUInt16BE(payload.length, 2)
  bytes.set(payload, bytes.length - payload.length)
  return bytes
}

/** Takes bytes as they come and gives the frames, their masks off. */
export class FrameReader {
  readonly #onFrame: (opcode: number, payload: Buffer) => void
  #rest: Buffer = Buffer.alloc(0)

  constructor(onFrame: (opcode: number, payload: Buffer) => void) {
    this.#onFrame = onFrame
  }

  push(data: Buffer): void {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, data]) : data
    for (;;) {
      const [first, second] = this.#rest
      if (first === undefined || second === undefined) return
      const size = second & 0x7f
      const start = (size === 127 ? 10 : size === 126 ? 4 : 2) + (second & MASKED ? MASK_LENGTH : 0)
      if (this.#rest.length < start) return
      const length =
        size === 127
          ? Number(this.#rest.readBigUInt64BE(2))
          : size === 126
            ? this.#rest.readUInt16BE(2)
            : size
      if (this.#rest.length < start + length) return
      const payload = this.#rest.subarray(start, start + length)
      if (second & MASKED) unmask(payload, this.#rest.subarray(start - MASK_LENGTH, start))
      this.#rest = this.#rest.subarray(start + length)
      this.#onFrame(first & 0x0f, payload)
    }
  }
}

function unmask(payload: Buffer, mask: Buffer): void {
  for (let n = 0; n < payload.length; n++) payload[n] = (payload[n] ?? 0) ^ (mask[n & 3] ?? 0)
}
