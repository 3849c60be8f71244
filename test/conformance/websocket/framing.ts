/** Sections 1 to 5: sizes, pings, reserved bits and opcodes, fragments. */
import { BROKEN, binary, chops, echo, fragments, frame, Op, type SocketCase, sent, text } from './case.js'

const SIZES = [0, 125, 126, 127, 128, 65_535, 65_536]
const HELLO = 'Hello, world!'

const sizes = [text, binary].flatMap((make, kind): SocketCase[] => {
  const fill = (size: number) => make(Buffer.alloc(size, kind === 0 ? '*' : 0xfe))
  const word = kind === 0 ? 'text' : 'binary'
  return [
    ...SIZES.map((size, i) => ({
      id: `1.${kind + 1}.${i + 1}`,
      name: `a ${word} of ${size} bytes`,
      pieces: [sent(fill(size))],
      verdict: echo([fill(size)]),
    })),
    {
      id: `1.${kind + 1}.8`,
      name: `a ${word} of 65536 bytes in chops of 997`,
      pieces: chops([sent(fill(65_536))], 997),
      verdict: echo([fill(65_536)]),
    },
  ]
})

const ODD = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff])
const LONG = Buffer.alloc(125, 0xfe)
const TEN = Array.from({ length: 10 }, (_, i) => Buffer.from(`payload-${i}`))

const ping = (id: string, name: string, pieces: readonly Buffer[], pongs: readonly Buffer[]): SocketCase => ({
  id,
  name,
  pieces,
  verdict: echo([], pongs),
})

const pings: SocketCase[] = [
  ping('2.1', 'a ping without payload', [frame(Op.ping)], [Buffer.alloc(0)]),
  ping('2.2', 'a ping with text', [frame(Op.ping, HELLO)], [Buffer.from(HELLO)]),
  ping('2.3', 'a ping with other bytes', [frame(Op.ping, ODD)], [ODD]),
  ping('2.4', 'a ping of 125 bytes', [frame(Op.ping, LONG)], [LONG]),
  { id: '2.5', name: 'a ping of 126 bytes', pieces: [frame(Op.ping, Buffer.alloc(126))], verdict: BROKEN },
  ping('2.6', 'a ping byte by byte', chops([frame(Op.ping, LONG)], 1), [LONG]),
  ping('2.7', 'a pong that nobody asked for', [frame(Op.pong)], []),
  ping('2.8', 'such a pong with payload', [frame(Op.pong, HELLO)], []),
  ping(
    '2.9',
    'such a pong, then a ping',
    [frame(Op.pong, 'unasked'), frame(Op.ping, 'asked')],
    [Buffer.from('asked')],
  ),
  ping(
    '2.10',
    'ten pings',
    TEN.map((payload) => frame(Op.ping, payload)),
    TEN,
  ),
  ping(
    '2.11',
    'ten pings byte by byte',
    chops(
      TEN.map((payload) => frame(Op.ping, payload)),
      1,
    ),
    TEN,
  ),
]

const FIRST = sent(text(HELLO))
const broken = (id: string, name: string, pieces: readonly Buffer[]): SocketCase => ({
  id,
  name,
  pieces,
  verdict: BROKEN,
})
/** A good text, what breaks the rules, and a ping behind it. */
const amid = (bad: Buffer): Buffer[] => [FIRST, bad, frame(Op.ping)]

const reserved: SocketCase[] = [
  broken('3.1', 'a text with RSV 1', [frame(Op.text, HELLO, { rsv: 1 })]),
  broken('3.2', 'a text with RSV 2 amid others', amid(frame(Op.text, HELLO, { rsv: 2 }))),
  broken('3.3', 'a text with RSV 3, frame by frame', amid(frame(Op.text, HELLO, { rsv: 3 }))),
  broken('3.4', 'a text with RSV 4, byte by byte', chops(amid(frame(Op.text, HELLO, { rsv: 4 })), 1)),
  broken('3.5', 'a binary with RSV 5', [frame(Op.binary, ODD, { rsv: 5 })]),
  broken('3.6', 'a ping with RSV 6', [frame(Op.ping, HELLO, { rsv: 6 })]),
  broken('3.7', 'a close with RSV 7', [frame(Op.close, '', { rsv: 7 })]),
]

const opcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode, i): SocketCase => {
  const bad = frame(opcode, i % 5 === 0 ? '' : HELLO)
  const ways = [[bad], [bad], amid(bad), chops(amid(bad), 1), chops(amid(bad), 1)]
  return broken(`4.${opcode < 8 ? 1 : 2}.${(i % 5) + 1}`, `opcode ${opcode}`, ways[i % 5]!)
})

const TWO = Buffer.from('fragment1fragment2')
const halves = fragments(Op.text, TWO, [9])
const pinged = [halves[0]!, frame(Op.ping, 'ping'), halves[1]!]
const FIVE = Buffer.from('fragment1fragment2fragment3fragment4fragment5')
const five = fragments(Op.text, FIVE, [9, 18, 27, 36])
const fivePinged = [
  five[0]!,
  five[1]!,
  frame(Op.ping, 'one'),
  five[2]!,
  five[3]!,
  frame(Op.ping, 'two'),
  five[4]!,
]
const whole = echo([text(TWO)])
const wholePinged = echo([text(TWO)], [Buffer.from('ping')])
const orphan = (fin: boolean): Buffer[] => [frame(Op.continuation, 'orphan', { fin }), FIRST]
const rows: readonly (readonly [
  id: number,
  name: string,
  pieces: readonly Buffer[],
  verdict?: SocketCase['verdict'],
])[] = [
  [1, 'a ping in two fragments', fragments(Op.ping, TWO, [9])],
  [2, 'a pong in two fragments', fragments(Op.pong, TWO, [9])],
  [3, 'a text in two fragments', [Buffer.concat(halves)], whole],
  [4, 'a text in two fragments, frame by frame', halves, whole],
  [5, 'a text in two fragments, byte by byte', chops(halves, 1), whole],
  [6, 'a ping between two fragments', [Buffer.concat(pinged)], wholePinged],
  [7, 'a ping between two fragments, frame by frame', pinged, wholePinged],
  [8, 'a ping between two fragments, byte by byte', chops(pinged, 1), wholePinged],
  [9, 'a continuation of nothing that ends', [Buffer.concat(orphan(true))]],
  [10, 'the same, frame by frame', orphan(true)],
  [11, 'the same, byte by byte', chops(orphan(true), 1)],
  [12, 'a continuation of nothing that goes on', [Buffer.concat(orphan(false))]],
  [13, 'the same, frame by frame', orphan(false)],
  [14, 'the same, byte by byte', chops(orphan(false), 1)],
  [15, 'a text in fragments, then a continuation of nothing', [...halves, ...orphan(false)]],
  [
    16,
    'continuations of nothing around fragments',
    [frame(0, 'a', { fin: false }), ...halves, frame(0, 'b', { fin: false }), ...halves],
  ],
  [17, 'the same, where they end', [frame(0, 'a'), ...halves, frame(0, 'b'), ...halves]],
  [18, 'a text inside a text', [halves[0]!, frame(Op.text, 'second')]],
  [
    19,
    'pings among five fragments, frame by frame',
    fivePinged,
    echo([text(FIVE)], [Buffer.from('one'), Buffer.from('two')]),
  ],
  [
    20,
    'pings among five fragments',
    [Buffer.concat(fivePinged)],
    echo([text(FIVE)], [Buffer.from('one'), Buffer.from('two')]),
  ],
]
const fragmented = rows.map(
  ([id, name, pieces, verdict = BROKEN]): SocketCase => ({ id: `5.${id}`, name, pieces, verdict }),
)

export const FRAMING: readonly SocketCase[] = [...sizes, ...pings, ...reserved, ...opcodes, ...fragmented]
