/** Transfer-Encoding in every disguise, with a body that smuggles under the one reading or the other. */
import { BEHIND, CHUNKED, get, type HttpCase, head, INSIDE, length, on, PATH, post, row } from './case.js'

const OK = '5\r\nhello\r\n0\r\n\r\n'
const CHUNKED_LAST = on('chunked-last', 'served')

/** Values that are no plain `chunked`. */
const VALUES: readonly (readonly [value: string, verdict?: HttpCase['verdict']])[] = [
  ['identity'],
  ['gzip'],
  ['deflate'],
  ['compress'],
  ['trailers'],
  ['gzip, chunked'],
  ['chunked, gzip'],
  ['chunked, identity'],
  ['identity, chunked'],
  ['chunked, chunked'],
  ['chunked chunked'],
  ['chunked,'],
  [',chunked'],
  ['chunked, ,'],
  ['chunked;q=1'],
  ['chunked; a=b'],
  ['chunked ;'],
  ['xchunked'],
  ['chunkedx'],
  ['chunke'],
  ['chunk'],
  ['x-chunked'],
  ['cow'],
  ['"chunked"'],
  ["'chunked'"],
  ['chun ked'],
  ['chu\tnked'],
  ['chunked\\'],
  ['(comment) chunked'],
  ['=?utf-8?q?chunked?='],
  ['%63hunked'],
  ['chunked\xe9x'],
  ['\u00e7hunked', on(400, 'malformed')],
  [''],
  [' '],
  ['\t'],
  [','],
  ['chunked\x0b', 'malformed'],
  ['\x0bchunked', 'malformed'],
  ['chunked\x0c', 'malformed'],
  ['\x0cchunked', 'malformed'],
]

/** Bytes in and around the field line. What is no white space of HTTP makes it none, or another one. */
const BYTES = [0x00, 0x01, 0x04, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1f, 0x20, 0x7f, 0xa0, 0xff]
const PLACES: Readonly<Record<string, (byte: string) => string>> = {
  'before the name': (byte) => `${byte}Transfer-Encoding: chunked`,
  'within the name': (byte) => `Transfer${byte}Encoding: chunked`,
  'before the colon': (byte) => `Transfer-Encoding${byte}: chunked`,
  'before the value': (byte) => `Transfer-Encoding:${byte}chunked`,
  'within the value': (byte) => `Transfer-Encoding: chun${byte}ked`,
  'behind the value': (byte) => `Transfer-Encoding: chunked${byte}`,
}

const shown = (byte: number): string => `0x${byte.toString(16).padStart(2, '0')}`

/** Two bodies for one disguise: each is whole under one reading and two requests under the other. */
const disguised = (name: string, line: string, verdict: HttpCase['verdict']): HttpCase[] => [
  row(`${name}, beside a length, smuggling behind the chunks`, post([length(BEHIND), line], BEHIND), verdict),
  row(`${name}, beside a length, smuggling in a chunk`, post(['Content-Length: 4', line], INSIDE), verdict),
]

const bytes = Object.entries(PLACES).flatMap(([place, line]) =>
  BYTES.flatMap((byte) => disguised(`${shown(byte)} ${place}`, line(String.fromCharCode(byte)), 'malformed')),
)

const values = VALUES.flatMap(([value, verdict = 400]) => [
  row(`the coding ${JSON.stringify(value)}`, post([`Transfer-Encoding: ${value}`], OK), verdict),
  row(
    `the coding ${JSON.stringify(value)} beside a length`,
    post([length(BEHIND), `Transfer-Encoding: ${value}`], BEHIND),
    verdict,
  ),
])

