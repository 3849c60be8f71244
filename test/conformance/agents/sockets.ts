/** What a hostile agent says on a WebSocket that it accepted, and what its caller may see of it: never a frame that breaks the rules. */
import { closeFrame, messageFrame } from '../../../shared/message-frames.js'

export interface SocketAgentCase {
  readonly name: string
  /** Bytes of the stream behind its 101. */
  readonly bytes: readonly Buffer[]
  /** The close codes that the caller may see; undefined: no close frame. */
  readonly codes: readonly (number | undefined)[]
  /** Messages that the caller gets. */
  readonly messages?: number
  /** The agent ends its side. */
  readonly ends?: boolean
  /** Fields of the 101. */
  readonly headers?: readonly string[]
  /** The handshake is answered otherwise. */
  readonly refused?: boolean
}

const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex')
const message = (binary: boolean, payload: Buffer): Buffer => Buffer.concat(messageFrame(binary, payload))
const GOOD = message(false, Buffer.from('good'))
const CLOSE = Buffer.from(closeFrame(1000, ''))

const broken = (name: string, digits: string): SocketAgentCase => ({
  name,
  bytes: [hex(digits)],
  codes: [1011],
})
const said = (name: string, headers: readonly string[], refused = false): SocketAgentCase => ({
  name,
  headers,
  bytes: [GOOD, CLOSE],
  codes: [1000],
  messages: 1,
  ends: true,
  refused,
})
/** A close frame with this code. */
const closes = (code: number, codes: readonly (number | undefined)[]): SocketAgentCase => ({
  name: `the close code ${code}`,
  bytes: [Buffer.of(0x88, 2, code >> 8, code & 0xff)],
  codes,
  ends: true,
})

export const SOCKET_AGENT_CASES: readonly SocketAgentCase[] = [
  broken('a masked frame', '8180 01020304'),
  broken('a reserved bit', 'c100'),
  broken('every reserved bit', 'f100'),
  broken('an unknown opcode', '8300'),
  broken('a ping', '8900'),
  broken('a pong', '8a00'),
  broken('a continuation of nothing', '8000'),
  broken('a message inside a message', '0100 8100'),
  broken('a fragmented close', '0800'),
  broken('a close of one byte', '880100'),
  broken('a close longer than a control frame', '887e007e'),
  broken('a text that is no UTF-8', '8102c328'),
  broken('a text cut amid a character', '8101c3'),
  { name: 'a length of 2^63', bytes: [hex('827f 8000000000000000')], codes: [1009] },
  { name: 'a length of 2^32', bytes: [hex('827f 0000000100000000')], codes: [1009] },
  { name: 'a message past --max-message', bytes: [hex('827f 0000000001000001')], codes: [1009] },
  { name: 'a broken frame behind a good one', bytes: [GOOD, hex('8300')], codes: [1011], messages: 1 },
  { name: 'no close frame', bytes: [GOOD], codes: [undefined], messages: 1, ends: true },
  { name: 'half a frame', bytes: [hex('8205 01')], codes: [undefined], ends: true },
  { name: 'messages behind a close', bytes: [CLOSE, GOOD, GOOD], codes: [1000], ends: true },
  { name: 'two closes', bytes: [CLOSE, CLOSE], codes: [1000], ends: true },
  { name: 'a reason that is no UTF-8', bytes: [hex('8804 03e8 c328')], codes: [1000], ends: true },
  {
    name: 'a message of 20,000 fragments',
    bytes: [
      hex('0200'),
      ...Array.from({ length: 20 }, () => Buffer.alloc(3000, hex('000161'))),
      hex('8000'),
      CLOSE,
    ],
    codes: [1000],
    messages: 1,
    ends: true,
  },
  {
    name: '10,000 empty messages',
    bytes: [...Array.from({ length: 10 }, () => Buffer.alloc(2000, hex('8200'))), CLOSE],
    codes: [1000],
    messages: 10_000,
    ends: true,
  },
  closes(1000, [1000]),
  closes(4999, [4999]),
  // No close frame may carry them, so the caller gets one without a code.
  ...[0, 999, 1004, 1005, 1006, 1015].map((code) => closes(code, [1005])),
  closes(5000, [1005]),
  closes(65_535, [1005]),
  said('a handshake of its own', ['sec-websocket-accept', 'bm9wZQ==', 'upgrade', 'x', 'connection', 'close']),
  said('an extension', ['sec-websocket-extensions', 'permessage-deflate']),
  said('lengths', ['content-length', '5', 'transfer-encoding', 'chunked']),
  said('a field that splits', ['x', 'a\r\n\r\n'], true),
  said('a protocol that splits', ['sec-websocket-protocol', 'a\r\nx-injected: 1'], true),
  said('two lengths', ['content-length', '5', 'content-length', '6'], true),
]
