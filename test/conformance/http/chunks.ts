/** Chunks: what frames the body itself. What the engine read of them cannot be seen, so that nothing behind is served. */
import { CHUNKED, HOST, type HttpCase, on, PATH, post, row, SMUGGLED, type Verdict } from './case.js'

const LAST: Record<'uws' | 'node', Verdict> = on('chunked-last', 'served')
const RULES = on('chunk-rules', 'malformed')

const chunked = (name: string, body: string, verdict: HttpCase['verdict'], got?: string): HttpCase =>
  row(name, post([CHUNKED], body), verdict, got === undefined ? {} : { body: got })

/** First lines of a chunk that holds `hello`. */
const SIZES: readonly (readonly [line: string, verdict?: HttpCase['verdict']])[] = [
  ['+5'],
  ['-5'],
  ['0x5'],
  ['5x'],
  ['x5'],
  ['g'],
  ['5g'],
  ['5h'],
  [''],
  [' 5'],
  ['\t5'],
  ['5 '],
  ['5\t'],
  ['5 5'],
  ['5,'],
  ['5,5'],
  ['5_'],
  ['"5"'],
  ['5.0'],
  ['\x005'],
  ['5\x00'],
  ['\xff'],
  ['five'],
  ['10000000000000005'],
  ['100000000000000005'],
  ['ffffffffffffffff', on('chunk-rules', 408)],
  ['fffffffffffffffff'],
  ['7fffffffffffffff', on('chunk-rules', 408)],
  ['80000000', on('chunk-rules', 408)],
  ['5 ;a=b'],
  ['5;'],
  ['5;;'],
  ['5;=b', on('chunk-rules', 'served')],
  ['5;a=b=c'],
  ['5;a=\x00'],
  ['5;a\x7f'],
  ['5;a=\x0b'],
  ['5;a\nb'],
  ['5\rb'],
  ['5\n'],
]

const EXTENSIONS = ['5;a', '5;a=b', '5;a="b c"', '5;a;b=c', '5;a=";"', `5;${'a'.repeat(2000)}`]

/** What comes behind the data of the one chunk. */
const ENDS: readonly (readonly [name: string, text: string])[] = [
  ['nothing', '0\r\n\r\n'],
  ['a LF', '\n0\r\n\r\n'],
  ['a CR', '\r0\r\n\r\n'],
  ['two CR', '\r\r\n0\r\n\r\n'],
  ['a LF and a CR', '\n\r0\r\n\r\n'],
  ['a byte too many', 'X\r\n0\r\n\r\n'],
  ['two bytes too many', 'XX0\r\n\r\n'],
  ['a space', ' \r\n0\r\n\r\n'],
  ['a request', `\r\n${SMUGGLED}`],
  ['a last chunk with a LF', '\r\n0\n\r\n'],
  ['a last chunk with LF alone', '\r\n0\n\n'],
  ['a last chunk with a CR', '\r\n0\r\r\n'],
  ['a last chunk and a space', '\r\n0 \r\n\r\n'],
  ['an empty line for a last chunk', '\r\n\r\n'],
  ['a last chunk with a sign', '\r\n-0\r\n\r\n'],
  ['a last chunk of 0x0', '\r\n0x0\r\n\r\n'],
  ['a LF behind the last chunk', '\r\n0\r\n\n'],
  ['a byte behind the last chunk', '\r\n0\r\nX\r\n'],
]

const TRAILERS: readonly (readonly [name: string, text: string, verdict?: HttpCase['verdict']])[] = [
  ['a trailer', 'X-Sum: 1'],
  ['a length as trailer', 'Content-Length: 50', on('request-trailers', 'malformed')],
  ['a coding as trailer', 'Transfer-Encoding: chunked', on('request-trailers', 'malformed')],
  ['a Host as trailer', 'Host: evil.test'],
  ['credentials as trailer', 'Authorization: Bearer x'],
  ['a type as trailer', 'Content-Type: text/x'],
  ['a forwarded address as trailer', 'X-Forwarded-For: 192.0.2.9'],
]

const BAD_TRAILERS: readonly (readonly [name: string, text: string])[] = [
  ['a folded trailer', 'X: 1\r\n 2'],
  ['a trailer without a colon', 'X-Sum'],
  ['a trailer without a name', ': 1'],
  ['a trailer with a space in its name', 'X Sum: 1'],
  ['a trailer with a NUL', 'X: \x00'],
  ['a trailer that is a request', `GET ${PATH}/smuggled HTTP/1.1\r\n${HOST}`],
]

export const CHUNKS: readonly HttpCase[] = [
  chunked('one chunk', '5\r\nhello\r\n0\r\n\r\n', LAST, 'hello'),
  chunked('several chunks', '1\r\nh\r\n2\r\nel\r\n2\r\nlo\r\n0\r\n\r\n', LAST, 'hello'),
  chunked('no chunk but the last', '0\r\n\r\n', LAST),
  chunked('a size in capitals', 'A\r\nhellohello\r\n0\r\n\r\n', LAST, 'hellohello'),
  chunked('a size in small letters', 'a\r\nhellohello\r\n0\r\n\r\n', LAST, 'hellohello'),
  chunked('a size with zeros before it', '0005\r\nhello\r\n0\r\n\r\n', LAST, 'hello'),
  chunked('a last chunk of many zeros', '5\r\nhello\r\n0000\r\n\r\n', LAST, 'hello'),
  chunked(
    'a chunk that is a request',
    `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    LAST,
    SMUGGLED,
  ),
  chunked('a chunk of line ends', '4\r\n\r\n\r\n\r\n0\r\n\r\n', LAST, '\r\n\r\n'),
  chunked('a chunk that looks like the last', '5\r\n0\r\n\r\n\r\n0\r\n\r\n', LAST, '0\r\n\r\n'),
  row('chunks byte by byte', [post([CHUNKED], ''), ...'5\r\nhello\r\n0\r\n\r\n'], LAST, { body: 'hello' }),
  ...EXTENSIONS.map((line) =>
    chunked(
      `the extension ${JSON.stringify(line.slice(1, 20))}`,
      `${line}\r\nhello\r\n0\r\n\r\n`,
      on('chunk-rules', 'served'),
      'hello',
    ),
  ),
  chunked(
    'an extension of the last chunk',
    '5\r\nhello\r\n0;a=b\r\n\r\n',
    on('chunk-rules', 'served'),
    'hello',
  ),
  chunked('an extension of 64 KiB', `5;${'a'.repeat(65_536)}\r\nhello\r\n0\r\n\r\n`, RULES),
  ...SIZES.map(([line, verdict = RULES]) =>
    chunked(`the size ${JSON.stringify(line)}`, `${line}\r\nhello\r\n0\r\n\r\n`, verdict, 'hello'),
  ),
  ...ENDS.map(([name, text]) => chunked(`a chunk, then ${name}`, `5\r\nhello${text}`, RULES)),
  ...TRAILERS.map(([name, text, verdict = 'request-trailers']) =>
    row(name, post([CHUNKED], `5\r\nhello\r\n0\r\n${text}\r\n\r\n`), verdict, {
      body: 'hello',
      lacks: ['x-sum', 'authorization', 'content-type'],
    }),
  ),
  ...BAD_TRAILERS.map(([name, text]) =>
    chunked(name, `5\r\nhello\r\n0\r\n${text}\r\n\r\n`, on('request-trailers', 'malformed')),
  ),
  chunked('a body that ends amid a chunk', '5\r\nhel', 408),
  chunked('a body that ends before its last chunk', '5\r\nhello\r\n', 408),
]
