/** What goes wrong with requests, by mistake or on purpose. */
import type { Chance } from '../helpers/chaos-chance.js'
import type { Draft } from './material.js'

type List = readonly [string, ...string[]]

/** Field lines that frame a body in more than one way, or look as if they did. */
const FRAMING: List = [
  'Content-Length: 5',
  'Content-Length: 3',
  'Content-Length: 05',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Content-Length: 0x5',
  'Content-Length: 5 5',
  'Content-Length: -1',
  'Content-Length:',
  'Content-Length: 99999999999999999999',
  'Content-Length : 5',
  'Content-Length:\t5\t',
  'Content_Length: 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: Chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding:',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding : chunked',
  'Transfer_Encoding: chunked',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding:\r\n chunked',
]

const FIELDS: List = [
  ' X-Folded: 1',
  '\tfolded',
  ': nameless',
  ':',
  'nothing',
  'X-Nul: a\0b',
  'X-Cr: a\rb',
  'X-Lf: a\nb',
  'X Space: 1',
  'X-Space : 1',
  'X-\xe4: 1',
  'X-Ctl: \x01',
  'X-Del: \x7f',
  'Host: other.test',
  'Host:',
  'Host: a b',
  'Host: fuzz.test:99999',
  'host: fuzz.test',
  'Connection: close',
  'Connection: content-length',
  'Connection: host',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: short',
  'Sec-WebSocket-Version: 12',
  `X-Huge: ${'v'.repeat(17_000)}`,
  `X-Huger: ${'v'.repeat(40_000)}`,
  Array.from({ length: 95 }, (_, i) => `X-${i}: 1`).join('\r\n'),
]

const LINES: readonly ((line: string) => string)[] = [
  (line) => line.replace('HTTP/1.1', 'HTTP/1.2'),
  (line) => line.replace('HTTP/1.1', 'HTTP/2.0'),
  (line) => line.replace('HTTP/1.1', 'HTTP/0.9'),
  (line) => line.replace('HTTP/1.1', 'http/1.1'),
  (line) => line.replace('HTTP/1.1', 'HTTP/1.10'),
  (line) => line.replace(' HTTP/1.1', ''),
  (line) => line.replace(' ', '  '),
  (line) => line.replace(' ', '\t'),
  (line) => line.replace(' HTTP', '  HTTP'),
  (line) => `${line} `,
  (line) => ` ${line}`,
  (line) => `\r\n${line}`,
  (line) => `\r\n\r\n${line}`,
  (line) => `\n${line}`,
  (line) => line.replace(/^\S+/, 'CONNECT'),
  (line) => line.replace(/^\S+/, 'TRACE'),
  (line) => line.replace(/^\S+/, 'G@T'),
  (line) => line.replace(/^\S+/, 'PRI'),
  (line) => line.replace(' /', ' x/'),
  (line) => line.replace(' /', ' //'),
  (line) => line.replace(' HTTP', '#f HTTP'),
  (line) => line.replace(' HTTP', ' x HTTP'),
  (line) => line.replace(' HTTP', '\xff HTTP'),
  (line) => line.replace(' HTTP', '\x01 HTTP'),
  (line) => line.replace(' HTTP', `${'y'.repeat(16_000)} HTTP`),
]

const CHUNKS: readonly ((body: string) => string)[] = [
  (body) => body.replace(/^/, '0x'),
  (body) => body.replace(/^/, ' '),
  (body) => body.replace(/^/, '+'),
  (body) => body.replace(/^/, '-'),
  (body) => body.replace(/^/, 'g'),
  (body) => body.replace(/^/, '\r\n'),
  (body) => body.replace(/^/, '00000000000000000000'),
  (body) => body.replace(/^/, 'ffffffffffffffff0'),
  (body) => body.replace('\r\n', '\n'),
  (body) => body.replace('\r\n', ' \r\n'),
  (body) => body.replace('\r\n', ';\r\n'),
  (body) => body.replace('\r\n', ';a=b\r\n'),
  (body) => body.replace('\r\n', ';a\nb\r\n'),
  (body) => body.replace('\r\n', '\r'),
  (body) => body.replace('\r\n0\r\n', '0\r\n'),
  (body) => body.replace('\r\n0\r\n', 'X\r\n0\r\n'),
  (body) => body.replace('0\r\n\r\n', '\r\n\r\n'),
  (body) => body.replace(/0\r\n\r\n$/, '0\r\n'),
  (body) => body.replace(/0\r\n\r\n$/, '0\n\n'),
  (body) => body.replace(/0\r\n\r\n$/, '0\r\nX-T: 1\r\n\r\n'),
  (body) => body.replace(/0\r\n\r\n$/, '0\r\nContent-Length: 3\r\n\r\n'),
  (body) => body.replace(/0\r\n\r\n$/, '0\r\n X\r\n\r\n'),
  (body) => body.replace(/0\r\n\r\n$/, '0;x\r\n\r\n'),
  (body) => body.slice(0, body.length >> 1),
]

const STRAY: List = ['\0', '\r', '\n', '\r\n', ' ', '\t', ':', '0', '\xff', 'A', ';', ',', '\r\n\r\n']

/** One change to the bytes, wherever it falls. */
function scratch(chance: Chance, text: string): string {
  const at = chance.whole(0, text.length)
  const size = chance.whole(1, 8)
  switch (chance.whole(0, 4)) {
    case 0:
      return `${text.slice(0, at)}${chance.pick(STRAY)}${text.slice(at)}`
    case 1:
      return `${text.slice(0, at)}${text.slice(at + size)}`
    case 2:
      return `${text.slice(0, at)}${text.slice(at, at + 4 * size)}${text.slice(at)}`
    case 3:
      return `${text.slice(0, at)}${String.fromCharCode(chance.whole(0, 255))}${text.slice(at + 1)}`
    default:
      return text.slice(0, at)
  }
}

const any = <T>(chance: Chance, list: readonly T[]): T => list[chance.whole(0, list.length - 1)]!

function insert(chance: Chance, fields: string[], line: string): void {
  fields.splice(chance.whole(0, fields.length), 0, line)
}

/** @returns the text of each request, and what is still to be done to all of it. */
export function deform(
  chance: Chance,
  drafts: Draft[],
  written: (draft: Draft) => string,
): { texts: string[]; change: (text: string) => string } {
  for (const draft of drafts) {
    if (chance.oneIn(2)) continue
    if (chance.oneIn(4)) insert(chance, draft.fields, chance.pick(FRAMING))
    if (chance.oneIn(5)) insert(chance, draft.fields, chance.pick(FIELDS))
    if (chance.oneIn(6)) draft.line = any(chance, LINES)(draft.line)
    if (chance.oneIn(30)) draft.fields.shift()
    const chunked = draft.fields.includes('Transfer-Encoding: chunked')
    if (chunked && chance.oneIn(2)) draft.body = any(chance, CHUNKS)(draft.body)
  }
  const texts = drafts.map((draft) =>
    chance.oneIn(40) ? written(draft).replaceAll('\r\n', '\n') : written(draft),
  )
  const change = chance.oneIn(5) ? (text: string) => scratch(chance, text) : (text: string) => text
  return { texts, change }
}
