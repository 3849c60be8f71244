/** Frames and bytes: the vectors, every way to spoil them, and what a decoder survives. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { Packr, unpackMultiple } from 'msgpackr'
import t from 'tap'
import { Decoder, Encoder } from '../../shared/codec.js'
import { ProtocolError } from '../../shared/errors.js'
import { toArray } from '../../shared/frame-fields.js'
import { type Frame, Kind } from '../../shared/frames.js'
import { type Field, SHAPES } from '../../shared/grammar.js'
import { MAX_DATA, MAX_HEAD, MAX_INLINE_BODY, MAX_MESSAGE } from '../../shared/limits.js'
import { GET } from '../helpers/tape.js'
import { describeFrame, vectors } from '../helpers/vectors.js'

/** One for the whole file: no input may spoil it for the next. */
const decoder = new Decoder()

function decode(message: Uint8Array): Frame[] {
  const frames: Frame[] = []
  decoder.decode(Buffer.from(message), (frame) => frames.push(frame))
  return frames
}

/** What the decoder has against a message; undefined where it takes it. */
function refusal(message: Buffer): string | undefined {
  try {
    decode(message)
  } catch (error) {
    if (error instanceof ProtocolError) return error.message
    throw error
  }
  return undefined
}

const encoder = new Encoder()

function encode(...frames: Frame[]): Buffer {
  for (const frame of frames) encoder.add(frame)
  return Buffer.from(encoder.take())
}

const told = (frames: Frame[]) => JSON.stringify(frames.map(describeFrame))
const PING = encode({ kind: Kind.ping, nonce: 9 })
const valid = vectors.filter(({ expect }) => expect === 'frame')

t.test('every vector is decoded, or refused for its reason', async (t) => {
  for (const { name, hex, expect, frames, error } of vectors) {
    const message = Buffer.from(hex, 'hex')
    if (expect === 'frame') t.same(decode(message).map(describeFrame), frames, name)
    else t.ok(refusal(message)?.includes(error!), `${name}: ${refusal(message)}`)
    t.same(decode(PING), [{ kind: Kind.ping, nonce: 9 }], 'the decoder goes on')
  }
  const kinds = new Set(valid.flatMap(({ frames }) => frames!.map(({ kind }) => kind)))
  t.equal(kinds.size, Object.keys(Kind).length, 'every kind has a vector')
})

t.test('what msgpackr reads in a valid message is what we read', async (t) => {
  for (const { name, hex } of valid) {
    const message = Buffer.from(hex, 'hex')
    const oracle = unpackMultiple(message) as unknown[][]
    // An empty body inside a head is none.
    const plain = (array: unknown[]) =>
      array.map((value) => (value instanceof Buffer ? value.toString('latin1') || null : value))
    t.same(decode(message).map(toArray).map(plain), oracle.map(plain), name)
  }
})

t.test('heads are packed by hand into the bytes that msgpackr would make', async (t) => {
  const packr = new Packr({ useRecords: false, variableMapSize: true })
  const ids = [1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0x7fff_ffff, 0xffff_ffff]
  const lengths = [0, 1, 31, 32, 48, 96, 97, 130, 255, 256, 65_535, 65_536, 100_000]
  const texts = lengths.flatMap((length) =>
    ['a', '\u00e9', '\x7f'].flatMap((char) => [char.repeat(length), `${'a'.repeat(length)}${char}`]),
  )
  const frame = { stream: 1, method: 'GET', target: '/', body: null, end: true } as const
  const frames: Frame[] = [
    ...ids.map((id): Frame => ({ kind: Kind.open, id, headers: [], ...frame })),
    ...texts.map((text): Frame => ({ kind: Kind.open, id: 1, headers: ['a', text], ...frame })),
    ...[15, 16, 512].map(
      (count): Frame => ({ kind: Kind.open, id: 1, headers: new Array<string>(count).fill('b'), ...frame }),
    ),
    ...lengths.map(
      (length): Frame => ({
        kind: Kind.head,
        id: 1,
        status: 200,
        reason: length === 0 ? null : 'OK',
        headers: [],
        body: Buffer.alloc(length, 7),
        end: false,
      }),
    ),
  ]
  const other = frames.filter((frame) => !encode(frame).equals(packr.pack(toArray(frame))))
  t.same(
    other.map((frame) => JSON.stringify(frame).slice(0, 80)),
    [],
  )
  t.ok(
    encode(...frames).equals(Buffer.concat(frames.map((frame) => packr.pack(toArray(frame))))),
    'also together',
  )
})

