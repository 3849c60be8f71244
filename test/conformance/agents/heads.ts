/** Answers on a link that keeps the protocol: what a caller gets of those that HTTP does not allow, and of odd ones that it does. */
import { Kind } from '../../../shared/frames.js'
import { type AgentCase, begun, credit, data, end, head, pairs, reset } from './case.js'

/** A head of these fields, which the gateway refuses to send on. */
const refused = (name: string, ...headers: string[]): AgentCase => ({
  name,
  say: (id) => [head(id, { headers })],
  caller: 502,
  code: 'agent_error',
  lacks: ['x-injected'],
})

const SPLIT = 'a\r\nx-injected: 1'

const refusals: AgentCase[] = [
  refused('CR and LF in a value', 'x', SPLIT),
  refused('a second answer in a value', 'x', 'a\r\n\r\nHTTP/1.1 200 OK\r\nx-injected: 1\r\n\r\n'),
  refused('CR in a value', 'x', 'a\rx-injected: 1'),
  refused('LF in a value', 'x', 'a\nx-injected: 1'),
  refused('NUL in a value', 'x', 'a\0b'),
  refused('a control in a value', 'x', 'a\x01b'),
  refused('DEL in a value', 'x', 'a\x7fb'),
  refused('CR and LF in a name', `x\r\nx-injected`, '1'),
  refused('an empty name', '', '1'),
  refused('a space in a name', 'x y', '1'),
  refused('a colon in a name', 'x:', '1'),
  refused('a byte past ASCII in a name', 'x\xe4', '1'),
  refused('a name in capitals', 'X-Capital', '1'),
  refused("the gateway's own field in capitals", 'GW-Request-Id', 'mine'),
  refused('a length in capitals', 'Content-Length', '5'),
  refused('a coding in capitals', 'Transfer-Encoding', 'chunked'),
  refused('two lengths', 'content-length', '0', 'content-length', '1'),
  refused('a length with a sign', 'content-length', '+0'),
  refused('a negative length', 'content-length', '-1'),
  refused('a list of lengths', 'content-length', '0, 0'),
  refused('a length in hexadecimal', 'content-length', '0x0'),
  refused('an empty length', 'content-length', ''),
  refused('a huge length', 'content-length', '99999999999999999999'),
  refused('a length of a body that is not there', 'content-length', '5'),
  refused('a split value of set-cookie', 'set-cookie', 'a=b\r\nset-cookie: x-injected=1'),
  refused('a split location', 'location', '/\r\nx-injected: 1'),
  {
    ...refused('CR and LF in the reason'),
    say: (id) => [head(id, { reason: 'OK\r\nx-injected: 1' })],
  },
  { ...refused('NUL in the reason'), say: (id) => [head(id, { reason: 'a\0b' })] },
  { ...refused('101 that nobody asked for'), say: (id) => [head(id, { status: 101, end: false })] },
  {
    ...refused('101 with everything for an upgrade'),
    say: (id) => [head(id, { status: 101, headers: ['upgrade', 'x', 'connection', 'upgrade'], end: false })],
  },
  { ...refused('no head'), say: (id) => [reset(id)] },
]

const served: AgentCase[] = [
  {
    name: "fields that are a connection's own",
    say: (id) => [
      head(id, {
        headers: [
          'connection',
          'x-named',
          'x-named',
          '1',
          'keep-alive',
          'timeout=1',
          'transfer-encoding',
          'gzip',
          'upgrade',
          'h2c',
          'trailer',
          'x',
          'te',
          'trailers',
          'proxy-authenticate',
          'Basic',
          'gw-tunnel-id',
          'mine',
          'gw-evil',
          '1',
        ],
        body: Buffer.from('hello'),
      }),
    ],
    caller: 200,
    body: 'hello',
    lacks: ['x-named', 'keep-alive', 'upgrade', 'trailer', 'te', 'proxy-authenticate', 'gw-evil'],
  },
  {
    name: 'the same length twice',
    say: (id) => [
      head(id, { headers: ['content-length', '2', 'content-length', '2'], body: Buffer.from('ok') }),
    ],
    caller: 200,
    body: 'ok',
  },
  {
    name: 'a flood of interim heads',
    say: (id) => [...Array.from({ length: 2000 }, () => head(id, { status: 103, end: false })), head(id)],
    caller: 200,
  },
  { name: 'an interim 100', say: (id) => [head(id, { status: 100, end: false }), head(id)], caller: 200 },
  {
    name: 'trailers that split',
    say: (id) => [begun(id), data(id, 'ok'), end(id, ['x', SPLIT, 'content-length', '9'])],
    caller: 200,
    body: 'ok',
    lacks: ['x-injected'],
  },
  {
    name: 'a body of a HEAD',
    say: (id) => [head(id, { body: Buffer.from('hello') })],
    caller: 200,
    method: 'HEAD',
    body: '',
  },
  {
    name: 'a body of a 204',
    say: (id) => [head(id, { status: 204, body: Buffer.from('hello') })],
    caller: 204,
    body: '',
  },
  {
    name: 'a body of a 304',
    say: (id) => [head(id, { status: 304, body: Buffer.from('hello') })],
    caller: 304,
    body: '',
  },
  {
    name: 'a long body of a HEAD',
    say: (id) => [begun(id, ['content-length', '7']), data(id, 'hello w'), end(id)],
    caller: 200,
    method: 'HEAD',
    body: '',
  },
  {
    name: 'data behind a whole answer',
    say: (id) => [head(id, { body: Buffer.from('ok') }), data(id, 'more')],
    caller: 200,
    body: 'ok',
  },
  {
    name: 'a second head behind a whole answer',
    say: (id) => [head(id, { body: Buffer.from('ok') }), head(id, { headers: ['x-injected', '1'] })],
    caller: 200,
    body: 'ok',
    lacks: ['x-injected'],
  },
  { name: 'credit for a stream that is over', say: (id) => [head(id), credit(id, 1000)], caller: 200 },
  { name: 'a reset behind a whole answer', say: (id) => [head(id), reset(id)], caller: 200 },
  {
    name: 'a flood of pings',
    say: (id) => [
      ...Array.from({ length: 5000 }, (_, nonce) => ({ kind: Kind.ping, nonce }) as const),
      head(id),
    ],
    caller: 200,
  },
  {
    name: 'pongs to pings that never were',
    say: (id) => [{ kind: Kind.pong, nonce: 77 }, head(id)],
    caller: 200,
  },
  { name: '250 fields', say: (id) => [head(id, { headers: pairs(250) })], caller: 200 },
]

const cut: AgentCase[] = [
  {
    name: 'a body longer than its length',
    say: (id) => [begun(id, ['content-length', '2']), data(id, 'hello'), end(id)],
    caller: 'cut',
  },
  {
    name: 'a body shorter than its length',
    say: (id) => [begun(id, ['content-length', '9']), data(id, 'hello'), end(id)],
    caller: 'cut',
  },
  { name: 'a reset amid the body', say: (id) => [begun(id), data(id, 'hello'), reset(id)], caller: 'cut' },
]

export const HEAD_CASES: readonly AgentCase[] = [...refusals, ...served, ...cut]
