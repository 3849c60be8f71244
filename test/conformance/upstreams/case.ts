/** What a hostile upstream answers, byte by byte, and what the agent may make of it. */

export interface UpstreamCase {
  readonly name: string
  readonly answer: string
  /** `served`: a whole answer. `cut`: a head, then a reset. `failed`: a reset alone, or behind its head. `waits`: more is awaited. */
  readonly outcome: 'served' | 'cut' | 'failed' | 'waits'
  readonly status?: number
  readonly body?: string
  /** The upstream ends the connection behind its answer. */
  readonly ends?: boolean
}

type More = Pick<UpstreamCase, 'status' | 'body' | 'ends'>

const row = (
  name: string,
  answer: string,
  outcome: UpstreamCase['outcome'],
  more: More = {},
): UpstreamCase => ({
  name,
  answer,
  outcome,
  ...more,
})

const FINE = 'Content-Length: 2\r\n\r\nok'
const line = (text: string, outcome: UpstreamCase['outcome'], more: More = {}): UpstreamCase =>
  row(`the status line ${JSON.stringify(text)}`, `${text}\r\n${FINE}`, outcome, more)
const fields = (
  lines: string,
  body: string,
  outcome: UpstreamCase['outcome'],
  more: More = {},
): UpstreamCase =>
  row(
    `the fields ${JSON.stringify(lines.slice(0, 60))} before ${JSON.stringify(body.slice(0, 30))}`,
    `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n${body}`,
    outcome,
    more,
  )
const chunked = (body: string, outcome: UpstreamCase['outcome'], more: More = {}): UpstreamCase =>
  row(
    `the chunks ${JSON.stringify(body.slice(0, 50))}`,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    outcome,
    more,
  )

const SERVED = { status: 200, body: 'ok' }
const ENDS = { ends: true }

