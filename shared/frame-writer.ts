/**
 * Fields of frames → msgpack, one after the other into a buffer that grows: what every exchange sends is packed by
 * hand. msgpackr would take twice the time, and pack into a buffer of its own first. Each value takes its shortest form.
 */

/** Texts up to this length are written char by char: a call into Node costs as much as that. */
const SHORT = 96

export class FrameWriter {
  /** Bytes from 0 to `length` are written. */
  buffer: Buffer
  length = 0

  /** `size`: bytes before it grows. */
  constructor(size: number) {
    this.buffer = Buffer.allocUnsafeSlow(size)
  }

  /** Room for `bytes` more; nothing below looks for it. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.buffer.length, this.length + bytes))
    larger.set(this.buffer.subarray(0, this.length))
    this.buffer = larger
  }

  byte(value: number): void {
    this.buffer[this.length++] = value
  }

  uint(value: number): void {
    if (value < 0x80) this.byte(value)
    else if (value < 0x100) this.#sized(0xcc, 1, value)
    else if (value < 0x10000) this.#sized(0xcd, 2, value)
    else this.#sized(0xce, 4, value)
  }

  flag(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2)
  }

  /** Null is nil. */
  bytes(value: Uint8Array | null): void {
    if (value === null) {
      this.byte(0xc0)
      return
    }
    const { length } = value
    if (length < 0x100) this.#sized(0xc4, 1, length)
    else if (length < 0x10000) this.#sized(0xc5, 2, length)
    else this.#sized(0xc6, 4, length)
    this.buffer.set(value, this.length)
    this.length += length
  }

  list(texts: readonly string[]): void {
    const { length } = texts
    if (length < 16) this.byte(0x90 | length)
    else this.#sized(0xdc, 2, length)
    for (let i = 0; i < length; i++) this.text(texts[i]!)
  }

  /** Null is nil. */
  text(text: string | null): void {
    if (text === null) {
      this.byte(0xc0)
      return
    }
    const start = this.length
    const { length } = text
    this.#textLength(length)
    const { buffer } = this
    if (length > SHORT) {
      if (buffer.write(text, this.length) !== length) this.#wide(text, start)
      else this.length += length
      return
    }
    let at = this.length
    for (let i = 0; i < length; i++) {
      const char = text.charCodeAt(i)
      if (char >= 0x80) {
        this.#wide(text, start)
        return
      }
      buffer[at++] = char
    }
    this.length = at
  }

  /** Most bytes that a text, or a list of them, can take. */
  static most(texts: string | readonly string[]): number {
    if (typeof texts === 'string') return 5 + 3 * texts.length
    let bytes = 5
    for (let i = 0; i < texts.length; i++) bytes += 5 + 3 * texts[i]!.length
    return bytes
  }

  /** With chars past ASCII it is longer than it has chars: once more, from `start`. */
  #wide(text: string, start: number): void {
    this.length = start
    this.#textLength(Buffer.byteLength(text))
    this.length += this.buffer.write(text, this.length)
  }

  #textLength(length: number): void {
    if (length < 0x20) this.byte(0xa0 | length)
    else if (length < 0x100) this.#sized(0xd9, 1, length)
    else if (length < 0x10000) this.#sized(0xda, 2, length)
    else this.#sized(0xdb, 4, length)
  }

  /** A type and a number of `size` bytes. */
  #sized(type: number, size: 1 | 2 | 4, value: number): void {
    const { buffer } = this
    buffer[this.length++] = type
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) buffer[this.length++] = (value >>> shift) & 0xff
  }
}
