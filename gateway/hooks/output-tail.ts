import { CONTROL_IN_LINES, escaped } from '../../shared/control-characters.js'

/** How much of a command's output is kept: its end, where it says why it failed. */
export const MOST_OUTPUT = 8 * 1024

/** The end of an output, whatever its length. */
export class OutputTail {
  #chunks: Buffer[] = []
  #kept = 0
  #cut = false

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#kept += chunk.length
    // Twice the bound, so that a thousand small pieces are not copied a thousand times.
    if (this.#kept > 2 * MOST_OUTPUT) this.#shorten()
  }

  /** UTF-8 where it is that; control characters are escaped. Begins with `…` where the beginning is missing. */
  text(): string {
    if (this.#kept > MOST_OUTPUT) this.#shorten()
    const bytes = Buffer.concat(this.#chunks)
    let start = 0
    while (this.#cut && start < 3 && (bytes[start]! & 0xc0) === 0x80) start += 1
    return `${this.#cut ? '…' : ''}${printable(bytes.toString('utf8', start))}`
  }

  #shorten(): void {
    const whole = Buffer.concat(this.#chunks)
    this.#chunks = [Buffer.from(whole.subarray(-MOST_OUTPUT))]
    this.#kept = MOST_OUTPUT
    this.#cut = true
  }
}

function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(CONTROL_IN_LINES, escaped)
}
