/** A request at the door: what is let in, where it goes, and by which id. */
import t from 'tap'
import { admit, MAX_REQUEST_FIELDS } from '../../gateway/edge/admit.js'
import type { RequestHead } from '../../gateway/edge/engine.js'
import { newRequestId, RequestIds } from '../../gateway/edge/request-id.js'
import { type Route, route } from '../../gateway/edge/routes.js'
import { id, uuid } from '../helpers/fleet.js'
import { requestHead as head, outcome } from '../helpers/heads.js'

t.test('only a request with one reading is admitted', async (t) => {
  const host = ['host', 'a']
  const cases: [title: string, head: RequestHead, expected: unknown][] = [
    ['no body', head(host), undefined],
    ['a length', head([...host, 'content-length', '10']), 10],
    ['length 0', head([...host, 'content-length', '0']), 0],
    ['chunked', head([...host, 'transfer-encoding', 'Chunked']), 'chunked'],
    ['method of any case', head(host, '/', 'pAtCh'), undefined],
    ['unknown method', head(host, '/', 'M-SEARCH'), undefined],
    ['percent codes, dots and slashes', head(host, '//a/../%2e%2f;x=\\|^`{}"<>?q=?/'), undefined],
    ['bytes of UTF-8', head(host, '/\xc3\xa9'), undefined],
    ['CONNECT', head(host, '/', 'CONNECT'), 'method_not_allowed'],
    ['TRACE', head(host, '/', 'TRACE'), 'method_not_allowed'],
    ['no token', head(host, '/', 'G="x"'), 'bad_request'],
    ['as long a method as a link carries', head(host, '/', 'M'.repeat(64)), undefined],
    ['a longer one', head(host, '/', 'M'.repeat(65)), 'bad_request'],
    ['absolute form', head(host, 'http://a/'), 'bad_request'],
    ['asterisk', head(host, '*', 'OPTIONS'), 'bad_request'],
    ['a space', head(host, '/a b'), 'bad_request'],
    ['a fragment', head(host, '/a#b'), 'bad_request'],
    ['a control', head(host, '/a\x7f'), 'bad_request'],
    ['a char beyond bytes', head(host, '/\u0100'), 'bad_request'],
    ['both framings', head([...host, 'content-length', '1', 'transfer-encoding', 'chunked']), 'bad_request'],
    ['two lengths', head([...host, 'content-length', '1', 'content-length', '1']), 'bad_request'],
    [
      'two codings',
      head([...host, 'transfer-encoding', 'chunked', 'transfer-encoding', 'chunked']),
      'bad_request',
    ],
    ['no host', head(), 'bad_request'],
    ['two hosts', head([...host, ...host]), 'bad_request'],
    ['an empty name', head([...host, '', 'x']), 'bad_request'],
    ['a space in a name', head([...host, 'a b', 'x']), 'bad_request'],
    ['CR in a value', head([...host, 'a', 'x\ry']), 'bad_request'],
    ['NUL in a value', head([...host, 'a', 'x\0']), 'bad_request'],
    ['imitated length', head([...host, 'content_length', '1']), 'bad_request'],
    ['imitated coding', head([...host, 'transfer_encoding', 'chunked']), 'bad_request'],
    ['as many fields as may be', head([...host, ...fields(MAX_REQUEST_FIELDS - 1)]), undefined],
    ['one too many', head([...host, ...fields(MAX_REQUEST_FIELDS)]), 'head_too_large'],
    ['too many bytes', head([...host, 'a', 'x'.repeat(4096)]), 'head_too_large'],
    ...[
      '+5',
      '-5',
      '0x5',
      '1_0',
      '5 5',
      '5, 5',
      '5;',
      '',
      '0005',
      '1e3',
      '9007199254740993',
      '99999999999999999',
    ].map(
      (value) =>
        [`length ${value}`, head([...host, 'content-length', value]), 'bad_request'] as [
          string,
          RequestHead,
          string,
        ],
    ),
    ...[
      '',
      'identity',
      'gzip',
      'gzip, chunked',
      'chunked, chunked',
      'xchunked',
      '"chunked"',
      'chunked;a=b',
      ',chunked',
    ].map(
      (value) =>
        [`coding ${value}`, head([...host, 'transfer-encoding', value]), 'bad_request'] as [
          string,
          RequestHead,
          string,
        ],
    ),
    ...['a.b:80', '[::1]', '[::1]:3000', 'a.'].map(
      (value) => [`host ${value}`, head(['host', value]), undefined] as [string, RequestHead, undefined],
    ),
    ...['', 'a, b', 'u@a', 'a/b', 'a:', 'a:99999', 'a:x', '::1', 'a b', 'a?b', 'a"b'].map(
      (value) => [`host ${value}`, head(['host', value]), 'bad_request'] as [string, RequestHead, string],
    ),
  ]
  for (const [title, request, expected] of cases)
    t.equal(
      outcome(() => admit(request, 4096)),
      expected,
      title,
    )
  for (const pattern of ['/'.repeat(100_000), `/${'%'.repeat(100_000)}#`]) {
    const started = performance.now()
    outcome(() => admit(head(['host', pattern], pattern), 4096))
    t.ok(performance.now() - started < 5000, 'in linear time')
  }
})

function fields(count: number): string[] {
  return Array.from({ length: count }, (_, i) => [`x-${i}`, '1']).flat()
}

/** A row of the table by its name; paths that nothing serves as what the caller is told. */
function brief(found: Route): unknown {
  if (found.kind === 'nothing') return found.problem.code
  if (found.kind === 'proxy') {
    const { tunnel: _, fault, ...rest } = found
    return fault?.code ?? rest
  }
  if (found.kind === 'links') return found
  const { name, params } = found.match
  return {
    api: name,
    ...(Object.keys(params).length > 0 && { params }),
    ...(found.query !== '' && found.query !== '?x=1' && { query: found.query }),
  }
}

