/** What one engine, or both, cannot do, and what happens instead. */
import { every, LENGTH_TAB, node, uws } from './limits.js'
import { type Case, chunked, sized } from './script.js'

const OK = [sized('200 OK', 'ok')]
const UNSERVED = { refused: '505 HTTP Version Not Supported' }
const BAD = { refused: '400 Bad Request' }

const interim = (status: string): Case => ({
  title: `${status} before the answer`,
  caller: [{}],
  origin: [
    [
      { wait: 'request' },
      `HTTP/1.1 ${status}\r\nLink: </a.css>; rel=preload\r\n\r\n`,
      ...sized('200 OK', 'ok'),
    ],
  ],
  limits: [every('interim', { answer: { interims: [] } })],
})

const heads: Case[] = [
  {
    title: 'HTTP/1.0',
    caller: [{ version: '1.0' }],
    origin: OK,
    limits: [uws('http-1.0', UNSERVED)],
  },
  {
    title: 'a target in absolute form',
    caller: [{ form: 'absolute' }],
    origin: OK,
    limits: [uws('target-form', UNSERVED)],
  },
  {
    title: 'OPTIONS *',
    caller: [{ method: 'OPTIONS', form: 'asterisk' }],
    origin: OK,
    limits: [uws('target-form', UNSERVED), node('target-form', BAD)],
  },
  {
    title: 'a request line cut behind its method',
    caller: [{ cut: 4 }],
    origin: OK,
    limits: [uws('split-line', UNSERVED)],
  },
  {
    title: 'a request line cut amid its target',
    caller: [{ target: '/some/path', cut: 9 }],
    origin: OK,
  },
  {
    title: 'a request head cut amid its fields',
    caller: [{ fields: ['X-A: 1', 'X-B: 2'], cut: 100 }],
    origin: OK,
  },
  {
    title: '100 request fields',
    caller: [{ fields: Array.from({ length: 98 }, (_, i) => `X-${i}: 1`) }],
    origin: OK,
    limits: [every('request-fields', { refused: '431 Request Header Fields Too Large' })],
  },
  {
    title: 'latin1 at both ends of a request value',
    caller: [{ fields: ['X-Ends: \xe4 middle \xff'] }],
    origin: OK,
    limits: [uws('value-ends', { request: { fields: ['x-ends: middle'] } })],
  },
  {
    title: 'latin1 in one of two fields of a name',
    caller: [{ fields: ['X-Twice: a', 'X-Twice: a\xe4b'] }],
    origin: OK,
    limits: [uws('field-bytes', BAD)],
  },
  {
    title: 'a tab behind a length',
    caller: [{ fields: ['Content-Length: 2\t'] }, 'ab'],
    origin: OK,
    limits: [{ ...node('length-tab', BAD), here: LENGTH_TAB }],
  },
  {
    title: 'a target in latin1',
    caller: [{ target: '/sch\xf6n' }],
    origin: OK,
    limits: [uws('target-bytes', BAD), node('target-bytes', BAD)],
  },
  {
    title: 'a target with a space',
    caller: [{ target: '/a b' }],
    origin: OK,
    limits: [uws('malformed', UNSERVED), node('malformed', BAD)],
  },
]

const malformed: Case[] = [
  {
    title: 'a field without a name',
    caller: [{ fields: [': 1', 'X-Behind: 2'] }],
    origin: OK,
    limits: [uws('nameless', { request: { fields: [] } }), node('malformed', BAD)],
  },
  {
    title: 'a chunk of a request with an extension',
    caller: [
      { method: 'POST', body: '', chunk: 1, headOnly: true },
      '2;a=b\r\nok\r\n0\r\n\r\n',
      { note: 'request' },
      'close',
    ],
    origin: OK,
    limits: [
      uws('chunk-rules', {
        notes: [0],
        answer: { status: '', fields: [], ending: 'truncated' },
        request: { bytes: 0, hash: '', ending: 'cut' },
      }),
    ],
    leaves: true,
  },
]

