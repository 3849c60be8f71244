/** What else decides where one request ends and the next begins: Connection, Expect, Upgrade, and who waits. */
import {
  BEHIND,
  bare,
  CHUNKED,
  get,
  HOST,
  type HttpCase,
  head,
  length,
  on,
  PATH,
  post,
  row,
  SMUGGLED,
} from './case.js'

const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket']
const VERSION = 'Sec-WebSocket-Version: 13'
const OLD = `GET ${PATH} HTTP/1.0`

export const SEQUENCES: readonly HttpCase[] = [
  row('Connection: close', get('Connection: close'), 'last'),
  row('Connection: Close', get('Connection: Close'), 'last'),
  row('Connection: close among others', get('Connection: foo, close'), 'last'),
  row('Connection: close in a second line', get('Connection: foo', 'Connection: close'), 'last'),
  row('Connection: keep-alive', get('Connection: keep-alive'), 'served'),
  row('Connection: closed', get('Connection: closed'), 'served'),
  row('Connection of five letters', get('Connection: abcde'), on('last', 'served')),
  row('Connection: close and keep-alive', get('Connection: close, keep-alive'), 'last'),
  row('Connection empty', get('Connection:'), 'served'),
  row('Connection names a field', get('Connection: x-secret', 'X-Secret: 1'), 'served', {
    lacks: ['x-secret'],
  }),
  row(
    'Connection names Authorization',
    get('Connection: authorization', 'Authorization: Basic eDp5'),
    'served',
  ),
  row('Proxy-Connection: close', get('Proxy-Connection: close'), on('served', 'proxy-connection')),
  row('Keep-Alive', get('Keep-Alive: timeout=1', 'Connection: keep-alive'), 'served', {
    lacks: ['keep-alive'],
  }),
  row('HTTP/1.0 without a Host', bare(OLD, ['X: 1']), on('http-1.0', 400)),
  row('HTTP/1.0 that is kept', bare(OLD, [HOST, 'Connection: keep-alive']), on('http-1.0', 'served')),
  row(
    'HTTP/1.0 with a body',
    `${bare(OLD.replace('GET', 'POST'), [HOST, 'Content-Length: 5'])}hello`,
    on('http-1.0', 'last'),
    {
      body: 'hello',
    },
  ),
  row('Expect: 100-continue', post(['Expect: 100-continue', 'Content-Length: 5'], 'hello'), 'served', {
    body: 'hello',
    lacks: ['expect'],
  }),
  row(
    'Expect: 100-continue and a request for a body',
    post(['Expect: 100-continue', length(BEHIND)], BEHIND),
    'served',
    {
      body: BEHIND,
    },
  ),
  row('Expect: 100-continue without a body', get('Expect: 100-continue'), 'served', { lacks: ['expect'] }),
  row('Expect: 100-Continue', post(['Expect: 100-Continue', 'Content-Length: 5'], 'hello'), 'served', {
    body: 'hello',
  }),
  row(
    'Expect twice',
    post(['Expect: 100-continue', 'Expect: 100-continue', 'Content-Length: 5'], 'hello'),
    'served',
    {
      body: 'hello',
    },
  ),
  row(
    'Expect with chunks',
    post(['Expect: 100-continue', CHUNKED], '5\r\nhello\r\n0\r\n\r\n'),
    on('chunked-last', 'served'),
    {
      body: 'hello',
    },
  ),
  row('Expect of a CONNECT', head(`CONNECT ${PATH} HTTP/1.1`, ['Expect: 100-continue']), 405),
  row(
    'an Upgrade to h2c',
    get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'),
    on('served', 'after-upgrade'),
    {
      lacks: ['upgrade', 'http2-settings', 'connection: upgrade'],
    },
  ),
  row(
    'an Upgrade to h2c with a body',
    post(['Connection: Upgrade', 'Upgrade: h2c', length(BEHIND)], BEHIND),
    on('served', 'after-upgrade'),
    {
      body: BEHIND,
    },
  ),
  row('an Upgrade to TLS', get('Connection: Upgrade', 'Upgrade: TLS/1.0'), on('served', 'after-upgrade'), {
    lacks: ['upgrade'],
  }),
  row('an Upgrade that Connection does not name', get('Upgrade: h2c'), 'served', { lacks: ['upgrade'] }),
  row('Connection: upgrade without an Upgrade', get('Connection: upgrade'), 'served'),
  row('a WebSocket without a key', get(...UPGRADE, VERSION), on('served', 'after-upgrade')),
  row(
    'a WebSocket with a short key',
    get(...UPGRADE, VERSION, 'Sec-WebSocket-Key: abc'),
    on('served', 'after-upgrade'),
  ),
  row('a WebSocket with two keys', get(...UPGRADE, VERSION, KEY, KEY), on('served', 'after-upgrade')),
  row(
    'a WebSocket of version 8',
    get(...UPGRADE, 'Sec-WebSocket-Version: 8', KEY),
    on('served', 'after-upgrade'),
  ),
  row(
    'a WebSocket with a body',
    get(...UPGRADE, VERSION, KEY, length(BEHIND)) + BEHIND,
    on('served', 'after-upgrade'),
    {
      body: BEHIND,
    },
  ),
  row(
    'a WebSocket with chunks',
    `${get(...UPGRADE, VERSION, KEY, CHUNKED)}5\r\nhello\r\n0\r\n\r\n`,
    on('chunked-last', 'after-upgrade'),
    {
      body: 'hello',
    },
  ),
  row(
    'a WebSocket by POST',
    post([...UPGRADE, VERSION, KEY, 'Content-Length: 0'], ''),
    on('served', 'after-upgrade'),
  ),
  row('two requests at once', get() + get().replace(PATH, `${PATH}/second`), on('pipelining', 'served')),
  row(
    'fifty requests at once',
    get() + Array.from({ length: 49 }, (_, i) => get().replace(PATH, `${PATH}/${i}`)).join(''),
    on('pipelining', 'served'),
  ),
  row('a request behind a GET with a body', get(length(SMUGGLED)) + SMUGGLED, 'served', { body: SMUGGLED }),
  row('an empty line behind a body', `${post(['Content-Length: 5'], 'hello')}\r\n`, on('last', 'served'), {
    body: 'hello',
  }),
  row('garbage behind a request', `${get()}\x00\x01garbage\r\n\r\n`, on('pipelining', 'last')),
  row('a length longer than what comes', post(['Content-Length: 100000'], 'hello'), 408),
  row('a length without any body', post(['Content-Length: 100000'], ''), 408),
]
