/** HTTP/1.1 messages read from bytes, leniently: what exactly came, and how it ended. */
import { createHash } from 'node:crypto'

export type Ending = 'complete' | 'truncated' | 'reset'

export interface Message {
  /** The start line as it came; empty where none did. */
  line: string
  /** Field lines as `name: value`, names in lower case, in order. */
  fields: string[]
  /** Body bytes, without their framing. */
  bytes: number
  hash: string
  trailers: string[]
  ending: Ending
}

/** How the end of a body is told. */
export type Framing = number | 'chunked' | 'close'

export interface MessageEvents {
  /** @returns how long the body is; undefined where the head is none of a message but an interim one. */
  head(message: Message): Framing | undefined
  body(bytes: number): void
  end(message: Message): void
}

type State =
  | { kind: 'head' }
  | { kind: 'sized'; left: number }
  | { kind: 'close' }
  | { kind: 'size' }
  | { kind: 'chunk'; left: number }
  | { kind: 'trailers' }

export class MessageReader {
  readonly #events: MessageEvents
  #state: State = { kind: 'head' }
  #rest: Buffer = Buffer.alloc(0)
  #message: Message | undefined
  #hash = createHash('sha256')

  constructor(events: MessageEvents) {
    this.#events = events
  }

  feed(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (this.#step()) {}
  }

  /** The connection is at its end. @returns whether that cut a message, or what might have become one. */
  finish(ending: 'truncated' | 'reset'): boolean {
    const message = this.#message
    if (message === undefined) return this.#rest.length > 0
    this.#end(this.#state.kind === 'close' && ending === 'truncated' ? 'complete' : ending)
    return message.ending !== 'complete'
  }

  #step(): boolean {
    const state = this.#state
    switch (state.kind) {
      case 'head': {
        const lines = this.#lines()
        if (lines !== undefined) this.#begin(lines)
        return lines !== undefined
      }
      case 'sized':
        state.left -= this.#take(state.left)
        if (state.left > 0) return false
        this.#end('complete')
        return true
      case 'close':
        this.#take(this.#rest.length)
        return false
      case 'size': {
        const at = this.#rest.indexOf('\r\n')
        if (at < 0) return false
        const left = Number.parseInt(this.#rest.toString('latin1', 0, at), 16)
        this.#rest = left === 0 ? this.#rest.subarray(at) : this.#rest.subarray(at + 2)
        this.#state = left === 0 ? { kind: 'trailers' } : { kind: 'chunk', left }
        return true
      }
      case 'chunk':
        state.left -= this.#take(state.left)
        if (state.left > 0 || this.#rest.length < 2) return false
        this.#rest = this.#rest.subarray(2)
        this.#state = { kind: 'size' }
        return true
      case 'trailers': {
        const lines = this.#lines()
        if (lines === undefined) return false
        this.#message!.trailers = fieldsOf(lines.filter((line) => line !== ''))
        this.#end('complete')
        return true
      }
    }
  }

  /** Everything up to an empty line. */
  #lines(): string[] | undefined {
    const at = this.#rest.indexOf('\r\n\r\n')
    if (at < 0) return undefined
    const lines = this.#rest.toString('latin1', 0, at).split('\r\n')
    this.#rest = this.#rest.subarray(at + 4)
    return lines
  }

  #begin([line = '', ...lines]: string[]): void {
    const message: Message = emptyMessage(line, fieldsOf(lines))
    const framing = this.#events.head(message)
    if (framing === undefined) return
    this.#message = message
    this.#hash = createHash('sha256')
    if (framing === 'chunked') this.#state = { kind: 'size' }
    else if (framing === 'close') this.#state = { kind: 'close' }
    else if (framing > 0) this.#state = { kind: 'sized', left: framing }
    else this.#end('complete')
  }

  #take(most: number): number {
    const piece = this.#rest.subarray(0, most)
    this.#rest = this.#rest.subarray(piece.length)
    this.#hash.update(piece)
    this.#message!.bytes += piece.length
    if (piece.length > 0) this.#events.body(piece.length)
    return piece.length
  }

  #end(ending: Ending): void {
    const message = this.#message!
    this.#message = undefined
    this.#state = { kind: 'head' }
    message.hash = this.#hash.digest('hex')
    message.ending = ending
    this.#events.end(message)
  }
}

export const emptyMessage = (line = '', fields: string[] = [], ending: Ending = 'truncated'): Message => ({
  line,
  fields,
  bytes: 0,
  hash: '',
  trailers: [],
  ending,
})

const fieldsOf = (lines: string[]): string[] =>
  lines.map((line) => {
    const colon = line.indexOf(':')
    return `${line.slice(0, colon).toLowerCase()}: ${line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')}`
  })

/** The first value of `name`. */
export const fieldOf = (fields: readonly string[], name: string): string | undefined =>
  fields.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)

/** The length that the fields tell; undefined where they tell none. */
export function framingOf(fields: readonly string[]): Framing | undefined {
  if (fieldOf(fields, 'transfer-encoding') !== undefined) return 'chunked'
  const length = fieldOf(fields, 'content-length')
  return length === undefined ? undefined : Number(length)
}
