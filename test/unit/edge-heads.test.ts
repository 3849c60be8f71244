/** Heads on their way: what goes on to an agent, what comes back, and what the gateway says itself. */
import t from 'tap'
import { answerHead } from '../../gateway/edge/answer.js'
import { forwardedHead } from '../../gateway/edge/forwarded.js'
import { problemReply } from '../../gateway/edge/reply.js'
import { trustedProxies } from '../../gateway/guard/trusted-proxies.js'
import { Problem } from '../../shared/errors.js'
import { type Head, Kind } from '../../shared/frames.js'
import { flat, requestHead as head, outcome } from '../helpers/heads.js'

t.test('what goes on to the agent', async (t) => {
  const trusted = trustedProxies(['192.0.2.0/24', '2001:db8::/32', '::1'])
  const facts = { requestId: 'the-id', trusted: trustedProxies([]) }
  const sent = [
    'host',
    'a.test:8080',
    'x-forwarded-for',
    '1.1.1.1',
    'x-forwarded-proto',
    'https',
    'x-forwarded-host',
    'h',
    'x-real-ip',
    '2.2.2.2',
    'x-forwarded-user',
    'u',
    'forwarded',
    'for=1.1.1.1',
  ]
  t.same(
    flat(forwardedHead(head(sent), facts)),
    {
      host: 'a.test:8080',
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'a.test:8080',
      'x-forwarded-port': '8080',
      forwarded: 'for=192.0.2.1;host="a.test:8080";proto=http',
      'gw-request-id': 'the-id',
    },
    'of an untrusted peer nothing is believed',
  )
  t.same(
    flat(
      forwardedHead(head([...sent, 'x-forwarded-for', '3.3.3.3']), { ...facts, trusted, prefix: '/t/shop' }),
    ),
    {
      host: 'a.test:8080',
      'x-forwarded-for': '1.1.1.1, 3.3.3.3, 192.0.2.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'h',
      'x-forwarded-port': '8080',
      'x-forwarded-prefix': '/t/shop',
      'x-real-ip': '2.2.2.2',
      'x-forwarded-user': 'u',
      forwarded: 'for=1.1.1.1, for=192.0.2.1;host="a.test:8080";proto=http',
      'gw-request-id': 'the-id',
    },
    'a trusted one is appended to',
  )
  const ipv6 = {
    ...head(['host', '[::1]', 'x-forwarded-for', '9.9.9.9']),
    remoteAddress: '2001:db8::7',
    secure: true,
  }
  t.match(flat(forwardedHead(ipv6, { ...facts, trusted })), {
    'x-forwarded-for': '9.9.9.9, 2001:db8::7',
    'x-forwarded-port': '443',
    'x-forwarded-proto': 'https',
    forwarded: 'for="[2001:db8::7]";host="[::1]";proto=https',
  })
  const hops = [
    'connection',
    'close, x-own, host, authorization, x-forwarded-for, gw-request-id',
    'keep-alive',
    '5',
    'te',
    'trailers',
    'trailer',
    'x',
    'transfer-encoding',
    'chunked',
    'upgrade',
    'h2c',
    'proxy-connection',
    'a',
    'proxy-authorization',
    'b',
    'expect',
    '100-continue',
    'x-own',
    '1',
    'gw-purpose',
    'prod',
    'gw-request-id',
    'other',
    'authorization',
    'z',
    'via',
    '1.1 x',
    'traceparent',
    't',
    'cookie',
    'a=1',
    'cookie',
    'b=2',
    'content-length',
    '3',
  ]
  const on = flat(forwardedHead(head(['host', 'a', ...hops]), facts))
  for (const name of Object.keys(on))
    if (name.startsWith('x-forwarded-') || name === 'forwarded') delete on[name]
  t.same(on, {
    host: 'a',
    authorization: 'z',
    via: '1.1 x',
    traceparent: 't',
    cookie: 'a=1 | b=2',
    'content-length': '3',
    'gw-request-id': 'the-id',
  })
})

