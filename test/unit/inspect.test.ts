/** What the inspector keeps, hides and shows. */
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { InternalCaller } from '../../gateway/edge/internal-caller.js'
import { Recorder } from '../../gateway/inspect/recorder.js'
import { again, changesOf, curlCommand } from '../../shared/inspect/again.js'
import { decodeBody } from '../../shared/inspect/decode.js'
import { exchangeFilter } from '../../shared/inspect/filter.js'
import { KEPT_BODY, KeptBody, type Recording } from '../../shared/inspect/recording.js'
import { maskedTarget, Redaction } from '../../shared/inspect/redact.js'
import { MOST_BYTES, MOST_EXCHANGES, Ring } from '../../shared/inspect/ring.js'
import { listed, shown } from '../../shared/inspect/view.js'
import { outcome } from '../helpers/heads.js'

function body(...chunks: (string | Uint8Array)[]): KeptBody {
  const kept = new KeptBody()
  for (const chunk of chunks) kept.add(Buffer.from(chunk))
  return kept
}

const recorded = (facts: Partial<Recording> = {}): Recording => ({
  requestId: 'the-id',
  startedAt: 0,
  method: 'POST',
  target: '/a?b=1',
  route: 'forward',
  remoteAddress: '192.0.2.1',
  requestHeaders: ['host', 'gw.test', 'content-type', 'text/plain', 'authorization', '[redacted]'],
  requestBody: body("it's"),
  responseHeaders: ['content-type', 'application/json'],
  responseBody: body('{"a":1}'),
  status: 200,
  tunnelId: 'agent_x',
  code: undefined,
  queued: 0.123,
  firstByte: 1.5,
  duration: 2,
  replayOf: undefined,
  ...facts,
})

t.test('secrets are not kept', async (t) => {
  const redaction = new Redaction(['X-Mine'])
  const names = [
    'authorization',
    'gw-authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'x-mine',
  ]
  for (const name of names) t.same(redaction.fields([name, 'canary']), [name, '[redacted]'], name)
  t.same(redaction.fields(['accept', 'canary']), ['accept', 'canary'])
  for (const key of 'token access_token api_key key password secret sig signature code TOKEN'.split(' '))
    t.equal(maskedTarget(`/p?a=1&${key}=canary&b=2`), `/p?a=1&${key}=[redacted]&b=2`, key)
  t.equal(maskedTarget('/p?monkey=1&token'), '/p?monkey=1&token')
  t.equal(maskedTarget('/token=1'), '/token=1')
})

t.test('the ring holds so many exchanges and so many bytes', async (t) => {
  const ring = new Ring()
  for (let i = 0; i < 2 * MOST_EXCHANGES; i++) ring.begin(recorded({ requestId: `${i}` }))
  t.equal(ring.size, MOST_EXCHANGES)
  t.equal(ring.recordings()[0]?.requestId, `${2 * MOST_EXCHANGES - 1}`, 'newest first')
  t.equal(ring.get('0'), undefined)
  const gone = ring.begin(recorded({ requestId: 'gone' }))
  const places = Array.from({ length: MOST_EXCHANGES }, (_, i) =>
    ring.begin(recorded({ requestId: `b${i}` })),
  )
  for (const held of places) {
    const more = held.recording.responseBody.add(Buffer.alloc(1024 * 1024))
    t.ok(more <= KEPT_BODY)
    ring.grew(held, more)
  }
  const before = ring.bytes
  ring.grew(gone, 1_000_000)
  t.equal(ring.bytes, before, 'what is no longer held weighs nothing')
  t.ok(ring.bytes <= MOST_BYTES)
  const big = new Ring()
  for (let i = 0; i < 400; i++) {
    const recording = recorded({ requestId: `${i}`, requestHeaders: ['x', 'y'.repeat(400_000)] })
    big.begin(recording)
    t.ok(big.bytes <= MOST_BYTES, 'never past the bound')
  }
  t.ok(big.size < 200)
})

t.test('a body is kept up to its bound, in a copy', async (t) => {
  const kept = new KeptBody()
  const chunk = Buffer.alloc(KEPT_BODY - 1, 'a')
  t.equal(kept.add(chunk), KEPT_BODY - 1)
  chunk.fill('b')
  t.equal(kept.truncated, false)
  t.equal(kept.add(Buffer.from('cd')), 1)
  t.equal(kept.add(Buffer.from('e')), 0)
  t.match(kept, { bytes: KEPT_BODY + 2, kept: KEPT_BODY, truncated: true })
  t.equal(kept.content().toString(), `${'a'.repeat(KEPT_BODY - 1)}c`)
})

t.test('bodies as people read them', async (t) => {
  const events = 'id: 1\nevent: tick\ndata: a\ndata: b\n\n: comment\n\ndata:{"x":1}\r\n\r\ndata: half'
  const cases: [string, KeptBody, string, string, unknown][] = [
    ['none', body(), '', '', { kind: 'none' }],
    ['json', body('{"a":[1]}'), 'application/json; charset=utf-8', '', { kind: 'json', value: { a: [1] } }],
    ['problem', body('{}'), 'application/problem+json', '', { kind: 'json', value: {} }],
    ['no json', body('{'), 'application/json', '', { kind: 'text', text: '{' }],
    ['gzip', body(gzipSync('{"a":1}')), 'application/json', 'gzip', { kind: 'json', value: { a: 1 } }],
    ['cut gzip', body(gzipSync('x'.repeat(9999)).subarray(0, 40)), 'text/plain', 'gzip', { kind: 'text' }],
    ['not gzip', body('plain'), 'text/plain', 'gzip', { kind: 'text', text: 'plain' }],
    [
      'bytes',
      body(new Uint8Array([0, 1, 255])),
      '',
      '',
      { kind: 'hex', text: /^00000000 {2}00 01 ff .*\.\.\.$/ },
    ],
    [
      'half a character',
      body('a\u00e9', new Uint8Array([0xc3])),
      'text/plain',
      '',
      { kind: 'text', text: 'a\u00e9' },
    ],
    [
      'events',
      body(events),
      'text/event-stream',
      '',
      {
        kind: 'events',
        events: [
          { event: 'tick', data: 'a\nb', id: '1' },
          { event: 'message', data: '{"x":1}', id: null },
        ],
      },
    ],
  ]
  for (const [name, kept, type, encoding, expected] of cases)
    t.match(decodeBody(kept, type, encoding), expected as object, name)
  const bomb = body(gzipSync(Buffer.alloc(50_000_000)))
  t.match(decodeBody(bomb, 'text/plain', 'gzip'), { kind: 'hex' }, 'a bomb is shown as it came')
})

