/** What a handshake and a selector may say, and what an instance is known by. */
import t from 'tap'
import { Bucket } from '../../gateway/agents/bucket.js'
import { parseClaim } from '../../gateway/agents/claim.js'
import { Histogram } from '../../gateway/agents/histogram.js'
import { matches, type Selector, selectorOf } from '../../gateway/agents/selector.js'
import type { RequestHead } from '../../gateway/edge/engine.js'
import { Fleet, id, numbers, uuid } from '../helpers/fleet.js'
import { outcome } from '../helpers/heads.js'

const head = (target: string, headers: string[] = []): RequestHead => ({
  method: 'GET',
  target,
  headers,
  remoteAddress: '192.0.2.1',
  secure: false,
})

t.test('a handshake claims a tunnel id, an instance, a number and a name', async (t) => {
  const protocol = ['sec-websocket-protocol', 'chat, gw.v1']
  const ok = (query: string, headers: string[] = []) =>
    parseClaim(head(`/ws${query}`, [...protocol, ...headers]))
  const claim = ok(
    `?tunnel_id=${id(1).toUpperCase().replace('AGENT', 'agent').replace('PROD', 'prod')}&instance=${uuid(7)}&link=63&name=shop`,
  )
  t.match(claim, {
    tunnel: { id: id(1) },
    instanceId: uuid(7),
    number: 63,
    name: 'shop',
    remoteAddress: '192.0.2.1',
  })
  t.match(ok('', ['gw-tunnel-id', id(2)]), { tunnel: { id: id(2) }, number: 0, name: null })
  t.not(
    ok(`?tunnel_id=${id(1)}`).instanceId,
    ok(`?tunnel_id=${id(1)}`).instanceId,
    'each an instance of its own',
  )
  const faults: [string, string][] = [
    ['', 'invalid_tunnel_id'],
    ['?tunnel_id=', 'invalid_tunnel_id'],
    ['?tunnel_id=prod', 'invalid_tunnel_id'],
    [`?tunnel_id=${id(1)}&instance=1`, 'bad_request'],
    [`?tunnel_id=${id(1)}&link=64`, 'bad_request'],
    [`?tunnel_id=${id(1)}&link=-1`, 'bad_request'],
    [`?tunnel_id=${id(1)}&link=x`, 'bad_request'],
    [`?tunnel_id=${id(1)}&name=www`, 'bad_request'],
    [`?tunnel_id=${id(1)}&name=-a`, 'bad_request'],
  ]
  for (const [query, code] of faults)
    t.equal(
      outcome(() => ok(query)),
      code,
      query,
    )
  t.equal(
    outcome(() => parseClaim(head(`/ws?tunnel_id=${id(1)}`))),
    'unsupported_protocol',
  )
  t.equal(
    outcome(() => parseClaim(head(`/ws?tunnel_id=${id(1)}`, ['sec-websocket-protocol', 'gw.v2']))),
    'unsupported_protocol',
  )
})