export const UPSTREAM_CASES: readonly UpstreamCase[] = [
  line('HTTP/1.1 200 OK', 'served', SERVED),
  line('HTTP/1.1 200 ', 'served', SERVED),
  line('HTTP/1.1 200', 'served', SERVED),
  line('HTTP/1.0 200 OK', 'served', SERVED),
  line('HTTP/1.1 599 x', 'served', { status: 599, body: 'ok' }),
  line('HTTP/1.1 99 x', 'failed'),
  line('HTTP/1.1 600 x', 'failed'),
  line('HTTP/1.1 999 x', 'failed'),
  line('HTTP/1.1 1000 x', 'failed'),
  line('HTTP/1.1 0 x', 'failed'),
  line('HTTP/1.1 -1 x', 'failed'),
  line('HTTP/1.1 2x0 x', 'failed'),
  line('HTTP/1.1 20 x', 'failed'),
  line('HTTP/1.1  200 OK', 'failed'),
  line('HTTP/1.1\t200 OK', 'failed'),
  // It is answered like any other, by a server that errs in its version alone.
  line('HTTP/2.0 200 OK', 'served', SERVED),
  line('HTTP/9.9 200 OK', 'failed'),
  line('http/1.1 200 OK', 'failed'),
  line('ICY 200 OK', 'failed'),
  line('200 OK', 'failed'),
  line('GET / HTTP/1.1', 'failed'),
  line('', 'failed'),
  line('SSH-2.0-OpenSSH_9.2', 'failed'),
  line('\x16\x03\x01', 'failed'),
  line('HTTP/1.1 200 a\x00b', 'failed'),
  line('HTTP/1.1 200 a\rX-Injected: 1', 'failed'),
  row('a NUL', '\x00', 'failed'),
  row('LF for every CRLF', `HTTP/1.1 200 OK\n${FINE.replaceAll('\r\n', '\n')}`, 'failed'),
  fields('Content-Length: 2', 'ok', 'served', SERVED),
  fields('Content-Length: +2', 'ok', 'failed'),
  fields('Content-Length: -2', 'ok', 'failed'),
  fields('Content-Length: 0x2', 'ok', 'failed'),
  fields('Content-Length: 2, 2', 'ok', 'failed'),
  fields('Content-Length: 2x', 'ok', 'failed'),
  fields('Content-Length:', 'ok', 'failed'),
  fields('Content-Length: 99999999999999999999', 'ok', 'failed'),
  fields('Content-Length: 2\r\nContent-Length: 2', 'ok', 'failed'),
  fields('Content-Length: 2\r\nContent-Length: 3', 'ok', 'failed'),
  fields('Content-Length: 2\r\nTransfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n', 'failed'),
  fields('Transfer-Encoding: chunked\r\nContent-Length: 2', '2\r\nok\r\n0\r\n\r\n', 'failed'),
  // Not chunked at last, a body goes on to the end of its connection (RFC 9112 §6.3).
  fields('Transfer-Encoding: chunked, gzip', 'ok', 'served', { ...SERVED, ends: true }),
  fields('Transfer-Encoding: gzip', 'ok', 'served', { ...SERVED, ends: true }),
  fields('X : 1\r\nContent-Length: 2', 'ok', 'failed'),
  fields('X Y: 1\r\nContent-Length: 2', 'ok', 'failed'),
  fields('X: a\x00b\r\nContent-Length: 2', 'ok', 'failed'),
  fields('X: a\rX-Injected: 1\r\nContent-Length: 2', 'ok', 'failed'),
  fields('X: a\nX-Injected: 1\r\nContent-Length: 2', 'ok', 'failed'),
  fields('X: a\r\n X-Folded: 1\r\nContent-Length: 2', 'ok', 'failed'),
  fields(': 1\r\nContent-Length: 2', 'ok', 'failed'),
  fields('X\r\nContent-Length: 2', 'ok', 'failed'),
  fields('X\xe4: 1\r\nContent-Length: 2', 'ok', 'failed'),
  fields(`X: ${'v'.repeat(70_000)}\r\nContent-Length: 2`, 'ok', 'failed'),
  fields(`${'X: 1\r\n'.repeat(300)}Content-Length: 2`, 'ok', 'failed'),
  fields(`${'X: 1\r\n'.repeat(100_000)}Content-Length: 2`, 'ok', 'failed'),
  row('a head without an end', `HTTP/1.1 200 OK\r\n${'X: 1\r\n'.repeat(20)}`, 'waits'),
  row('half a status line', 'HTTP/1.1 2', 'waits'),
  row('half a status line, then the end', 'HTTP/1.1 2', 'failed', ENDS),
  row('nothing', '', 'failed', ENDS),
  row('a short body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok', 'cut', ENDS),
  row('a body of no known length', 'HTTP/1.1 200 OK\r\n\r\nok', 'served', { ...SERVED, ends: true }),
  chunked('2\r\nok\r\n0\r\n\r\n', 'served', SERVED),
  chunked('2;a=b\r\nok\r\n0\r\n\r\n', 'served', SERVED),
  chunked('2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n', 'served', SERVED),
  chunked('+2\r\nok\r\n0\r\n\r\n', 'cut'),
  chunked('0x2\r\nok\r\n0\r\n\r\n', 'cut'),
  chunked('-2\r\nok\r\n0\r\n\r\n', 'cut'),
  chunked('g\r\nok\r\n0\r\n\r\n', 'cut'),
  chunked('fffffffffffffffff\r\nok\r\n0\r\n\r\n', 'cut'),
  chunked('2\nok\r\n0\r\n\r\n', 'cut'),
  chunked('2\r\nokX\r\n0\r\n\r\n', 'cut'),
  chunked('2\r\nok', 'cut', ENDS),
  chunked('2\r\nok\r\n', 'cut', ENDS),
  chunked('2\r\nok\r\n0\r\n', 'cut', ENDS),
  chunked('2\r\nok\r\n', 'waits'),
  row('a 204 with a body', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok', 'served', {
    status: 204,
    body: '',
  }),
  row(
    'a 304 with the length of what it does not send',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n',
    'served',
    {
      status: 304,
      body: '',
    },
  ),
  row('a 304 with a body', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok', 'served', {
    status: 304,
    body: '',
  }),
  row(
    'a 103, then the answer',
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n${FINE}`,
    'served',
    SERVED,
  ),
  row(
    'a flood of 103',
    `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(5000)}HTTP/1.1 200 OK\r\n${FINE}`,
    'served',
    SERVED,
  ),
  row('a 100 that nobody asked for', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n${FINE}`, 'failed'),
  row(
    'a 101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    'failed',
  ),
  row(
    'a second answer behind the first',
    `HTTP/1.1 200 OK\r\n${FINE}HTTP/1.1 200 OK\r\nX-Injected: 1\r\n${FINE}`,
    'served',
    SERVED,
  ),
  row(
    'a redirect to another host',
    'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:<evil>/\r\nContent-Length: 2\r\n\r\nok',
    'served',
    { status: 302, body: 'ok' },
  ),
  row(
    'a redirect that keeps the method',
    'HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:<evil>/\r\nContent-Length: 2\r\n\r\nok',
    'served',
    { status: 307, body: 'ok' },
  ),
  row(
    'a refresh and an alternative',
    'HTTP/1.1 200 OK\r\nRefresh: 0; url=http://127.0.0.1:<evil>/\r\nAlt-Svc: h2="127.0.0.1:<evil>"\r\nContent-Length: 2\r\n\r\nok',
    'served',
    SERVED,
  ),
]

