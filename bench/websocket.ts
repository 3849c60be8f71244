/** As much of RFC 6455 as a client needs to hold a link: single frames, no extensions. */
export const Opcode = { binary: 2, close: 8, ping: 9, pong: 10 } as const

const MASKED = 0x80
const FINAL = 0x80

/** A client's frame. Its mask is zero, which the rules allow and saves the work; nobody sits in between here. */
export function frame(opcode: number, payload: Uint8Array): Buffer {
  const long = payload.length > 125
  if (payload.length > 0xffff) throw new Error('a link driver sends short messages only')
  const header = Buffer.alloc(long ? 8 : 6)
  header[0] = FINAL | opcode
  header[1] = MASKED | (long ? 126 : payload.length)
  if (long) header.writeUInt16BE(payload.length, 2)
  return Buffer.concat([header, payload])
}

/** Takes a server's bytes as they come and gives its frames. */
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
      const start = second === 127 ? 10 : second === 126 ? 4 : 2
      if (this.#rest.length < start) return
      const length =
        second === 127
          ? Number(this.#rest.readBigUInt64BE(2))
          : second === 126
            ? this.#rest.readUInt16BE(2)
            : second
      if (this.#rest.length < start + length) return
      const payload = this.#rest.subarray(start, start + length)
      this.#rest = this.#rest.subarray(start + length)
      this.#onFrame(first & 0x0f, payload)
    }
  }
}