export const CODINGS: readonly HttpCase[] = [
  row('chunked', post([CHUNKED], OK), CHUNKED_LAST, { body: 'hello' }),
  row('Chunked', post(['Transfer-Encoding: Chunked'], OK), CHUNKED_LAST, { body: 'hello' }),
  row('CHUNKED', post(['TRANSFER-ENCODING: CHUNKED'], OK), CHUNKED_LAST, { body: 'hello' }),
  row('chunked without a space', post(['Transfer-Encoding:chunked'], OK), CHUNKED_LAST, { body: 'hello' }),
  row('chunked after spaces', post(['Transfer-Encoding: \t  chunked'], OK), CHUNKED_LAST, { body: 'hello' }),
  row('chunked before spaces', post(['Transfer-Encoding: chunked  '], OK), CHUNKED_LAST, { body: 'hello' }),
  row('chunked before a tab', post(['Transfer-Encoding: chunked\t'], OK), on('chunked-last', 'malformed'), {
    body: 'hello',
  }),
  row('chunked GET', head(`GET ${PATH} HTTP/1.1`, [CHUNKED]) + OK, CHUNKED_LAST, { body: 'hello' }),
  row('chunked twice', post([CHUNKED, CHUNKED], OK), 400),
  row('chunked, then identity', post([CHUNKED, 'Transfer-Encoding: identity'], OK), 400),
  row('identity, then chunked', post(['Transfer-Encoding: identity', CHUNKED], OK), 400),
  row('chunked, then none', post([CHUNKED, 'Transfer-Encoding:'], OK), 400),
  row('none, then chunked', post(['Transfer-Encoding:', CHUNKED], OK), 400),
  row('chunked, then another word', post([CHUNKED, 'Transfer-Encoding: cow'], OK), 400),
  row('chunked twice beside a length', post([length(BEHIND), CHUNKED, CHUNKED], BEHIND), 400),
  ...disguised('chunked', CHUNKED, 400),
  ...disguised('chunked in capitals', 'TRANSFER-ENCODING: CHUNKED', 400),
  row('chunked before the length', post([CHUNKED, length(BEHIND)], BEHIND), 400),
  row('chunked beside a length of none', post(['Content-Length: 0', CHUNKED], OK), 400),
  row('chunked beside an empty length', post(['Content-Length:', CHUNKED], OK), 400),
  row('a length beside an empty coding', post([length(BEHIND), 'Transfer-Encoding:'], BEHIND), 400),
  row('chunked on HTTP/1.0', head(`POST ${PATH} HTTP/1.0`, [CHUNKED]) + OK, on('http-1.0', 400)),
  row(
    'chunked, then a folded identity',
    post(['Transfer-Encoding: chunked\r\n , identity'], OK),
    'malformed',
  ),
  row('a folded chunked', post(['Transfer-Encoding:\r\n chunked'], OK), 'malformed'),
  row(
    'a folded chunked beside a length',
    post([length(BEHIND), 'Transfer-Encoding:\r\n chunked'], BEHIND),
    'malformed',
  ),
  row('Transfer_Encoding', post([length(BEHIND), 'Transfer_Encoding: chunked'], BEHIND), 400),
  row('transfer-Encoding_', post([length(BEHIND), 'Transfer-Encoding_: chunked'], BEHIND), 'served', {
    body: BEHIND,
  }),
  row('X-Transfer-Encoding', post([length(BEHIND), 'X-Transfer-Encoding: chunked'], BEHIND), 'served', {
    body: BEHIND,
  }),
  row('Transfer.Encoding', post([length(BEHIND), 'Transfer.Encoding: chunked'], BEHIND), 'served', {
    body: BEHIND,
  }),
  row('TransferEncoding', post([length(BEHIND), 'TransferEncoding: chunked'], BEHIND), 'served', {
    body: BEHIND,
  }),
  row('Transfer-Encodings', post([length(BEHIND), 'Transfer-Encodings: chunked'], BEHIND), 'served', {
    body: BEHIND,
  }),
  row(
    'chunked hidden in another value',
    post([length(BEHIND), 'X: a Transfer-Encoding: chunked'], BEHIND),
    'served',
    {
      body: BEHIND,
    },
  ),
  row('chunked named by Connection', post([CHUNKED, 'Connection: transfer-encoding'], OK), CHUNKED_LAST, {
    body: 'hello',
  }),
  row(
    'a length named by Connection',
    post([length(BEHIND), 'Connection: content-length'], BEHIND),
    'served',
    {
      body: BEHIND,
    },
  ),
  row('TE: chunked is no coding of this message', get('TE: chunked'), 'served', { lacks: ['te'] }),
  row(
    "Content-Encoding is the application's",
    post(['Content-Length: 5', 'Content-Encoding: chunked'], 'hello'),
    'served',
    {
      body: 'hello',
      has: ['content-encoding: chunked'],
    },
  ),
  ...values,
  ...bytes,
]
