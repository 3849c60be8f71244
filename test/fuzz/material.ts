/** Bytes that a caller might send: requests in order, then what is done to them. */
import { Chance } from '../helpers/chaos-chance.js'
import { deform } from './deforming.js'

export const TUNNEL = 'agent_550e8400-e29b-41d4-a716-446655440000_fuzz'
export const PREFIX = `/t/${TUNNEL}`

/** What one caller writes; each piece is read before the next is sent. */
export interface Input {
  readonly pieces: readonly Buffer[]
}

export interface Draft {
  line: string
  fields: string[]
  body: string
}

type List = readonly [string, ...string[]]

const METHODS: List = [
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'PROPFIND',
  'get',
  'X-ODD',
  'M-SEARCH',
]
const PATHS: List = [
  '/',
  '/a/b',
  '/a?b=c',
  '',
  '?x',
  '//a/../b',
  '/%2e%2e/%00',
  '/a;b=c@d:e',
  '/\xc3\xa9',
  '/long'.padEnd(900, 'x'),
]
const ELSEWHERE: List = [
  '/',
  '/health',
  '/connections',
  '/t/nobody/x',
  '/forward/x',
  '*',
  'http://fuzz.test/a',
]
const FIELDS: List = [
  'X-A: b',
  'x-a: c',
  'Accept: */*',
  'X-Empty:',
  'X-Tab: a\tb',
  'X-Latin: a\xe4b',
  'X-Ends: \xe4b\xff',
  'Cookie: a=b; c=d',
  'Connection: keep-alive',
  'Connection: close',
  'Connection: x-a, close',
  'Connection: x-gone',
  'X-Gone: 1',
  'Keep-Alive: timeout=1',
  'TE: trailers',
  'Expect: 100-continue',
  'Expect: something',
  'Upgrade: h2c',
  'Connection: upgrade',
  'X-Forwarded-For: 1.2.3.4',
  'gw-purpose: other',
  'Trailer: X-Sum',
  'Proxy-Connection: close',
  `X-Long: ${'v'.repeat(3000)}`,
]
const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
const EXTENSIONS: List = [';a', ';a=b', ';a="b;c"', ' ; a = b', ';']

const shuffled = (chance: Chance, most: number): string[] =>
  Array.from({ length: chance.whole(0, most) }, () => chance.pick(FIELDS))

function target(chance: Chance): string {
  if (chance.oneIn(12)) return chance.pick(ELSEWHERE)
  const path = `${PREFIX}${chance.pick(PATHS)}`
  return chance.oneIn(20) ? `http://fuzz.test${path}` : path
}

function chunks(chance: Chance, body: string): string {
  const odd = chance.oneIn(10)
  let text = ''
  for (let at = 0; at < body.length; ) {
    const piece = body.slice(at, at + chance.whole(1, Math.max(8, body.length)))
    at += piece.length
    const size = piece.length.toString(16).padStart(chance.oneIn(10) ? 4 : 1, '0')
    text += `${chance.oneIn(4) ? size.toUpperCase() : size}${odd ? chance.pick(EXTENSIONS) : ''}\r\n${piece}\r\n`
  }
  return `${text}0\r\n${chance.oneIn(20) ? 'X-Sum: 1\r\n' : ''}\r\n`
}

const WORDS: List = [
  'hello',
  'a',
  'GET /evil HTTP/1.1\r\nHost: fuzz.test\r\n\r\n',
  '0\r\n\r\n',
  '\r\n',
  'x'.repeat(70_000),
]

/** A request as it should be, mostly. */
function draft(chance: Chance): Draft {
  const fields = ['Host: fuzz.test', ...shuffled(chance, 4)]
  if (chance.oneIn(9))
    return {
      line: `GET ${PREFIX}${chance.pick(['/ws', '/no'])} HTTP/1.1`,
      fields: [...fields, ...HANDSHAKE],
      body: '',
    }
  const version = chance.oneIn(25) ? '1.0' : '1.1'
  const line = `${chance.pick(METHODS)} ${target(chance)} HTTP/${version}`
  const words = chance.oneIn(12) ? WORDS[5]! : chance.pick(WORDS.slice(0, 5) as [string])
  switch (chance.whole(0, 4)) {
    case 0:
      return { line, fields: [...fields, 'Transfer-Encoding: chunked'], body: chunks(chance, words) }
    case 1:
      return { line, fields: [...fields, `Content-Length: ${words.length}`], body: words }
    case 2:
      return { line, fields: [...fields, 'Content-Length: 0'], body: '' }
    default:
      return { line, fields, body: '' }
  }
}

const written = ({ line, fields, body }: Draft): string =>
  `${line}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n${body}`

/** The case of this number; the same ones for a seed always. */
export function inputOf(seed: number, number: number): Input {
  const chance = new Chance((Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b)) >>> 0)
  const drafts = Array.from({ length: chance.pick([1, 1, 1, 2, 2, 3]) }, () => draft(chance))
  const { texts, change } = deform(chance, drafts, written)
  const whole = change(texts.join(''))
  const cuts = new Set<number>()
  // Callers that wait for their answer are those that every engine serves.
  if (!chance.oneIn(3)) for (let at = 0, i = 0; i < texts.length; i++) cuts.add((at += texts[i]!.length))
  if (chance.oneIn(3)) for (let i = chance.whole(1, 3); i > 0; i--) cuts.add(chance.whole(1, whole.length))
  const places = [0, ...[...cuts].filter((at) => at < whole.length).toSorted((a, b) => a - b), whole.length]
  const bytes = Buffer.from(whole, 'latin1')
  return { pieces: places.slice(1).map((to, i) => bytes.subarray(places[i], to)) }
}
