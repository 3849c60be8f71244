/** What no engine changes: the gateway or the agent cannot. `docs/limits.md` names each of them. */
import { every } from './limits.js'
import { type Case, type OriginStep, sized } from './script.js'

const OK = [sized('200 OK', 'ok')]

const upgrades: Case[] = [
  {
    title: 'Upgrade: h2c',
    caller: [{ fields: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'] }],
    origin: OK,
    limits: [every('upgrade', { request: { fields: [] } })],
  },
  {
    title: 'an upgrade to several protocols, with a body',
    caller: [{ method: 'POST', body: 'a', fields: ['Connection: Upgrade', 'Upgrade: foo/1, bar'] }],
    origin: OK,
    limits: [every('upgrade', { request: { fields: ['content-length: 1'] } })],
  },
]

const refused: Case[] = ['CONNECT', 'TRACE'].map((method) => ({
  title: method,
  caller: [{ method }],
  origin: OK,
  limits: [
    every('connect-trace', {
      refused: '405 Method Not Allowed',
    }),
  ],
}))

const large = (count: number, line: (i: number) => string): OriginStep[] =>
  sized(
    '200 OK',
    'x',
    Array.from({ length: count }, (_, i) => line(i)),
  )

const bounds: Case[] = [
  ['an answer with 300 fields', large(300, (i) => `X-${i}: 1`)],
  ['an answer whose head has 80 KiB', large(80, (i) => `X-${i}: ${'a'.repeat(1024)}`)],
  ['an answer with the status 999', sized('999 Request denied', 'x')],
  ['an answer with a reason phrase of 600 bytes', sized(`200 ${'r'.repeat(600)}`, 'x')],
].map(([title, steps]) => ({
  title: title as string,
  caller: [{}],
  origin: [steps as OriginStep[]],
  limits: [every('answer-head', { refused: '502 Bad Gateway', late: true })],
}))

export const GATEWAY_CASES: readonly Case[] = [
  ...upgrades,
  ...refused,
  ...bounds,
  {
    title: 'an answer with 250 fields',
    caller: [{}],
    origin: [large(250, (i) => `X-${i}: 1`)],
  },
  {
    title: 'an answer whose head has 60 KiB',
    caller: [{}],
    origin: [large(60, (i) => `X-${i}: ${'a'.repeat(1000)}`)],
  },
  {
    title: 'a method of 65 bytes',
    caller: [{ method: 'M'.repeat(65) }],
    origin: OK,
    limits: [every('method-length', { refused: '400 Bad Request' })],
  },
  {
    title: 'a request head of 20 KiB',
    caller: [{ fields: [`X-Long: ${'v'.repeat(20_000)}`] }],
    origin: OK,
    limits: [every('request-head', { refused: '431 Request Header Fields Too Large' })],
  },
  {
    title: 'a reason phrase in latin1',
    caller: [{}],
    origin: [sized('200 Sch\xf6n', 'x')],
    limits: [every('reason-bytes', { answer: { status: '200 ' } })],
  },
  {
    title: 'the head of an upload before its first byte',
    caller: [{ method: 'POST', body: 2, headOnly: true }, { note: 'asked' }, 'ab'],
    origin: OK,
    limits: [every('upload-head', { notes: [0] })],
  },
  {
    title: '100 Continue that nobody asked for',
    caller: [{}],
    origin: [[{ wait: 'request' }, 'HTTP/1.1 100 Continue\r\n\r\n', ...sized('200 OK', 'ok')]],
    limits: [
      every('unasked-100', {
        refused: '502 Bad Gateway',
        late: true,
      }),
    ],
  },
  {
    title: 'an origin that speaks HTTP/1.0',
    caller: [{}],
    origin: [[{ wait: 'request' }, 'HTTP/1.0 200 OK\r\n\r\nold', 'half']],
  },
  {
    title: 'an origin that speaks HTTP/1.0 and tells its length',
    caller: [{}],
    origin: [[{ wait: 'request' }, 'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold', 'half']],
  },
]
