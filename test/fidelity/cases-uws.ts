/** What uWebSockets.js cannot do, and what happens instead. `docs/limits.md` names each of them. */
import { type Case, chunked, type Limit, sized } from './script.js'

const OK = [sized('200 OK', 'ok')]
const uws = (name: string, why: string, rest: Partial<Limit>): Limit => ({ name, why, on: 'uws', ...rest })
const UNSERVED = { refused: '505 HTTP Version Not Supported' }

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
  limit: uws('interim', 'it cannot write a head before the answer', { answer: { interims: [] } }),
})

const heads: Case[] = [
  {
    title: 'HTTP/1.0',
    caller: [{ version: '1.0' }],
    origin: OK,
    limit: uws('http-1.0', 'its parser takes HTTP/1.1 alone', UNSERVED),
  },
  {
    title: 'a target in absolute form',
    caller: [{ form: 'absolute' }],
    origin: OK,
    limit: uws('target-form', 'its parser wants a path', UNSERVED),
  },
  {
    title: 'OPTIONS *',
    caller: [{ method: 'OPTIONS', form: 'asterisk' }],
    origin: OK,
    limit: uws('target-form', 'its parser wants a path', UNSERVED),
  },
  {
    title: 'a request line cut behind its method',
    caller: [{ cut: 4 }],
    origin: OK,
    limit: uws('split-line', 'its parser wants more of the line at once', UNSERVED),
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
    limit: uws('request-fields', 'it has room for so many', {
      refused: '431 Request Header Fields Too Large',
    }),
  },
  {
    title: 'latin1 at both ends of a request value',
    caller: [{ fields: ['X-Ends: \xe4 middle \xff'] }],
    origin: OK,
    limit: uws('value-ends', 'its parser trims them like spaces', {
      request: { fields: ['x-ends: middle'] },
    }),
  },
  {
    title: 'a target in latin1',
    caller: [{ target: '/sch\xf6n' }],
    origin: OK,
    limit: uws('target-bytes', 'it decodes targets as UTF-8', { refused: '400 Bad Request' }),
  },
  {
    title: 'a target with a space',
    caller: [{ target: '/a b' }],
    origin: OK,
    limit: uws('malformed', 'its parser answers by itself', UNSERVED),
  },
]

const bodies: Case[] = [
  {
    title: 'a date of the origin',
    caller: [{}],
    origin: [sized('200 OK', 'ok', ['Date: Thu, 01 Jan 1970 00:00:00 GMT'])],
    limit: uws('date', 'it writes one by itself', { answer: { fields: ['content-length: 2'] } }),
  },
  {
    title: 'request trailers',
    caller: [{ method: 'POST', body: 'abc', chunk: 2, trailers: ['X-Sum: 1'] }],
    origin: OK,
    limit: uws('request-trailers', 'its parser takes them for an error', UNSERVED),
  },
  {
    title: 'response trailers',
    caller: [{ fields: ['TE: trailers'] }],
    origin: [chunked('200 OK', 'abc', 2, ['Trailer: X-Sum'], ['X-Sum: 1'])],
    limit: uws('response-trailers', 'it ends a chunked body by itself', { answer: { trailers: [] } }),
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
    limit: uws('late-head', 'it writes the head of a chunked answer with its first chunk', { notes: [0] }),
  },
  {
    title: 'Expect: 100-continue that the origin does not answer',
    caller: [
      { method: 'PUT', body: 2, headOnly: true, fields: ['Expect: 100-continue'] },
      { note: 'interim' },
      { fill: 2 },
    ],
    origin: OK,
    limit: uws('expect', 'it answers as it reads the head', {
      notes: [1],
      answer: { interims: ['100 Continue'] },
    }),
  },
]

const connections: Case[] = [
  {
    title: 'a second request before the first is answered',
    caller: [{ target: '/1' }, { wait: 'request' }, { target: '/2' }],
    origin: [[{ wait: 'asked', count: 2 }, ...sized('200 OK', 'one')], ...OK],
    limit: uws('pipelining', 'it has one answer at a time', { refused: '', late: true }),
  },
  {
    title: 'a caller that half-closes',
    caller: [{}, 'half'],
    origin: OK,
    limit: uws('half-close', 'it takes the end of one half for the end', { refused: '', late: true }),
  },
  {
    title: 'a request behind a chunked one on one connection',
    caller: [{ method: 'POST', body: 'abc', chunk: 2 }, { wait: 'answer' }, { target: '/2' }],
    origin: OK,
    limit: uws('chunked-last', 'how leniently it read the chunks cannot be seen', { served: 1 }),
  },
]

export const UWS_CASES: readonly Case[] = [
  interim('103 Early Hints'),
  interim('102 Processing'),
  ...heads,
  ...bodies,
  ...connections,
]