t.test("an agent's head is held against HTTP before a caller sees any of it", async (t) => {
  const answer = (more: Partial<Head>, method = 'GET') =>
    outcome(() =>
      answerHead(
        { kind: Kind.head, id: 1, status: 200, reason: null, headers: [], body: null, end: false, ...more },
        method,
        'tunnel',
        'request',
      ),
    )
  const own = ['gw-tunnel-id', 'tunnel', 'gw-request-id', 'request']
  const body = Buffer.from('12345')
  const ok = (headers: string[], length: number | undefined, status = 200) => ({
    status,
    reason: undefined,
    headers: [...headers, ...own],
    length,
    checked: true,
  })
  const cases: [title: string, unknown, unknown][] = [
    [
      'plain',
      answer({ headers: ['a', '1', 'set-cookie', 'a', 'set-cookie', 'b'] }),
      ok(['a', '1', 'set-cookie', 'a', 'set-cookie', 'b'], undefined),
    ],
    [
      'hop-by-hop',
      answer({
        headers: [
          'connection',
          'x-own',
          'x-own',
          '1',
          'keep-alive',
          '1',
          'transfer-encoding',
          'chunked',
          'upgrade',
          'h2',
          'trailer',
          'a',
        ],
      }),
      ok([], undefined),
    ],
    ["the gateway's own", answer({ headers: ['gw-tunnel-id', 'lie', 'gw-else', 'x'] }), ok([], undefined)],
    ['a length', answer({ headers: ['content-length', '5'] }), ok([], 5)],
    ['the same length twice', answer({ headers: ['content-length', '5', 'content-length', '5'] }), ok([], 5)],
    ['whole', answer({ body, end: true }), ok([], 5)],
    ['whole with its length', answer({ body, end: true, headers: ['content-length', '5'] }), ok([], 5)],
    [
      'whole with another length',
      answer({ body, end: true, headers: ['content-length', '6'] }),
      'agent_error',
    ],
    ['its beginning', answer({ body, headers: ['content-length', '6'] }), ok([], 6)],
    ['more than its length', answer({ body, headers: ['content-length', '4'] }), 'agent_error'],
    ['more of what nobody reads', answer({ body, headers: ['content-length', '4'] }, 'HEAD'), ok([], 4)],
    ['HEAD with a length', answer({ end: true, headers: ['content-length', '6'] }, 'HEAD'), ok([], 6)],
    [
      '304 with a length',
      answer({ end: true, status: 304, headers: ['content-length', '6'] }),
      ok([], 6, 304),
    ],
    ['two lengths', answer({ headers: ['content-length', '5', 'content-length', '6'] }), 'agent_error'],
    ['a list of lengths', answer({ headers: ['content-length', '5, 5'] }), 'agent_error'],
    ['a signed length', answer({ headers: ['content-length', '+5'] }), 'agent_error'],
    ['CR LF in a value', answer({ headers: ['a', 'b\r\nset-cookie: x'] }), 'agent_error'],
    ['LF in a reason', answer({ reason: 'OK\n' }), 'agent_error'],
    ['no token for a name', answer({ headers: ['a b', '1'] }), 'agent_error'],
    ['an empty name', answer({ headers: ['', '1'] }), 'agent_error'],
    ['another protocol unasked', answer({ status: 101 }), 'agent_error'],
  ]
  for (const [title, given, expected] of cases) t.same(given, expected, title)
})

t.test('a problem is JSON for programs and a page for browsers', async (t) => {
  const problem = new Problem('no_agent', '<none> & "that"')
  const json = problemReply(problem, 'the-id', [])
  t.same(JSON.parse(json.body), {
    type: 'urn:gw:problem:no_agent',
    title: 'No agent',
    status: 503,
    detail: '<none> & "that"',
    code: 'no_agent',
    request_id: 'the-id',
  })
  t.match(flat(json.head.headers), {
    'content-type': 'application/problem+json',
    'gw-request-id': 'the-id',
    'retry-after': '1',
  })
  const kinds: [accept: string, page: boolean][] = [
    ['text/html,application/xhtml+xml,*/*;q=0.8', true],
    ['TEXT/HTML', true],
    ['text/html, application/json', false],
    ['text/html, application/problem+json', false],
    ['*/*', false],
  ]
  for (const [accept, page] of kinds) {
    const { head, body } = problemReply(problem, 'the-id', ['accept', accept])
    t.equal(head.headers.includes('text/html; charset=utf-8'), page, accept)
    if (page)
      t.ok(
        ['no_agent', '503', 'the-id', '&lt;none&gt; &amp; &quot;that&quot;'].every((fact) =>
          body.includes(fact),
        ),
      )
  }
})
