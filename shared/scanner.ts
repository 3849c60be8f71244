/**
 * Holds a message against the closed grammar: what is not exactly one of our frames is a `ProtocolError` before
 * any of it is decoded. That keeps msgpack's open parts (maps, extensions, records, deep nesting, length lies)
 * away from the decoder, and memory at a small multiple of the input.
 */
import { ProtocolError } from './errors.js'
import { Kind } from './frames.js'
import { type Field, SHAPES, type Shape } from './grammar.js'
import { MAX_HEAD } from './limits.js'

/** Walks one message. One object serves a decoder for ever: nothing is allocated for a frame. */
export class Scanner {
  /** Where the frame that `scan` accepted ends. */
  end = 0
  /** Kind of that frame. */
  kind: Kind = Kind.ping
  /** Its stream id, or its first number. */
  id = 0
  /** Where its body begins and ends; equal where there is none. */
  bodyStart = 0
  bodyEnd = 0

  #source: Uint8Array = new Uint8Array(0)
  #at = 0
  /** Bytes of the frame's strings. */
  #texts = 0

  /** Accepts one frame that begins at `start`. @throws ProtocolError naming the field and the rule. */
  scan(source: Uint8Array, start: number): void {
    this.#source = source
    this.#at = start
    const arity = this.#arrayLength('frame')
    const kind = this.#uint('kind')
    const shape = SHAPES[kind]
    if (shape === undefined) throw new ProtocolError(`frame kind ${kind} is unknown`)
    if (arity !== shape.fields.length + 1) {
      throw new ProtocolError(`${shape.name} has ${arity} fields instead of ${shape.fields.length + 1}`)
    }
    this.kind = kind as Kind
    this.bodyStart = this.bodyEnd = this.#texts = 0
    let first = true
    for (const field of shape.fields) {
      this.#field(shape, field, first)
      first = false
    }
    if (this.#texts > MAX_HEAD)
      throw new ProtocolError(`${shape.name} holds more than ${MAX_HEAD} bytes of text`)
    this.end = this.#at
  }

  #field(shape: Shape, field: Field, first: boolean): void {
    if (field.nullable && this.#source[this.#at] === 0xc0) {
      this.#at++
      return
    }
    switch (field.type) {
      case 'uint': {
        const value = this.#uint(field.name)
        if (value < field.min || value > field.max) {
          throw new ProtocolError(
            `${shape.name}.${field.name} is ${value}, not in ${field.min}..${field.max}`,
          )
        }
        if (first) this.id = value
        return
      }
      case 'text':
        this.#bound(shape, field, this.#text(field.name))
        return
      case 'list': {
        const count = this.#arrayLength(field.name)
        if (count > field.count)
          throw new ProtocolError(
            `${shape.name}.${field.name} has ${count} strings, more than ${field.count}`,
          )
        if (count % field.min !== 0)
          throw new ProtocolError(`${shape.name}.${field.name} has a name without a value`)
        let total = 0
        for (let i = 0; i < count; i++) total += this.#text(field.name)
        if (total > field.max)
          throw new ProtocolError(`${shape.name}.${field.name} holds more than ${field.max} bytes`)
        return
      }
      case 'bytes': {
        const length = this.#bytesLength(field.name)
        this.#bound(shape, field, length)
        this.bodyStart = this.#at
        this.bodyEnd = this.#skip(length, field.name)
        return
      }
      case 'flag': {
        const byte = this.#byte(field.name)
        if (byte !== 0xc2 && byte !== 0xc3)
          throw new ProtocolError(`${shape.name}.${field.name} is not a boolean`)
        return
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

  /** Skips a string; returns its length in bytes. */
  #text(what: string): number {
    const byte = this.#byte(what)
    let length: number
    if (byte >= 0xa0 && byte <= 0xbf) length = byte & 0x1f
    else if (byte === 0xd9) length = this.#number(1, what)
    else if (byte === 0xda) length = this.#number(2, what)
    else if (byte === 0xdb) length = this.#number(4, what)
    else throw new ProtocolError(`${what} is not a string`)
    this.#texts += length
    const end = this.#at + length
    this.#skip(length, what)
    const source = this.#source
    for (let i = end - length; i < end; i++) {
      const unit = source[i]!
      if (unit < 0x80) continue
      // U+0080 to U+00FF is C2 or C3 and one continuation byte; nothing else is a byte string.
      const next = source[i + 1]!
      if ((unit !== 0xc2 && unit !== 0xc3) || ++i >= end || (next & 0xc0) !== 0x80) {
        throw new ProtocolError(`${what} holds a character past U+00FF or is not UTF-8`)
      }
    }
    return length
  }

  #bytesLength(what: string): number {
    const byte = this.#byte(what)
    if (byte === 0xc4) return this.#number(1, what)
    if (byte === 0xc5) return this.#number(2, what)
    if (byte === 0xc6) return this.#number(4, what)
    throw new ProtocolError(`${what} is not binary`)
  }
}
