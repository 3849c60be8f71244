/**
 * Reads frames against the closed grammar: what is not exactly one of ours is a `ProtocolError`. msgpack's open parts
 * (maps, extensions, records, deep nesting, length lies) have no code here, so they cannot do anything, and memory
 * stays a small multiple of the input. msgpackr would read the same bytes in twice the time, after a check by this
 * very walk; it packs what is rare, and in the tests it is what this reader is held against.
 */
import { ProtocolError } from './errors.js'
import { Kind } from './frames.js'
import { type Field, SHAPES, type Shape } from './grammar.js'
import { MAX_HEAD } from './limits.js'

/** A field as it was read; its type follows from the grammar. */
export type Value = string | number | boolean | null | Uint8Array | string[]

/** Messages up to this size are turned into one string, of which their texts are slices. */
const SLICED = 16 * 1024

/** One object serves a decoder for ever. */
export class FrameReader {
  /** Where the frame that was read ends. */
  end = 0
  /** Kind of that frame. */
  kind: Kind = Kind.ping

  #source: Buffer = Buffer.alloc(0)
  /** The whole message as byte chars; made with its first text. */
  #chars: string | undefined
  #at = 0
  /** Bytes of the frame's strings. */
  #texts = 0

  /** The next message. */
  begin(source: Buffer): void {
    this.#source = source
    this.#chars = undefined
  }

  /**
   * The fields of the frame that begins at `start`, in order, without its kind; bodies are views.
   * @throws ProtocolError naming the field and the rule.
   */
  read(start: number): Value[] {
    this.#at = start
    const arity = this.#arrayLength('frame')
    const kind = this.#uint('kind')
    const shape = SHAPES[kind]
    if (shape === undefined) throw new ProtocolError(`frame kind ${kind} is unknown`)
    if (arity !== shape.fields.length + 1) {
      throw new ProtocolError(`${shape.name} has ${arity} fields instead of ${shape.fields.length + 1}`)
    }
    this.kind = kind as Kind
    this.#texts = 0
    const values: Value[] = []
    for (const field of shape.fields) values.push(this.#field(shape, field))
    if (this.#texts > MAX_HEAD)
      throw new ProtocolError(`${shape.name} holds more than ${MAX_HEAD} bytes of text`)
    this.end = this.#at
    return values
  }

  #field(shape: Shape, field: Field): Value {
    if (field.nullable && this.#source[this.#at] === 0xc0) {
      this.#at++
      return null
    }
    switch (field.type) {
      case 'uint': {
        const value = this.#uint(field.name)
        if (value < field.min || value > field.max) {
          throw new ProtocolError(
            `${shape.name}.${field.name} is ${value}, not in ${field.min}..${field.max}`,
          )
        }
        return value
      }
      case 'text': {
        const before = this.#texts
        const text = this.#text(field.name)
        this.#bound(shape, field, this.#texts - before)
        return text
      }
      case 'list': {
        const count = this.#arrayLength(field.name)
        if (count > field.count)
          throw new ProtocolError(
            `${shape.name}.${field.name} has ${count} strings, more than ${field.count}`,
          )
        if (count % field.min !== 0)
          throw new ProtocolError(`${shape.name}.${field.name} has a name without a value`)
        const before = this.#texts
        const texts: string[] = []
        for (let i = 0; i < count; i++) texts.push(this.#text(field.name))
        if (this.#texts - before > field.max)
          throw new ProtocolError(`${shape.name}.${field.name} holds more than ${field.max} bytes`)
        return texts
      }
      case 'bytes': {
        const length = this.#bytesLength(field.name)
        this.#bound(shape, field, length)
        const begin = this.#at
        return this.#source.subarray(begin, this.#skip(length, field.name))
      }
      case 'flag': {
        const byte = this.#byte(field.name)
        if (byte !== 0xc2 && byte !== 0xc3)
          throw new ProtocolError(`${shape.name}.${field.name} is not a boolean`)
        return byte === 0xc3
      }
    }
  }

  #bound(shape: Shape, field: Field, length: number): void {
    if (length < field.min || length > field.max) {
      throw new ProtocolError(
        `${shape.name}.${field.name} has ${length} bytes, not ${field.min} to ${field.max}`,
      )
    }
  }

  #byte(what: string): number {
    const byte = this.#source[this.#at++]
    if (byte === undefined) throw new ProtocolError(`message ends inside ${what}`)
    return byte
  }

  #number(size: 1 | 2 | 4, what: string): number {
    let value = 0
    for (let i = 0; i < size; i++) value = value * 256 + this.#byte(what)
    return value
  }

  #skip(length: number, what: string): number {
    this.#at += length
    if (this.#at > this.#source.length) throw new ProtocolError(`message ends inside ${what}`)
    return this.#at
  }

  #uint(what: string): number {
    const byte = this.#byte(what)
    if (byte < 0x80) return byte
    if (byte === 0xcc) return this.#number(1, what)
    if (byte === 0xcd) return this.#number(2, what)
    if (byte === 0xce) return this.#number(4, what)
    throw new ProtocolError(`${what} is not an unsigned integer of 32 bits or fewer`)
  }

  #arrayLength(what: string): number {
    const byte = this.#byte(what)
    if (byte >= 0x90 && byte <= 0x9f) return byte & 0x0f
    if (byte === 0xdc) return this.#number(2, what)
    throw new ProtocolError(`${what} is not an array`)
  }

  #text(what: string): string {
    const byte = this.#byte(what)
    let length: number
    if (byte >= 0xa0 && byte <= 0xbf) length = byte & 0x1f
    else if (byte === 0xd9) length = this.#number(1, what)
    else if (byte === 0xda) length = this.#number(2, what)
    else if (byte === 0xdb) length = this.#number(4, what)
    else throw new ProtocolError(`${what} is not a string`)
    this.#texts += length
    const begin = this.#at
    const end = this.#skip(length, what)
    const source = this.#source
    for (let i = begin; i < end; i++) if (source[i]! >= 0x80) return this.#wideText(begin, end, what)
    if (source.length > SLICED) return source.toString('latin1', begin, end)
    this.#chars ??= source.toString('latin1')
    return this.#chars.slice(begin, end)
  }

  /** A text with bytes past ASCII: U+0080 to U+00FF is C2 or C3 and one continuation byte; nothing else is a byte string. */
  #wideText(begin: number, end: number, what: string): string {
    const source = this.#source
    for (let i = begin; i < end; i++) {
      const unit = source[i]!
      if (unit < 0x80) continue
      const next = source[i + 1]!
      if ((unit !== 0xc2 && unit !== 0xc3) || ++i >= end || (next & 0xc0) !== 0x80) {
        throw new ProtocolError(`${what} holds a character past U+00FF or is not UTF-8`)
      }
    }
    return source.toString('utf8', begin, end)
  }

  #bytesLength(what: string): number {
    const byte = this.#byte(what)
    if (byte === 0xc4) return this.#number(1, what)
    if (byte === 0xc5) return this.#number(2, what)
    if (byte === 0xc6) return this.#number(4, what)
    throw new ProtocolError(`${what} is not binary`)
  }
}