t.test('whatever is cut or changed, frames come or a ProtocolError', async (t) => {
  const FEW = [0x00, 0x7f, 0x80, 0x91, 0x9f, 0xa0, 0xc0, 0xc1, 0xc6, 0xd4, 0xdb, 0xdd, 0xdf, 0xff]
  const ALL = Array.from({ length: 256 }, (_, byte) => byte)
  const wrong: string[] = []
  let [accepted, refused] = [0, 0]
  const attempt = (bytes: Buffer, what: () => string) => {
    try {
      const frames = decode(bytes)
      accepted++
      if (told(decode(encode(...frames))) !== told(frames)) wrong.push(what())
    } catch (error) {
      refused++
      if (!(error instanceof ProtocolError)) wrong.push(`${what()}: ${error}`)
    }
  }
  for (const { name, hex } of valid) {
    const message = Buffer.from(hex, 'hex')
    for (let end = 0; end < message.length; end++)
      attempt(message.subarray(0, end), () => `${name} until ${end}`)
    for (let at = 0; at < message.length; at++) {
      const original = message[at]!
      for (const byte of message.length < 64 ? ALL : FEW) {
        message[at] = byte
        attempt(message, () => `${name} with ${byte} at ${at}`)
      }
      message[at] = original
    }
  }
  t.same(wrong, [])
  t.ok(accepted > 10_000 && refused > 100_000, `${accepted} accepted, ${refused} refused`)
})

t.test('input of any size and depth costs nothing that stays', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const filled = (length: number, ...bytes: number[]) => Buffer.alloc(length, Buffer.from(bytes))
  const cases: Record<string, Buffer> = {
    'nested arrays': filled(MAX_MESSAGE, 0x91),
    'nested arrays 16': filled(MAX_MESSAGE, 0xdc, 0, 1),
    'nested maps': filled(MAX_MESSAGE, 0x81),
    'maps of __proto__': filled(MAX_MESSAGE, 0x81, 0xa9, ...Buffer.from('__proto__')),
    'record definitions': filled(MAX_MESSAGE, 0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61),
    'a megabyte of arrays': filled(1 << 20, 0x91),
    'a megabyte of pings': filled(1 << 20, 0x92, 0x03, 0x01),
    'pings, then garbage': Buffer.concat([filled(MAX_MESSAGE - 4, 0x92, 0x03, 0x01), Buffer.from([0xc1])]),
    'a head of strings': Buffer.concat([
      Buffer.from('9806010103414141dcffff', 'hex'),
      filled(MAX_MESSAGE - 20, 0xa0),
    ]),
  }
  const refuse = () => {
    for (const [name, message] of Object.entries(cases)) {
      let frames = 0
      t.throws(() => decoder.decode(message, () => frames++), ProtocolError, name)
      t.ok(frames <= MAX_MESSAGE / 3)
    }
  }
  refuse()
  collect()
  const before = process.memoryUsage()
  for (let i = 0; i < 5; i++) refuse()
  collect()
  const after = process.memoryUsage()
  t.ok(after.heapUsed - before.heapUsed < 1 << 20, `${after.heapUsed - before.heapUsed} bytes stay`)
  t.ok(after.arrayBuffers - before.arrayBuffers < 1 << 20)
  t.equal(Object.getPrototypeOf({}).a, undefined)
  t.same(decode(PING).length, 1)
})

t.test('the bounds of size are met exactly', async (t) => {
  const open = { kind: Kind.open, id: 1, ...GET }
  const room = MAX_HEAD - 'GET'.length - '/'.length - 'x'.length
  const fits: Frame[] = [
    { ...open, body: Buffer.alloc(MAX_INLINE_BODY, 1) },
    { ...open, headers: ['x', 'v'.repeat(room)] },
    { ...open, headers: ['x', 'é'.repeat(room / 2)] },
    { ...open, target: 't'.repeat(MAX_HEAD - 3) },
    { kind: Kind.data, id: 1, body: Buffer.alloc(MAX_DATA, 1) },
  ]
  for (const frame of fits) t.same(decode(encode(frame)), [frame])
  const over: [Frame, RegExp][] = [
    [{ ...open, body: Buffer.alloc(MAX_INLINE_BODY + 1) }, /open.body has 65537 bytes/],
    [{ ...open, headers: ['x', 'v'.repeat(room + 1)] }, /open holds more than 131072 bytes of text/],
    [{ ...open, headers: ['x', 'é'.repeat(room / 2 + 1)] }, /open holds more than 131072 bytes of text/],
    [{ ...open, target: 't'.repeat(70_000), headers: ['x', 'v'.repeat(70_000)] }, /open holds more than/],
    [{ kind: Kind.data, id: 1, body: Buffer.alloc(MAX_DATA + 1) }, /data.body has 65473 bytes/],
  ]
  const [hello] = decode(Buffer.from(valid[0]!.hex, 'hex'))
  over.push([{ ...hello, labels: ['k', 'v'.repeat(16_384)] } as Frame, /hello.labels holds more than 16384/])
  for (const [frame, fault] of over) t.throws(() => decode(encode(frame)), fault)
  const whole = Buffer.alloc(MAX_MESSAGE, PING).subarray(0, MAX_MESSAGE - (MAX_MESSAGE % PING.length))
  t.equal(decode(whole).length, Math.floor(MAX_MESSAGE / PING.length))
})