t.test('path and host say what serves a request', async (t) => {
  const settings = { wsPath: '/ws', domains: ['gw.test', 'deep.gw.test'] }
  const host = (value: string) => ['host', value]
  const proxy = (via: string, selector: object, target: string, prefix?: string) => ({
    kind: 'proxy',
    via,
    selector,
    target,
    ...(prefix === undefined ? {} : { prefix }),
  })
  const cases: [RequestHead, unknown][] = [
    [head(), { api: 'root' }],
    [head([], '/', 'HEAD'), { api: 'root' }],
    [head([], '/', 'POST'), 'method_not_allowed'],
    [head([], '/?x=1'), { api: 'root' }],
    [head([], '/health'), { api: 'health' }],
    [head([], '/health/'), 'not_found'],
    [head([], '/ws?tunnel_id=x'), { kind: 'links' }],
    [head([], '/ws', 'POST'), 'method_not_allowed'],
    [head([], '/connections?purpose=a'), { api: 'connections', query: '?purpose=a' }],
    [head([], '/connections', 'DELETE'), 'method_not_allowed'],
    [
      head([], '/connections/x?drain=1', 'DELETE'),
      { api: 'disconnect', params: { link_id: 'x' }, query: '?drain=1' },
    ],
    [head([], '/connections/x'), 'method_not_allowed'],
    [head([], '/connections/', 'DELETE'), 'not_found'],
    [head([], '/connections/x/y', 'DELETE'), 'not_found'],
    [head([], '/forwards'), 'not_found'],
    [head([], '/forward', 'BREW'), proxy('forward', {}, '/')],
    [head([], '/forward?a=1'), proxy('forward', {}, '/?a=1')],
    [head([], '/forward//a/../b?purpose=x&c'), proxy('forward', { purpose: 'x' }, '//a/../b?c')],
    [head(['gw-purpose', 'y'], '/forward/a?purpose=x'), proxy('forward', { purpose: 'y' }, '/a?purpose=x')],
    [head([], `/t/${id(1)}`), proxy('tunnel', { tunnelId: id(1) }, '/', `/t/${id(1)}`)],
    [head([], `/t/${id(1)}?purpose=x`), proxy('tunnel', { tunnelId: id(1) }, '/?purpose=x', `/t/${id(1)}`)],
    [head([], '/t/shop//a%2Fb?q'), proxy('tunnel', { name: 'shop' }, '//a%2Fb?q', '/t/shop')],
    [head([], '/t/Shop/'), proxy('tunnel', { name: 'shop' }, '/', '/t/Shop')],
    [
      head(['gw-labels', 'a=1'], '/t/shop'),
      proxy('tunnel', { labels: ['a=1'], name: 'shop' }, '/', '/t/shop'),
    ],
    [head(['gw-tunnel-id', id(2)], `/t/${id(1)}`), 'no_agent'],
    [head(['gw-name', 'other'], '/t/shop'), 'no_agent'],
    [head([], '/t/'), 'not_found'],
    [head([], '/t/agent_x'), 'invalid_tunnel_id'],
    [head([], '/t/www'), 'invalid_tunnel_id'],
    [head([], '/t'), 'not_found'],
    [head(host('gw.test'), '/health'), { api: 'health' }],
    [head(host('Shop.GW.test.:80'), '/health?a'), proxy('host', { name: 'shop' }, '/health?a')],
    [head(host(`prod-${uuid(1)}.gw.test`)), proxy('host', { tunnelId: id(1) }, '/')],
    [head(host('shop.deep.gw.test')), proxy('host', { name: 'shop' }, '/')],
    [head(host('a.b.gw.test')), 'not_found'],
    [head(host('www.gw.test')), 'not_found'],
    [head(host('.gw.test')), 'not_found'],
    [head(host('shop.gw.test.evil')), { api: 'root' }],
    [head(host('shopgw.test')), { api: 'root' }],
    [head([...host('shop.gw.test'), 'gw-name', 'other']), 'no_agent'],
  ]
  for (const [request, expected] of cases)
    t.same(
      outcome(() => brief(route(request, settings))),
      expected,
      `${request.method} ${request.target} ${request.headers}`,
    )
  const refused = (request: RequestHead) => {
    const found = route(request, settings)
    return found.kind === 'nothing' ? found.problem.headers : undefined
  }
  t.same(refused(head([], '/health', 'PUT')), ['allow', 'GET, HEAD'])
  t.same(refused(head([], '/connections/x', 'PUT')), ['allow', 'DELETE'])
})

t.test("the caller's request id is used unless it is in flight or no uuid", async (t) => {
  const ours = newRequestId()
  const ids = new RequestIds((id) => id === ours)
  t.equal(ids.take(uuid(1)), uuid(1))
  t.not(ids.take(uuid(1)), uuid(1), 'in flight')
  t.not(ids.take(ours.toUpperCase()), ours, 'one of ours in flight')
  ids.give(uuid(1))
  t.equal(ids.take(uuid(1)), uuid(1))
  t.equal(ids.take('AAAAAAAA-0000-4000-8000-000000000000'), 'aaaaaaaa-0000-4000-8000-000000000000')
  for (const wished of [undefined, '', 'x', `${uuid(2)}x`, '"><script>'])
    t.match(ids.take(wished), /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  t.equal(new Set(Array.from({ length: 1000 }, newRequestId)).size, 1000)
})