const bodies: Case[] = [
  {
    title: 'a date of the origin',
    caller: [{}],
    origin: [sized('200 OK', 'ok', ['Date: Thu, 01 Jan 1970 00:00:00 GMT'])],
    limits: [every('date', { answer: { fields: ['content-length: 2'] } })],
  },
  {
    title: 'request trailers',
    caller: [{ method: 'POST', body: 'abc', chunk: 2, trailers: ['X-Sum: 1'] }],
    origin: OK,
    limits: [uws('request-trailers', UNSERVED), node('request-trailers', { request: { trailers: [] } })],
  },
  {
    title: 'response trailers',
    caller: [{ fields: ['TE: trailers'] }],
    origin: [chunked('200 OK', 'abc', 2, ['Trailer: X-Sum'], ['X-Sum: 1'])],
    limits: [every('response-trailers', { answer: { trailers: [] } })],
  },
  {
    title: 'the head of a stream before its first byte',
    caller: [{}, { wait: 'asked' }, { note: 'head' }],
    origin: [
      [
        { wait: 'request' },
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
        { wait: 'noted' },
        '1\r\na\r\n0\r\n\r\n',
      ],
    ],
    limits: [uws('late-head', { notes: [0] })],
  },
  {
    title: 'Expect: 100-continue that the origin does not answer',
    caller: [
      { method: 'PUT', body: 2, headOnly: true, fields: ['Expect: 100-continue'] },
      { note: 'interim' },
      { fill: 2 },
    ],
    origin: OK,
    limits: [every('expect', { notes: [1], answer: { interims: ['100 Continue'] } })],
  },
]

const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
/** The connection has ended. */
const CUT = { refused: '', late: true }
const LEFT = { answer: { ending: 'truncated' } }

const connections: Case[] = [
  {
    title: 'a second request before the first is answered',
    caller: [{ target: '/1' }, { wait: 'request' }, { target: '/2' }, { note: 'ended' }],
    origin: [[{ wait: 'noted' }, ...sized('200 OK', 'one')], ...OK],
    limits: [uws('pipelining', CUT)],
  },
  {
    title: 'a caller that half-closes and waits for its answer',
    caller: [{}, { wait: 'request' }, 'half', { note: 'left' }],
    origin: [[{ wait: 'noted' }, ...sized('200 OK', 'late')]],
    limits: [
      uws('half-close', CUT),
      node('half-close', { answer: { interims: ['100 Continue'] }, notes: [0] }),
    ],
  },
  {
    title: 'a caller that half-closes amid its answer',
    caller: [{}, { wait: 'down', count: 4 }, 'half', { note: 'left' }],
    origin: [
      [{ wait: 'request' }, 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf', { wait: 'noted' }, 'done'],
    ],
    limits: [uws('half-close', LEFT), node('half-close', LEFT)],
    leaves: true,
  },
  {
    title: 'a request behind a chunked one on one connection',
    caller: [{ method: 'POST', body: 'abc', chunk: 2 }, { wait: 'answer' }, { target: '/2' }],
    origin: OK,
    limits: [uws('chunked-last', { served: 1 })],
  },
  {
    title: 'a request behind one with an option of five letters',
    caller: [{ fields: ['Connection: x-abc'] }, { wait: 'answer' }, { target: '/2' }],
    origin: OK,
    limits: [uws('connection-option', { served: 1 })],
  },
  {
    title: 'a request behind an upgrade that nobody serves',
    caller: [{ fields: ['Connection: Upgrade', 'Upgrade: h2c'] }, { wait: 'answer' }, { target: '/2' }],
    origin: OK,
    limits: [every('upgrade', { request: { fields: [] } }), node('after-upgrade', { served: 1 })],
  },
  {
    title: 'a request behind one with Proxy-Connection: close',
    caller: [{ fields: ['Proxy-Connection: close'] }, { wait: 'answer' }, { target: '/2' }],
    origin: OK,
    limits: [node('proxy-connection', { served: 1 })],
  },
  {
    title: 'a request behind a handshake that the origin refuses',
    caller: [{ fields: HANDSHAKE }, { wait: 'answer' }, { target: '/2' }],
    origin: [sized('403 Forbidden', 'no'), ...OK],
    limits: [node('after-upgrade', { served: 1 })],
  },
  {
    title: 'a handshake before the request in front of it is answered',
    caller: [{ target: '/1' }, { wait: 'request' }, { target: '/2', fields: HANDSHAKE }, { note: 'ended' }],
    origin: [[{ wait: 'noted' }, ...sized('200 OK', 'one')], ...OK],
    limits: [uws('pipelining', CUT), node('early-handshake', CUT)],
  },
]

export const ENGINE_CASES: readonly Case[] = [
  interim('103 Early Hints'),
  interim('102 Processing'),
  ...heads,
  ...malformed,
  ...bodies,
  ...connections,
]
