import fc from 'fast-check'
import t from 'tap'
import { ProtocolError } from '../../shared/errors.js'
import { closeFrame, MessageReader, MessageTooBig, messageFrame } from '../../shared/message-frames.js'

type Told = [kind: string, value: string]

/** What a reader tells of `bytes`, given in pieces of `size`. */
function read(bytes: Uint8Array, size = bytes.length, max = 0): Told[] {
  const told: Told[] = []
  const reader = new MessageReader(max, {
    message: (payload, binary) => told.push([binary ? 'binary' : 'text', payload.toString('latin1')]),
    close: (code, reason) => told.push(['close', `${code} ${reason}`]),
  })
  for (let i = 0; i < bytes.length; i += size) reader.push(bytes.subarray(i, i + size))
  return told
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

t.test('messages arrive whole, whatever pieces they come in', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 300 })), { maxLength: 8 }),
      fc.integer({ min: 1, max: 400 }),
      (given, size) => {
        // A text is UTF-8.
        const messages = given.map(([binary, payload]): [boolean, Uint8Array] => [
          binary,
          binary ? payload : payload.map((byte) => byte & 0x7f),
        ])
        const bytes = Buffer.concat(messages.flatMap(([binary, payload]) => messageFrame(binary, payload)))
        const expected = messages.map(([binary, payload]) => [
          binary ? 'binary' : 'text',
          Buffer.from(payload).toString('latin1'),
        ])
        t.strictSame(read(bytes, size), expected)
      },
    ),
    { numRuns: 200 },
  )
})

t.test('lengths take the form that fits them', async (t) => {
  for (const [length, header] of [
    [0, '8200'],
    [125, '827d'],
    [126, '827e007e'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
  ] as const) {
    t.equal(Buffer.from(messageFrame(true, new Uint8Array(length))[0]).toString('hex'), header)
  }
})

t.test('fragments are joined, also empty ones', async (t) => {
  t.strictSame(read(hex('0102 6162 0000 8001 63'), 1), [['text', 'abc']])
})

t.test('close frames keep code and reason', async (t) => {
  t.strictSame(read(closeFrame(4001, 'bye')), [['close', '4001 bye']])
  t.strictSame(read(closeFrame(1005, 'ignored')), [['close', '1005 ']])
  t.equal(closeFrame(1000, 'é'.repeat(100)).length, 2 + 2 + 122, 'a long reason is cut at a character')
})

for (const [name, bytes] of [
  ['a reserved bit', 'c100'],
  ['a mask', '8180'],
  ['an unknown opcode', '8300'],
  ['a ping, which stays on its hop', '8900'],
  ['a continuation of nothing', '8000'],
  ['a message inside a message', '0100 8100'],
  ['a fragmented close', '0800'],
  ['a close of one byte', '8801 00'],
  ['a close inside a message', '0100 8800'],
  ['data after a close', '8800 8100'],
  ['a text that is not UTF-8', '8102 c328'],
  ['a text that ends amid a character', '0101 c3 8000'],
] as const) {
  t.test(`${name} is a protocol error`, async (t) => {
    t.throws(() => read(hex(bytes)), ProtocolError)
  })
}

t.test('a message over the bound is refused by its header, before any of it is kept', async (t) => {
  t.throws(() => read(hex('827f 00000000ffffffff'), 10, 1024), MessageTooBig)
  t.throws(() => read(hex('0203 616263 8003 646566'), 20, 5), MessageTooBig)
  t.throws(() => read(hex('827f ffffffffffffffff')), MessageTooBig)
})

t.test('a character may be cut where frames are', async (t) => {
  t.strictSame(read(hex('0101 c3 8001 a9'), 1), [['text', '\xc3\xa9']])
})

t.test('a message of single bytes takes no more memory than its bytes', async (t) => {
  const SIZE = 2 * 1024 * 1024
  const told: number[] = []
  const reader = new MessageReader(SIZE, { message: (payload) => told.push(payload.length), close() {} })
  const fragments = Buffer.from(hex('000161').toString('latin1').repeat(1024), 'latin1')
  reader.push(hex('0200'))
  const before = process.memoryUsage()
  for (let i = 0; i < SIZE / 1024; i++) reader.push(fragments)
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  t.ok(heapUsed - before.heapUsed < 32 * SIZE, `heap +${heapUsed - before.heapUsed}`)
  t.ok(arrayBuffers - before.arrayBuffers < 16 * SIZE, `buffers +${arrayBuffers - before.arrayBuffers}`)
  reader.push(hex('8000'))
  t.same(told, [SIZE])
})
