/** Sections 9 and 10: large messages, many fragments, many messages. `GW_CONFORMANCE_FULL=1`: in their published sizes. */
import { binary, chops, echo, fragmentsOf, type Message, Op, type SocketCase, sent, text } from './case.js'

const FULL = process.env.GW_CONFORMANCE_FULL === '1'
/** Every test run makes them so much smaller. */
const SCALE = FULL ? 1 : 16
const KIB = 1024
const MIB = 1024 * KIB

const fill = (opcode: number, size: number): Message =>
  (opcode === Op.text ? text : binary)(Buffer.alloc(size, '*'))
const SIZES = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].map((size) => size / SCALE)
const PIECES = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB]
const CHOPS = [64, 128, 256, 512, KIB, 2 * KIB]
const MESSAGES = [0, 16, 64, 256, KIB, 4 * KIB]
const COUNT = 1000 / (FULL ? 1 : 10)

const KINDS = [
  [Op.text, 'text'],
  [Op.binary, 'binary'],
] as const

export const LOAD: readonly SocketCase[] = [
  ...KINDS.flatMap(([opcode, word], kind) => [
    ...SIZES.map((size, i) => ({
      id: `9.${1 + kind}.${i + 1}`,
      name: `a ${word} of ${size} bytes`,
      pieces: [sent(fill(opcode, size))],
      verdict: echo([fill(opcode, size)]),
    })),
    ...PIECES.map((size, i) => ({
      id: `9.${3 + kind}.${i + 1}`,
      name: `a ${word} of ${(4 * MIB) / SCALE} bytes in fragments of ${size}`,
      pieces: [Buffer.concat(fragmentsOf(opcode, fill(opcode, (4 * MIB) / SCALE).payload, size))],
      verdict: echo([fill(opcode, (4 * MIB) / SCALE)]),
    })),
    ...CHOPS.map((size, i) => ({
      id: `9.${5 + kind}.${i + 1}`,
      name: `a ${word} of ${MIB / SCALE} bytes in chops of ${size}`,
      pieces: chops([sent(fill(opcode, MIB / SCALE))], size),
      verdict: echo([fill(opcode, MIB / SCALE)]),
    })),
    ...MESSAGES.map((size, i) => ({
      id: `9.${7 + kind}.${i + 1}`,
      name: `${COUNT} ${word} messages of ${size} bytes`,
      pieces: [Buffer.concat(Array.from({ length: COUNT }, () => sent(fill(opcode, size))))],
      verdict: echo(Array.from({ length: COUNT }, () => fill(opcode, size))),
    })),
  ]),
  {
    id: '10.1.1',
    name: 'a text of 65536 bytes in fragments of 1300',
    pieces: fragmentsOf(Op.text, Buffer.alloc(65_536, '*'), 1300),
    verdict: echo([fill(Op.text, 65_536)]),
  },
  {
    id: 'x.8',
    name: 'a binary of 20,000 fragments of a byte',
    pieces: [Buffer.concat(fragmentsOf(Op.binary, fill(Op.binary, 20_000).payload, 1))],
    verdict: echo([fill(Op.binary, 20_000)]),
  },
]
