/** Section 6: what is a text, and what only looks like one. */
import {
  chops,
  echo,
  fragments,
  fragmentsOf,
  frame,
  NO_TEXT,
  Op,
  type SocketCase,
  sent,
  text,
} from './case.js'

const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex')
const KOSME = 'ce ba e1 bd b9 cf 83 ce bc ce b5'
const GOOD = Buffer.from('Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!')
/** A lone surrogate inside a text. */
const BAD = Buffer.concat([hex(`${KOSME} ed a0 80`), Buffer.from('edited')])
/** Past U+10FFFF inside a text. */
const HIGH = Buffer.concat([hex(`${KOSME} f4 90 80 80`), Buffer.from('edited')])

const good = (id: string, name: string, pieces: readonly Buffer[], payload: Buffer): SocketCase => ({
  id,
  name,
  pieces,
  verdict: echo([text(payload)]),
})
const bad = (id: string, name: string, pieces: readonly Buffer[]): SocketCase => ({
  id,
  name,
  pieces,
  verdict: NO_TEXT,
})

const cut = (payload: Buffer, ...ends: number[]): Buffer[] => fragments(Op.text, payload, ends)
const SOME = Buffer.from('middle frame payload')

const ways: SocketCase[] = [
  good('6.1.1', 'an empty text', [frame(Op.text)], Buffer.alloc(0)),
  good('6.1.2', 'three empty fragments', cut(Buffer.alloc(0), 0, 0), Buffer.alloc(0)),
  good('6.1.3', 'an empty fragment either side', cut(SOME, 0, SOME.length), SOME),
  good('6.2.1', 'UTF-8', [sent(text(GOOD))], GOOD),
  good('6.2.2', 'UTF-8 in two fragments', cut(GOOD, 11), GOOD),
  good('6.2.3', 'UTF-8 byte by byte', chops([sent(text(GOOD))], 1), GOOD),
  good('6.2.4', 'UTF-8 in fragments of a byte', fragmentsOf(Op.text, GOOD, 1), GOOD),
  bad('6.3.1', 'a surrogate', [frame(Op.text, BAD)]),
  bad('6.3.2', 'a surrogate in fragments of a byte', fragmentsOf(Op.text, BAD, 1)),
  bad('6.4.1', 'a bad fragment amid good ones', cut(HIGH, 11, 15)),
  bad('6.4.2', 'a bad character cut by a fragment', cut(HIGH, 12, 13)),
  bad('6.4.3', 'a bad fragment, in pieces', chops([frame(Op.text, HIGH)], 21)),
  bad('6.4.4', 'a bad character, in pieces', chops([frame(Op.text, HIGH)], 18)),
]

/** Each row: digits, and whether it is a text. */
const SEQUENCES: Readonly<Record<string, readonly (readonly [digits: string, valid: boolean])[]>> = {
  '6.5': ['ce ba', 'ce ba e1 bd b9', 'ce ba e1 bd b9 cf 83', 'ce ba e1 bd b9 cf 83 ce bc', KOSME].map((d) => [
    d,
    true,
  ]),
  '6.6': Array.from({ length: 11 }, (_, i) => [KOSME.slice(0, 3 * (i + 1)), [1, 4, 6, 8, 10].includes(i)]),
  '6.7': ['00', 'c2 80', 'e0 a0 80', 'f0 90 80 80'].map((d) => [d, true]),
  '6.8': ['f8 88 80 80 80', 'fc 84 80 80 80 80'].map((d) => [d, false]),
  '6.9': ['7f', 'df bf', 'ef bf bf', 'f4 8f bf bf'].map((d) => [d, true]),
  '6.10': ['f7 bf bf bf', 'fb bf bf bf bf', 'fd bf bf bf bf bf'].map((d) => [d, false]),
  '6.11': [
    ...['ed 9f bf', 'ee 80 80', 'ef bf bd', 'f4 8f bf bf'].map((d) => [d, true] as const),
    ['f4 90 80 80', false],
  ],
  '6.12': [
    ...['80', 'bf'],
    ...[2, 3, 4, 5, 6].map((n) => '80bf'.repeat(3).slice(0, 2 * n)),
    bytes(0x80, 0xbf),
  ].map((d) => [d, false]),
  '6.13': [
    spaced(0xc0, 0xdf),
    spaced(0xe0, 0xef),
    spaced(0xf0, 0xf7),
    spaced(0xf8, 0xfb),
    spaced(0xfc, 0xfd),
  ].map((d) => [d, false]),
  '6.14': [
    'c0',
    'e0 80',
    'f0 80 80',
    'f8 80 80 80',
    'fc 80 80 80 80',
    'df',
    'ef bf',
    'f7 bf bf',
    'fb bf bf bf',
    'fd bf bf bf bf',
  ].map((d) => [d, false]),
  '6.15': [
    ['c0 e0 80 f0 80 80 f8 80 80 80 fc 80 80 80 80 df ef bf f7 bf bf fb bf bf bf fd bf bf bf bf', false],
  ],
  '6.16': ['fe', 'ff', 'fe fe ff ff'].map((d) => [d, false]),
  '6.17': ['c0 af', 'e0 80 af', 'f0 80 80 af', 'f8 80 80 80 af', 'fc 80 80 80 80 af'].map((d) => [d, false]),
  '6.18': ['c1 bf', 'e0 9f bf', 'f0 8f bf bf', 'f8 87 bf bf bf', 'fc 83 bf bf bf bf'].map((d) => [d, false]),
  '6.19': ['c0 80', 'e0 80 80', 'f0 80 80 80', 'f8 80 80 80 80', 'fc 80 80 80 80 80'].map((d) => [d, false]),
  '6.20': ['a0 80', 'ad bf', 'ae 80', 'af bf', 'b0 80', 'be 80', 'bf bf'].map((d) => [`ed ${d}`, false]),
  '6.21': ['a0 80', 'ad bf', 'ae 80', 'af bf'].flatMap((d) => [
    [`ed ${d} ed b0 80`, false],
    [`ed ${d} ed bf bf`, false],
  ]),
  '6.22': Array.from({ length: 17 }, (_, plane) => plane * 0x10000 + 0xfffe).flatMap((point) => [
    [Buffer.from(String.fromCodePoint(point)).toString('hex'), true],
    [Buffer.from(String.fromCodePoint(point + 1)).toString('hex'), true],
  ]),
  '6.23': Array.from({ length: 7 }, (_, i) => [`ef bf ${(0xb9 + i).toString(16)}`, true]),
}

function bytes(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, i) => (from + i).toString(16)).join('')
}

function spaced(from: number, to: number): string {
  return bytes(from, to).replace(/../g, '$&20')
}

export const UTF8: readonly SocketCase[] = [
  ...ways,
  ...Object.entries(SEQUENCES).flatMap(([section, rows]) =>
    rows.map(([digits, valid], i) => {
      const payload = hex(digits)
      const name = digits.slice(0, 40)
      const id = `${section}.${i + 1}`
      return valid ? good(id, name, [sent(text(payload))], payload) : bad(id, name, [frame(Op.text, payload)])
    }),
  ),
]