t.test('a selector is read from the fields, else from the query, which goes on without it', async (t) => {
  const cases: [fields: string[], query: string, Selector | string, rest?: string][] = [
    [[], '', {}, ''],
    [[], '?a=1&b', {}, '?a=1&b'],
    [[], '?a=1&purpose=Prod&b=2', { purpose: 'prod' }, '?a=1&b=2'],
    [
      [],
      `?tunnel_id=${id(1)}&name=shop&labels=a=1,b=2&policy=first`,
      { tunnelId: id(1), name: 'shop', labels: ['a=1', 'b=2'], policy: 'first' },
      '',
    ],
    [[], '?labels=region%3Deu+west', { labels: ['region=eu west'] }, ''],
    [
      ['gw-purpose', 'prod'],
      '?purpose=other&policy=first',
      { purpose: 'prod' },
      '?purpose=other&policy=first',
    ],
    [['gw-policy', 'random'], '?policy=first&purpose=prod', { policy: 'random', purpose: 'prod' }, ''],
    [['gw-labels', ' a=1 , b=2 '], '', { labels: ['a=1', 'b=2'] }, ''],
    [['gw-purpose', ' '], '', 'invalid_selector'],
    [['gw-labels', 'a'], '', 'invalid_selector'],
    [['gw-labels', 'a=1,'], '', 'invalid_selector'],
    [['gw-labels', '=1'], '', 'invalid_selector'],
    [['gw-labels', 'a='], '', 'invalid_selector'],
    [['gw-policy', 'best'], '', 'invalid_selector'],
    [['gw-policy', 'toString'], '', 'invalid_selector'],
    [['gw-tunnel-id', 'x'], '', 'invalid_tunnel_id'],
    [[], '?purpose', 'invalid_selector'],
    [[], '?purpose=', 'invalid_selector'],
    [[], '?policy=', 'invalid_selector'],
    [[], '?purpose=a&purpose=b', 'invalid_selector'],
    [[], '?name=%ff', 'invalid_selector'],
  ]
  for (const [fields, query, expected, rest] of cases) {
    const title = `${fields.join(': ')} ${query}`
    if (typeof expected === 'string')
      t.equal(
        outcome(() => selectorOf(fields, query)),
        expected,
        title,
      )
    else t.same(selectorOf(fields, query), { selector: expected, query: rest }, title)
  }
})

t.test('all that a selector gives must match', async (t) => {
  const fleet = new Fleet(t)
  const instance = fleet.instance({ name: 'shop', labels: ['region', 'eu', 'tier', 'a=b'] })
  const cases: [Selector, boolean][] = [
    [{}, true],
    [{ tunnelId: id(1), purpose: 'prod', name: 'shop', labels: ['region=eu', 'tier=a=b'] }, true],
    [{ tunnelId: id(2) }, false],
    [{ purpose: 'prod', name: 'other' }, false],
    [{ labels: ['region=eu', 'tier=c'] }, false],
    [{ labels: ['constructor=x'] }, false],
    [{ labels: ['toString=undefined'] }, false],
  ]
  for (const [selector, expected] of cases)
    t.equal(matches(selector, instance), expected, JSON.stringify(selector))
})

t.test('a bucket keeps the order of connection and is dense', async (t) => {
  const fleet = new Fleet(t)
  const bucket = new Bucket()
  const instances = Array.from({ length: 5 }, () => fleet.instance())
  for (const instance of [...instances, instances[0]!]) bucket.add(instance)
  bucket.delete(instances[1]!)
  bucket.delete(instances[1]!)
  bucket.delete(instances[4]!)
  t.same([numbers(bucket), bucket.size], [[1, 3, 4], 3])
  const dense = numbers(Array.from({ length: bucket.size }, (_, i) => bucket.at(i)))
  t.same(dense.sort(), [1, 3, 4])
  bucket.add(instances[1]!)
  t.same(numbers(bucket), [1, 3, 4, 2], 'one that comes back is the youngest')
})

t.test('percentiles of five minutes, an eighth off at the most', async (t) => {
  const histogram = new Histogram(0)
  t.same(histogram.percentiles([0.5], 0), [null])
  for (let i = 1; i <= 1000; i++) histogram.add(i, 1000)
  const [p50, p99, p100] = histogram.percentiles([0.5, 0.99, 1], 2000)
  for (const [told, real] of [
    [p50, 500],
    [p99, 990],
    [p100, 1000],
  ] as const)
    t.ok(Math.abs(told! - real) / real < 0.16, `${told} for ${real}`)
  histogram.add(40_000, 280_000)
  t.ok(histogram.percentiles([1], 280_000)[0]! > 34_000, 'long ones are told as long')
  t.ok(histogram.percentiles([0.5], 299_999)[0]! > 400)
  t.ok(histogram.percentiles([0.5], 301_000)[0]! > 34_000, 'the first minute is over')
  t.same(histogram.percentiles([0.5], 900_000), [null])
})
