/** Section 7: how a socket ends. And what no list has: frames without a mask, lengths that lie. */
import {
  BROKEN,
  closed,
  closing,
  fragments,
  frame,
  NO_TEXT,
  Op,
  type SocketCase,
  type SocketVerdict,
  sent,
  text,
} from './case.js'

const HELLO = text('Hello World!')
const HALF = fragments(Op.text, Buffer.from('fragment1fragment2'), [9])
/** Whether what came before the close frame is still echoed is a matter of time. */
const OK = closed([1000])

/** An engine may answer a close frame that is none with an empty one. */
const BAD_CLOSE: SocketVerdict = { kind: 'failed', codes: [1002, 1005] }

const row = (id: string, name: string, pieces: readonly Buffer[], verdict: SocketVerdict): SocketCase => ({
  id,
  name,
  pieces,
  verdict,
})

const ways: SocketCase[] = [
  row('7.1.1', 'a text, then a close', [sent(HELLO), closing(1000)], closed([1000], [HELLO])),
  row('7.1.2', 'two closes', [closing(1000), closing(1000)], OK),
  row('7.1.3', 'a ping behind a close', [closing(1000), frame(Op.ping)], OK),
  row('7.1.4', 'a text behind a close', [closing(1000), sent(HELLO)], OK),
  row('7.1.5', 'a close amid a message', [HALF[0]!, closing(1000), HALF[1]!], OK),
  row(
    '7.1.6',
    'a close behind 256 KiB, a ping behind it',
    [frame(Op.text, Buffer.alloc(262_144, 'B')), sent(HELLO), closing(1000), frame(Op.ping)],
    OK,
  ),
  row('7.3.1', 'a close without a code', [frame(Op.close)], closed([1000, 1005])),
  row('7.3.2', 'a close of one byte', [frame(Op.close, 'a')], BAD_CLOSE),
  row('7.3.3', 'a close with a code', [closing(1000)], OK),
  row('7.3.4', 'a close with a reason', [closing(1000, 'Hello World!')], OK),
  row('7.3.5', 'a close with the longest reason', [closing(1000, '*'.repeat(123))], OK),
  row('7.3.6', 'a close with a longer one', [closing(1000, '*'.repeat(124))], BAD_CLOSE),
  row(
    '7.5.1',
    'a close with a reason that is no text',
    [closing(1000, Buffer.from('cebae1bdb9cf83cebceda080', 'hex'))],
    { kind: 'failed', codes: [1002, 1005, 1007] },
  ),
]

const codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map(
  (code, i): SocketCase => ({
    ...row(`7.7.${i + 1}`, `code ${code}`, [closing(code)], closed([code])),
    ...(code >= 1012 && code < 4000 && { limits: { uws: { name: 'close-codes', verdict: BAD_CLOSE } } }),
  }),
)

const badCodes = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].map((code, i) =>
  row(`7.9.${i + 1}`, `code ${code}`, [closing(code)], BAD_CLOSE),
)

/** What comes of them is each server's own affair; here they are refused. */
const pastCodes = [5000, 65_535].map((code, i) =>
  row(`7.13.${i + 1}`, `code ${code}`, [closing(code)], BAD_CLOSE),
)

const LIES = { kind: 'failed', codes: [1002, 1009] } as const

const ours: SocketCase[] = [
  row('x.1', 'a text without a mask', [frame(Op.text, 'Hello', { masked: false }), sent(HELLO)], BROKEN),
  row('x.2', 'a length of 2^63', [frame(Op.binary, '', { length: 1n << 63n })], LIES),
  row('x.3', 'a length of 2^64 - 1', [frame(Op.binary, '', { length: (1n << 64n) - 1n })], LIES),
  row('x.4', 'a length of 2^53 + 1', [frame(Op.binary, '', { length: (1n << 53n) + 1n })], LIES),
  row('x.5', 'a length of 2^32', [frame(Op.binary, '', { length: 1n << 32n })], LIES),
  row('x.6', 'a ping with a length of 2^32', [frame(Op.ping, '', { length: 1n << 32n })], LIES),
  row('x.7', 'a bad text behind a good one', [sent(HELLO), frame(Op.text, Buffer.of(0xff))], NO_TEXT),
]

export const CLOSING: readonly SocketCase[] = [...ways, ...codes, ...badCodes, ...pastCodes, ...ours]