/** Where a request may want to lead an agent: targets and fields, with `<evil>` for the port of a server that must see nobody. */
export const LURES: readonly (readonly [target: string, ...headers: string[]])[] = [
  ['http://127.0.0.1:<evil>/'],
  ['https://127.0.0.1:<evil>/'],
  ['//127.0.0.1:<evil>/'],
  ['///127.0.0.1:<evil>/'],
  ['/\\127.0.0.1:<evil>/'],
  ['\\\\127.0.0.1:<evil>\\'],
  ['@127.0.0.1:<evil>/'],
  [':@127.0.0.1:<evil>/'],
  ['/@127.0.0.1:<evil>/'],
  ['.127.0.0.1:<evil>/'],
  ['127.0.0.1:<evil>'],
  ['*'],
  ['?x=http://127.0.0.1:<evil>/'],
  ['#http://127.0.0.1:<evil>/'],
  ['/http://127.0.0.1:<evil>/'],
  ['/?url=http://127.0.0.1:<evil>/'],
  ['/', 'host', '127.0.0.1:<evil>'],
  ['/', 'host', 'user@127.0.0.1:<evil>'],
  ['/', 'host', '127.0.0.1:<evil>/x'],
  ['/', 'host', '[::1]:<evil>'],
  ['/', 'host', '169.254.169.254'],
  ['/', 'host', ''],
  ['/', 'host', 'tunnel.test', 'x-forwarded-host', '127.0.0.1:<evil>'],
  ['/', 'host', 'tunnel.test', 'forwarded', 'host="127.0.0.1:<evil>"'],
  ['/', 'host', 'tunnel.test', 'x-forwarded-proto', 'https', 'x-forwarded-port', '<evil>'],
  ['/', 'host', 'tunnel.test', 'x-target', 'http://127.0.0.1:<evil>/'],
  ['/', 'host', 'tunnel.test', 'x-original-url', 'http://127.0.0.1:<evil>/'],
  ['/', 'host', 'tunnel.test', 'x-rewrite-url', '//127.0.0.1:<evil>/'],
  ['/', 'host', 'tunnel.test', 'destination', 'http://127.0.0.1:<evil>/'],
  ['/', 'host', 'tunnel.test', 'origin', 'http://127.0.0.1:<evil>'],
  ['/', 'host', 'tunnel.test', 'referer', 'http://127.0.0.1:<evil>/'],
  ['/', 'host', 'tunnel.test', 'proxy', 'http://127.0.0.1:<evil>'],
  ['/', 'host', 'tunnel.test', 'gw-forward', '127.0.0.1:<evil>'],
  ['/', 'host', 'tunnel.test', 'sec-websocket-protocol', 'http://127.0.0.1:<evil>/'],
]
