/** Statuses, reason phrases, and bodies of every size and framing, both ways. */
import { bare, type Case, chunked, type OriginStep, sized, untilClose } from './script.js'

const one = (title: string, origin: OriginStep[], caller: Case['caller'] = [{}]): Case => ({
  title,
  caller,
  origin: [origin],
})

const statuses: Case[] = [
  one('204 has neither body nor length', bare('204 No Content', ['X-A: 1'])),
  one('205 has an empty body', sized('205 Reset Content', '')),
  one('304 has no body', bare('304 Not Modified', ['ETag: "v1"', 'Cache-Control: max-age=1'])),
  one('304 keeps the length of what it does not send', bare('304 Not Modified', ['Content-Length: 4711'])),
  one('206 with its range', sized('206 Partial Content', 'cde', ['Content-Range: bytes 2-4/10']), [
    { fields: ['Range: bytes=2-4', 'If-Range: "v1"'] },
  ]),
  one(
    '206 with several ranges',
    sized('206 Partial Content', '--x\r\n\r\na\r\n--x--', ['Content-Type: multipart/byteranges; boundary=x']),
    [{ fields: ['Range: bytes=0-0,2-2'] }],
  ),
  one('416 with the size', sized('416 Range Not Satisfiable', '', ['Content-Range: bytes */10']), [
    { fields: ['Range: bytes=20-'] },
  ]),
  one(
    '401 with several challenges',
    sized('401 Unauthorized', 'who?', [
      'WWW-Authenticate: Basic realm="a, b"',
      'WWW-Authenticate: Bearer scope="x y"',
      'WWW-Authenticate: Negotiate',
    ]),
    [{ fields: ['Authorization: Basic dTpw'] }],
  ),
  ...[
    '/relative?x#f',
    'http://127.0.0.1:9/absolute',
    '//other.test/x',
    '../up',
    'https://gw.test/t/x',
    'mailto:a@b',
  ].map((to) => one(`a Location of ${to} is not touched`, sized('302 Found', 'go', [`Location: ${to}`]))),
  ...['300 Multiple Choices', '303 See Other', '307 Temporary Redirect', '308 Permanent Redirect'].map(
    (status) => one(`${status} with a body`, sized(status, 'there', ['Location: /x'])),
  ),
  ...['400 Bad Request', '403 Forbidden', '404 Not Found', '405 Method Not Allowed', '409 Conflict'].map(
    (status) =>
      one(
        `${status} with a body`,
        sized(status, '{"error":1}', ['Content-Type: application/json', 'Allow: GET']),
      ),
  ),
  ...['413 Content Too Large', "418 I'm a Teapot", '422 Unprocessable Entity', '429 Too Many Requests'].map(
    (status) => one(`${status} with a body`, sized(status, 'no', ['Retry-After: 7'])),
  ),
  ...[
    '500 Internal Server Error',
    '502 Bad Gateway',
    '503 Service Unavailable',
    '504 Gateway Timeout',
    '599 Odd',
  ].map((status) => one(`${status} with a body`, sized(status, 'oh', ['Retry-After: 0']))),
  one('a status that nobody registered', sized('299 Nearly', 'x')),
  one('a reason phrase of its own', sized('200 Everything is fine, thank you', 'x')),
  one('a reason phrase in UTF-8', sized(`200 ${Buffer.from('Schön').toString('latin1')}`, 'x')),
  one('a reason phrase with punctuation', sized('404 "Not" <here>; try: /there', 'x')),
  one('an old reason phrase', sized('302 Moved Temporarily', 'x')),
  one('no reason phrase for a status without one', sized('299 ', 'x')),
  one('no reason phrase for a known status', sized('200 ', 'x'), [{}]),
]

const KIB = 1024
const SIZES = [
  0,
  1,
  2,
  100,
  1400,
  16 * KIB - 1,
  16 * KIB,
  16 * KIB + 1,
  64 * KIB - 65,
  64 * KIB - 1,
  64 * KIB,
  64 * KIB + 1,
  256 * KIB,
  KIB * KIB,
]

const downloads: Case[] = SIZES.flatMap((size) => [
  one(`${size} bytes down, sized`, sized('200 OK', size)),
  one(`${size} bytes down, chunked`, chunked('200 OK', size, 8191)),
  one(`${size} bytes down, until close`, untilClose('200 OK', size)),
])

const uploads: Case[] = SIZES.flatMap((size) => [
  one(`${size} bytes up, sized`, sized('201 Created', 'got it'), [{ method: 'PUT', body: size }]),
  one(`${size} bytes up, chunked`, sized('201 Created', 'got it'), [
    { method: 'POST', body: size, chunk: 8191 },
  ]),
])

const shapes: Case[] = [
  one('chunks of one byte', chunked('200 OK', 300, 1)),
  one('chunks of 17 bytes', chunked('200 OK', 5000, 17)),
  one('chunks of 100,000 bytes', chunked('200 OK', 400_000, 100_000)),
  one('chunks up of one byte', sized('200 OK', 'ok'), [{ method: 'POST', body: 300, chunk: 1 }]),
  one('chunks up of 100,000 bytes', sized('200 OK', 'ok'), [
    { method: 'POST', body: 400_000, chunk: 100_000 },
  ]),
  one('a chunked upload behind a chunked download', chunked('200 OK', 70_000, 999), [
    { method: 'POST', body: 70_000, chunk: 333 },
  ]),
  one('a body that looks like a chunked one', sized('200 OK', '5\r\nhello\r\n0\r\n\r\n')),
  one('a body that looks like a head', sized('200 OK', 'HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nabc')),
  one('a request body that looks like a request', sized('200 OK', 'ok'), [
    { method: 'POST', body: 'GET /evil HTTP/1.1\r\nHost: x\r\n\r\n' },
  ]),
  one('every byte value', sized('200 OK', String.fromCharCode(...Array(256).keys())), [
    { method: 'POST', body: String.fromCharCode(...Array(256).keys()) },
  ]),
  one('a gzip body is not unpacked', sized('200 OK', '\x1f\x8b\x08\x00', ['Content-Encoding: gzip']), [
    { fields: ['Accept-Encoding: gzip, br;q=0.5'] },
  ]),
  one('a gzip request body is not unpacked', sized('200 OK', 'ok'), [
    { method: 'POST', body: '\x1f\x8b\x08\x00', fields: ['Content-Encoding: gzip'] },
  ]),
  one('an empty POST with a length', sized('200 OK', 'ok'), [{ method: 'POST', body: '' }]),
  one('an empty PUT that is chunked', sized('200 OK', 'ok'), [{ method: 'PUT', body: '', chunk: 9 }]),
]

const large: Case[] = [
  { ...one('64 MiB down, sized', sized('200 OK', 64 * KIB * KIB)), once: true },
  {
    ...one('64 MiB up, sized', sized('200 OK', 'ok'), [{ method: 'PUT', body: 64 * KIB * KIB }]),
    once: true,
  },
]

export const ANSWER_CASES: readonly Case[] = [...large, ...statuses, ...downloads, ...uploads, ...shapes]
