/** Where an answer's reader stands: in its head, in a body of known length, or between chunks. */
type Place =
  | { readonly kind: 'head' }
  | { readonly kind: 'sized'; left: number }
  | { readonly kind: 'chunk-size' }
  | { readonly kind: 'chunk'; left: number }
  | { readonly kind: 'trailers' }

const CRLF = Buffer.from('\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')

/** Finds the ends of the HTTP/1.1 answers on one connection, and nothing else about them but the status. */
export class AnswerCounter {
  readonly #onAnswer: (status: number) => void
  #place: Place = { kind: 'head' }
  #rest: Buffer = Buffer.alloc(0)
  #status = 0

  constructor(onAnswer: (status: number) => void) {
    this.#onAnswer = onAnswer
  }

  push(data: Buffer): void {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, data]) : data
    while (this.#step());
  }

  /** False when more bytes are needed. */
  #step(): boolean {
    const place = this.#place
    switch (place.kind) {
      case 'head':
        return this.#until(HEAD_END, (head) => this.#readHead(head))
      case 'sized':
        if (!this.#skip(place)) return false
        return this.#end()
      case 'chunk-size':
        return this.#until(CRLF, (line) => {
          const size = Number.parseInt(line, 16)
          // A chunk's data is followed by a line end of its own.
          this.#place = size > 0 ? { kind: 'chunk', left: size + CRLF.length } : { kind: 'trailers' }
        })
      case 'chunk':
        if (!this.#skip(place)) return false
        this.#place = { kind: 'chunk-size' }
        return true
      case 'trailers':
        return this.#until(CRLF, (line) => {
          if (line === '') this.#end()
        })
    }
  }

  #readHead(head: string): void {
    this.#status = Number(head.slice(9, 12))
    const length = /^content-length:\s*(\d+)/im.exec(head)?.[1]
    this.#place = length === undefined ? { kind: 'chunk-size' } : { kind: 'sized', left: Number(length) }
  }

  #until(mark: Buffer, use: (text: string) => void): boolean {
    const at = this.#rest.indexOf(mark)
    if (at < 0) return false
    const text = this.#rest.toString('latin1', 0, at)
    this.#rest = this.#rest.subarray(at + mark.length)
    use(text)
    return true
  }

  #skip(place: { left: number }): boolean {
    const taken = Math.min(place.left, this.#rest.length)
    place.left -= taken
    this.#rest = this.#rest.subarray(taken)
    return place.left === 0
  }

  #end(): boolean {
    this.#place = { kind: 'head' }
    this.#onAnswer(this.#status)
    return this.#rest.length > 0
  }
}