t.test('bodies are views of the message, strings are not', async (t) => {
  for (const kind of [Kind.data, Kind.head]) {
    const body = Buffer.from('body')
    const message = encode(
      kind === Kind.data
        ? { kind, id: 1, body }
        : { kind, id: 1, status: 200, reason: 'Très', headers: ['x-long', 'v'.repeat(99)], body, end: true },
    )
    decoder.decode(message, (frame) => {
      if (frame.kind !== Kind.data && frame.kind !== Kind.head) throw new Error('another frame')
      t.equal(Buffer.from(frame.body!).toString(), 'body')
      const copy = Buffer.from(frame.body!)
      message.fill(0x2e)
      t.same([Buffer.from(frame.body!).toString(), copy.toString()], ['....', 'body'])
      if (frame.kind === Kind.head)
        t.same([frame.reason, ...frame.headers], ['Très', 'x-long', 'v'.repeat(99)])
    })
  }
})

t.test('what an encoder packs is overwritten by the next message, never by its own', async (t) => {
  const frames: Frame[] = [
    { kind: Kind.ping, nonce: 1 },
    ...[1, 127, 128].flatMap((id) =>
      [1, 255, 256, MAX_DATA].map((size) => ({ kind: Kind.data, id, body: Buffer.alloc(size, id) })),
    ),
    { kind: Kind.end, id: 1, trailers: [] },
  ]
  const sizes = frames.map((frame) => encoder.add(frame))
  const message = encoder.take()
  t.equal(
    message.length,
    sizes.reduce((sum, size) => sum + size, 0),
  )
  t.equal(encoder.length, 0)
  // More than MAX_MESSAGE: nothing a sender does, but no byte is lost.
  const whole = Buffer.from(message)
  let at = 0
  for (const [i, size] of sizes.entries()) {
    t.same(decode(whole.subarray(at, at + size)), [frames[i]])
    at += size
  }
})

/** A value that the grammar takes in this place. */
function arbitrary({ type, min, max, count, nullable }: Field): fc.Arbitrary<unknown> {
  const text = (from: number, most: number) =>
    fc
      .array(fc.integer({ min: 0, max: 0xff }), {
        minLength: from,
        maxLength: Math.min(80, Math.floor(most / 2)),
      })
      .map((units) => String.fromCharCode(...units))
  const value = (): fc.Arbitrary<unknown> => {
    switch (type) {
      case 'uint':
        return fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max))
      case 'flag':
        return fc.boolean()
      case 'text':
        return text(min, max)
      case 'bytes':
        return fc
          .uint8Array({ minLength: Math.max(1, min), maxLength: 600 })
          .map((bytes) => Buffer.from(bytes))
      case 'list':
        return fc
          .array(text(0, 80), { maxLength: Math.min(count, 20) })
          .map((all) => all.slice(all.length % min))
    }
  }
  return nullable ? fc.option(value(), { nil: null }) : value()
}

t.test('what was encoded is decoded again', async (t) => {
  const frames = Object.values(Kind).map((kind) => {
    const { fields } = SHAPES[kind]!
    return fc.record({
      kind: fc.constant(kind),
      ...Object.fromEntries(fields.map((f) => [f.name, arbitrary(f)])),
    })
  })
  const property = fc.property(fc.array(fc.oneof(...frames), { minLength: 1, maxLength: 12 }), (some) => {
    const given = some as unknown as Frame[]
    return told(decode(encode(...given))) === told(given)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 1500 }))
})