t.test('lists and filters', async (t) => {
  t.same(listed(recorded()), {
    request_id: 'the-id',
    time: '1970-01-01T00:00:00.000Z',
    method: 'POST',
    path: '/a?b=1',
    status: 200,
    code: null,
    tunnel_id: 'agent_x',
    route: 'forward',
    state: 'ended',
    queued_ms: 0.12,
    first_byte_ms: 1.5,
    duration_ms: 2,
    bytes_in: 4,
    bytes_out: 7,
    replay_of: null,
  })
  t.match(shown(recorded()), {
    request: { bytes: 4, truncated: false, body: { kind: 'text', text: "it's" } },
    response: { headers: [['content-type', 'application/json']], body: { value: { a: 1 } } },
  })
  t.match(shown(recorded({ status: undefined, duration: undefined })), { response: null, state: 'open' })
  const passes = (query: string, facts?: Partial<Recording>) =>
    outcome(() => exchangeFilter(new URLSearchParams(query))(recorded(facts)))
  const cases: [string, unknown, Partial<Recording>?][] = [
    ['code=200', true],
    ['code=2xx', true],
    ['code=5XX', false],
    ['code=404', false],
    ['code=no_agent', true, { code: 'no_agent' }],
    ['tunnel_id=AGENT_X', true],
    ['tunnel_id=agent_y', false],
    ['method=post', true],
    ['path=b%3D1', true],
    ['path=/c', false],
    ['min_ms=2', true],
    ['min_ms=3', false],
    ['min_ms=x', 'bad_request'],
    ['what=1', 'bad_request'],
    ['method=&path=', true],
  ]
  for (const [query, expected, facts] of cases) t.equal(passes(query, facts), expected, query)
})

t.test('once more', async (t) => {
  t.match(again(recorded(), {}), {
    method: 'POST',
    target: '/a?b=1',
    headers: ['host', 'gw.test', 'content-type', 'text/plain'],
    body: Buffer.from("it's"),
    omitted: ['authorization'],
  })
  const changed = again(recorded({ target: '/a?x=1&token=[redacted]' }), {
    method: 'PUT',
    headers: { Authorization: 'Bearer x', 'content-type': null, 'Content-Length': '9', Connection: 'close' },
    body: 'new',
  })
  t.same(changed, {
    method: 'PUT',
    target: '/a?x=1',
    headers: ['host', 'gw.test', 'authorization', 'Bearer x'],
    body: Buffer.from('new'),
    omitted: ['query'],
  })
  const long = recorded({ requestBody: body('x'.repeat(KEPT_BODY + 1)) })
  t.equal(
    outcome(() => again(long, {})),
    'conflict',
  )
  t.match(again(long, { body: '' }), { body: Buffer.alloc(0) })
  const bad: unknown[] = [
    null,
    [],
    { what: 1 },
    { method: 'A B' },
    { path: 'x' },
    { path: '/ x' },
    { headers: { 'a b': '' } },
    { headers: { a: 'x\r\ny' } },
    { headers: 1 },
    { body: 1 },
  ]
  for (const value of bad)
    t.equal(
      outcome(() => changesOf(value)),
      'bad_request',
      JSON.stringify(value),
    )
  t.same(changesOf({ method: 'GET', path: '/', headers: { a: null }, body: '' }), {
    method: 'GET',
    path: '/',
    headers: { a: null },
    body: '',
  })
})

t.test('as a command', async (t) => {
  t.equal(
    curlCommand(recorded(), 'http://gw.test:3000'),
    `curl -X POST 'http://gw.test:3000/a?b=1' -H 'content-type: text/plain' -H "authorization: $AUTHORIZATION" --data-raw 'it'\\''s'`,
  )
  const plain = recorded({ method: 'GET', target: '/x', requestHeaders: [], requestBody: body() })
  t.equal(curlCommand(plain, 'http://a'), 'curl http://a/x')
  t.equal(curlCommand({ ...plain, method: 'HEAD' }, 'http://a'), 'curl --head http://a/x')
  t.match(curlCommand(recorded({ requestBody: body(new Uint8Array([0, 255])) }), ''), /--data-binary @body$/)
})

t.test("both heads count against the ring's bound", async (t) => {
  const ring = new Ring()
  const long = 'x'.repeat(50_000)
  const caller = new InternalCaller(
    { method: 'GET', target: '/', headers: ['a', long], body: body().content() },
    0,
  )
  const watched = new Recorder(ring, new Redaction([])).watch(caller, {
    requestId: 'the-id',
    route: 'forward',
    length: undefined,
  })
  t.ok(ring.bytes > long.length)
  watched.respond({ status: 200, headers: ['b', long] })
  t.ok(ring.bytes > 2 * long.length, `${ring.bytes} bytes`)
})
