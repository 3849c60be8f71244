/** Framing as servers and callers write it: unusual and right, or not right and refused. */
import { every } from './limits.js'
import { bare, type Case, chunked, type OriginStep, sized } from './script.js'

const OK = [sized('200 OK', 'ok')]

/** `raw`: what follows the status line. */
const written = (title: string, raw: string): Case => ({
  title,
  caller: [{}],
  origin: [[{ wait: 'request' }, `HTTP/1.1 200 OK\r\n${raw}`]],
})
const inChunks = (raw: string): string => `Transfer-Encoding: chunked\r\n\r\n${raw}`

const unusual: Case[] = [
  written('a coding called Chunked', 'Transfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
  written('a chunk with an extension', inChunks('2;a=b;c="d"\r\nok\r\n0\r\n\r\n')),
  written('chunk sizes with leading zeros', inChunks('0002\r\nok\r\n000\r\n\r\n')),
  written('chunk sizes in capitals', inChunks('A\r\n0123456789\r\n0\r\n\r\n')),
  written('fields without a space behind the colon', 'A:b\r\nC:   d  \r\nContent-Length:2\r\n\r\nok'),
  {
    title: 'a head that comes in pieces',
    caller: [{}],
    origin: [[{ wait: 'request' }, 'HTTP/1.1 200 O', 'K\r\nContent-Len', 'gth: 2\r\n', '\r', '\n', 'o', 'k']],
  },
  { title: 'a 205 in chunks', caller: [{}], origin: [chunked('205 Reset Content', '', 1)] },
  {
    title: 'a 304 with a transfer coding',
    caller: [{}],
    origin: [bare('304 Not Modified', ['Transfer-Encoding: chunked'])],
  },
  {
    title: 'a 304 with a length of 0',
    caller: [{}],
    origin: [bare('304 Not Modified', ['Content-Length: 0'])],
  },
  {
    title: 'request fields without a space behind the colon',
    caller: [{ fields: ['A:b', 'C:   d  '] }],
    origin: OK,
  },
  {
    title: 'Connection names what frames the body',
    caller: [{ method: 'POST', body: 'abc', fields: ['Connection: content-length'] }],
    origin: OK,
  },
  { title: 'Expect of something else', caller: [{ fields: ['Expect: something'] }], origin: OK },
]

const bodies: Case[] = ['HEAD', 'GET', 'OPTIONS', 'DELETE', 'LOCK'].flatMap((method) => [
  {
    title: `${method} with a body of 100,000 bytes`,
    caller: [{ method, body: 100_000 }],
    origin: [bare('200 OK', ['Content-Length: 0'])],
  },
  {
    title: `${method} with a body in chunks`,
    caller: [{ method, body: 100_000, chunk: 777 }],
    origin: [bare('200 OK', ['Content-Length: 0'])],
  },
])

const empty: Case[] = ['PUT', 'PATCH', 'PROPFIND', 'QUERY'].map((method) => ({
  title: `${method} with a length of 0`,
  caller: [{ method, body: '' }],
  origin: OK,
}))

const lost: Case[] = ['GET', 'DELETE', 'MKCOL'].map((method) => ({
  title: `${method} with a length of 0`,
  caller: [{ method, body: '' }],
  origin: OK,
  limits: [every('zero-length', { request: { fields: [] } })],
}))

const broken: [string, OriginStep[]][] = [
  [
    'an answer with two lengths',
    [{ wait: 'request' }, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok'],
  ],
  [
    'an answer with a folded field',
    [{ wait: 'request' }, 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nok'],
  ],
]

const refused: Case[] = [
  ...broken.map(
    ([title, steps]): Case => ({
      title,
      caller: [{}],
      origin: [steps],
      limits: [
        every('malformed-answer', {
          refused: '502 Bad Gateway',
          late: true,
        }),
      ],
    }),
  ),
  ...[
    ['a request whose length has a leading zero', 'Content-Length: 00'],
    ['a request with an odd coding', 'Transfer-Encoding: gzip, chunked'],
    ['a request with a field that imitates its length', 'Content_Length: 0'],
  ].map(
    ([title, line]): Case => ({
      title: title!,
      caller: [
        line!.startsWith('T') ? { method: 'POST', fields: [line!] } : { fields: [line!] },
        '0\r\n\r\n',
      ],
      origin: OK,
      limits: [every('ambiguous', { refused: '400 Bad Request' })],
    }),
  ),
]

export const FRAMING_CASES: readonly Case[] = [
  ...unusual,
  ...bodies,
  ...empty,
  ...lost,
  ...refused,
  {
    title: 'a 204 with a length of 0',
    caller: [{}],
    origin: [bare('204 No Content', ['Content-Length: 0'])],
    limits: [every('no-content', { answer: { fields: [] } })],
  },
]
