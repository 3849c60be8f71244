/** How often an address may ask, how often it may be wrong, and how many links a credential has. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { Endings } from '../../gateway/access/endings.js'
import { NodeAuthority } from '../../gateway/access/link-authority.js'
import { EVERYBODY, type Principal } from '../../gateway/access/principal.js'
import { parseClaim } from '../../gateway/agents/claim.js'
import { addressKey, CallerAddresses } from '../../gateway/guard/address.js'
import { AddressTable, type EntryState } from '../../gateway/guard/address-table.js'
import { Attempts } from '../../gateway/guard/attempts.js'
import { LinkCount } from '../../gateway/guard/link-count.js'
import { type Rate, rate } from '../../gateway/guard/rate.js'
import { RateLimit } from '../../gateway/guard/rate-limit.js'
import { trustedProxies } from '../../gateway/guard/trusted-proxies.js'
import { Window } from '../../gateway/guard/window.js'
import { Problem } from '../../shared/errors.js'
import { PROTOCOL } from '../../shared/limits.js'
import { requestHead } from '../helpers/heads.js'

/** What `work` gives, or the code and the advice of the problem that it throws. */
function outcome(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    if (error instanceof Problem) return `${error.code} ${error.retryAfter}`
    throw error
  }
}

t.test('a rate is a count and a time', async (t) => {
  const read = (text: string) => {
    let fault = ''
    const value = rate().parse([text], (_, rule) => (fault = rule))
    return fault === '' ? value : fault
  }
  const cases: [string, unknown][] = [
    ['600/1m', { count: 600, per: 60_000 }],
    ['1/1s', { count: 1, per: 1000 }],
    ['10/60s', { count: 10, per: 60_000 }],
    ['0', { count: 0, per: 1000 }],
    ['600', 'is not a count and a time'],
    ['600/1m/1', 'is not a count and a time'],
    ['0/1m', /^has a count/],
    ['-1/1m', /^has a count/],
    ['1e3/1m', /^has a count/],
    ['9999999999/1m', /^has a count/],
    ['/1m', /^has a count/],
    ['600/', /^has a time other/],
    ['600/60', /^has a time other/],
    ['600/1x', /^has a time other/],
    ['600/500ms', 'has a time of less than 1s'],
    ['600/9999h', /^has a time of more than/],
  ]
  for (const [text, expected] of cases) t.match(read(text), expected, text)
})

t.test('a window counts what came within its width', async (t) => {
  const cases: [title: string, at: number[], now: number, count: number, wait: number][] = [
    ['nothing', [], 5000, 0, 0],
    ['one burst', [0, 0, 0], 999, 3, 1],
    ['which leaves at once', [0, 0, 0], 1000, 0, 0],
    ['an even flow', [0, 250, 500, 750, 1000, 1250], 1500, 3, 250],
    ['the last of it', [0, 250, 500, 750], 1600, 1, 0],
    ['as if what one bucket holds had come evenly', [0, 0, 0, 900], 950, 4, 350],
    ['of which the second stays', [0, 0, 1100, 1100, 1100], 1200, 3, 900],
    ['after a pause', [0, 0, 0, 5000], 5001, 1, 0],
    ['nobody came since', [0, 1, 2, 3], 60_000, 0, 0],
  ]
  for (const [title, at, now, count, wait] of cases) {
    const window = new Window()
    for (const each of at) window.add(each, 1000)
    t.same([window.count(now, 1000), window.wait(now, 1000, 3)], [count, wait], title)
  }
  const window = new Window()
  t.equal(window.left(77, 1000), 1000)
  window.add(100, 1000)
  t.equal(window.left(400, 1000), 700)
  window.clear()
  t.equal(window.count(400, 1000), 0)
})

const OFF = { count: 0, per: 1000 }
const limitOf = (now: () => number, rateLimit: Rate, rateLimitBurst = 0) =>
  new RateLimit('address', { rateLimit, rateLimitCredential: OFF, rateLimitBurst }, now)

t.test('a limit is never exceeded within its time by much, nor reached by those who keep it', async (t) => {
  let now = 0
  const limit = limitOf(() => now, { count: 60, per: 60_000 })
  const allowed: number[] = []
  // Three a second for ten minutes, in jerks.
  for (; now < 600_000; now += 331 + (now % 7) * 3) {
    if (typeof outcome(() => limit.take('a')) === 'object') allowed.push(now)
  }
  for (const [index, from] of allowed.entries()) {
    const within = allowed.slice(index).filter((at) => at < from + 60_000).length
    if (within > 70) t.fail(`${within} within a minute`)
  }
  t.ok(allowed.length > 540 && allowed.length < 700, `${allowed.length} of about 600`)
  const patient = limitOf(() => now, { count: 60, per: 60_000 })
  for (let i = 0; i < 600; i++, now += 1001) patient.take('a')
  t.equal(patient.limited, 0)
})

t.test('what is left stands in every answer, and when to come again in a refusal', async (t) => {
  let now = 1000
  const limit = limitOf(() => now, { count: 2, per: 60_000 })
  const fields = (left: number, reset: number) => [
    'ratelimit-policy',
    '"address";q=2;w=60',
    'ratelimit',
    `"address";r=${left};t=${reset}`,
  ]
  t.same(limit.take('a'), fields(1, 60))
  now += 10_000
  t.same(limit.take('a'), fields(0, 50))
  t.same(limit.take('b'), fields(1, 60), 'another address')
  now += 10_500
  try {
    limit.take('a')
    t.fail('the third was taken')
  } catch (error) {
    const { code, retryAfter, headers, message } = error as Problem
    t.same([code, retryAfter, headers], ['rate_limited', 40, fields(0, 40)])
    t.equal(message, 'more than 2 requests in 60 s from this address')
  }
  t.equal(limit.limited, 1)
  now += 39_500
  t.same(limit.take('a'), fields(0, 60), 'the advice was right')
  const settings = { rateLimit: OFF, rateLimitCredential: { count: 600, per: 3_600_000 }, rateLimitBurst: 0 }
  const credential = new RateLimit('credential', settings, () => now)
  t.same(credential.take('token:x'), [
    ...['ratelimit-policy', '"credential";q=600;w=3600'],
    ...['ratelimit', '"credential";r=599;t=3600'],
  ])
})

t.test('a burst passes over the limit, as many within any one second', async (t) => {
  let now = 0
  const limit = limitOf(() => now, { count: 5, per: 60_000 }, 3)
  const ask = () => outcome(() => (limit.take('a') as string[])[3])
  const answers = (count: number) => Array.from({ length: count }, ask)
  const none = '"address";r=0;t=60'
  t.same(answers(10), [
    ...[4, 3, 2, 1, 0].map((left) => `"address";r=${left};t=60`),
    ...[none, none, none],
    ...['rate_limited 1', 'rate_limited 1'],
  ])
  now = 999
  t.equal(ask(), 'rate_limited 1')
  now = 1000
  t.same(answers(4).at(-1), 'rate_limited 1')
  t.same([limit.limited, limit.size], [4, 1])
  now = 60_000
  t.equal(ask(), '"address";r=4;t=60', 'bursts do not count for the window')
})

t.test('a table is bounded, swept, and lets those that block go last', async (t) => {
  type Entry = { state: EntryState }
  const table = new AddressTable<Entry>(({ state }) => state, 4)
  const keys = () => [...'abcdefghijklmn'].filter((key) => table.get(key) !== undefined).join('')
  const add = (...names: string[]) => {
    for (const name of names) table.add(name, { state: 'open' }, 0)
  }
  const become = (state: EntryState, ...names: string[]) => {
    for (const name of names) {
      table.get(name)!.state = state
      if (state === 'blocked') table.block(name)
    }
  }
  add('a', 'b', 'c', 'd')
  become('blocked', 'a', 'b', 'b')
  table.block('nobody')
  add('e')
  t.equal(keys(), 'abde', 'the oldest that blocks nobody')
  become('blocked', 'd', 'e')
  add('f', 'g')
  t.equal(keys(), 'bdeg', 'where all block: the oldest of them; then again one that does not')
  t.equal(table.size, 4)
  become('idle', 'b', 'd')
  add('h')
  t.equal(keys(), 'egh', 'what tells nothing goes first')
  become('open', 'e')
  add('i', 'j')
  t.equal(keys(), 'ehij', 'one that blocks no longer is as old as that')
  for (let i = 0; i < 50; i++) add(...'klmnabc')
  t.equal(table.size, 4)
  become('idle', ...keys())
  add('d', 'e')
  t.equal(table.size, 2)
})

t.test('wrong credentials are counted, and then nothing is heard for a while', async (t) => {
  let now = 0
  const fresh = () =>
    new Attempts({ authAttempts: { count: 3, per: 60_000 }, authCooldown: 300_000 }, () => now)
  const heard = (attempts: Attempts, address = 'a') => outcome(() => attempts.check(address)) ?? 'heard'
  const attempts = fresh()
  for (let i = 0; i < 100; i++) attempts.check('a')
  attempts.failed('a')
  attempts.failed('a')
  t.equal(heard(attempts), 'heard')
  attempts.failed('a')
  t.same([heard(attempts), heard(attempts, 'b')], ['rate_limited 300', 'heard'])
  attempts.succeeded('a')
  now = 299_001
  t.equal(heard(attempts), 'rate_limited 1', 'a right one does not end it')
  now = 300_000
  t.equal(heard(attempts), 'heard')
  attempts.failed('a')
  t.equal(heard(attempts), 'heard', 'it begins anew')
  t.equal(attempts.refused, 2)

  const slow = fresh()
  for (let i = 0; i < 20; i++, now += 31_000) slow.failed('a')
  t.equal(heard(slow), 'heard', 'two a minute')

  const mixed = fresh()
  mixed.failed('a')
  mixed.failed('a')
  mixed.succeeded('a')
  mixed.failed('a')
  mixed.failed('a')
  t.equal(heard(mixed), 'heard', 'a success clears')
  mixed.succeeded('a')
  mixed.failed('a')
  t.equal(heard(mixed), 'rate_limited 300', 'once a window')

  const off = new Attempts({ authAttempts: OFF, authCooldown: 300_000 }, () => now)
  for (let i = 0; i < 50; i++) off.failed('a')
  t.same([heard(off), off.size], ['heard', 0])
})

t.test('limits may change while they are in force', async (t) => {
  let now = 0
  const settings = { rateLimit: OFF, rateLimitCredential: OFF, rateLimitBurst: 0 }
  const limit = new RateLimit('address', settings, () => now)
  t.same([limit.take('a'), limit.size], [[], 0], 'off: nothing is said or kept')
  settings.rateLimit = { count: 2, per: 60_000 }
  for (const left of [1, 0]) t.equal(limit.take('a')[3], `"address";r=${left};t=60`)
  t.equal(
    outcome(() => limit.take('a')),
    'rate_limited 60',
  )
  settings.rateLimit = { count: 4, per: 10_000 }
  t.same(limit.take('a'), ['ratelimit-policy', '"address";q=4;w=10', 'ratelimit', '"address";r=1;t=10'])
  const attempts = new Attempts({ authAttempts: { count: 1, per: 1000 }, authCooldown: 1000 }, () => now)
  attempts.failed('a')
  now = 5000
  for (const address of ['b', 'c', 'd']) attempts.failed(address)
  t.equal(attempts.size, 3, 'what tells nothing is swept')
})

t.test('links of one credential', async (t) => {
  const links = new LinkCount({ maxLinks: 2 })
  const [first] = [links.open('token:a'), links.open('token:a')]
  links.open('token:b')
  t.equal(
    outcome(() => links.open('token:a')),
    'rate_limited 5',
  )
  first()
  first()
  links.open('token:a')
  t.equal(
    outcome(() => links.open('token:a')),
    'rate_limited 5',
    'a link ends once',
  )
  t.equal(links.refused, 2)
  const off = new LinkCount({ maxLinks: 0 })
  for (let i = 0; i < 10; i++) off.open('token:a')
  const again = new LinkCount({ maxLinks: 1 })
  again.open('token:a')()
  again.open('token:a')
})

t.test('links of everybody are not counted', async (t) => {
  const count = new LinkCount({ maxLinks: 1 })
  const authority = new NodeAuthority(new Endings(Date.now), count)
  const claim = parseClaim(
    requestHead(['sec-websocket-protocol', PROTOCOL], `/ws?tunnel_id=agent_${randomUUID()}_prod`),
  )
  const node: Principal = { ...EVERYBODY, id: 'token:a' }
  authority.admit(node, claim, () => {})
  t.equal(
    outcome(() => authority.admit(node, claim, () => {})),
    'rate_limited 5',
  )
  for (let i = 0; i < 10; i++) t.ok(authority.admit(EVERYBODY, claim, () => {}).holds())
})

t.test('the address of a caller', async (t) => {
  const addresses = new CallerAddresses(trustedProxies(['127.0.0.1/32', '10.0.0.0/8', 'fd00::/8']))
  const xff = (...lines: string[]) => lines.flatMap((line) => ['x-forwarded-for', line])
  const cases: [title: string, peer: string, headers: string[], expected: string][] = [
    ['none told', '127.0.0.1', [], '127.0.0.1'],
    ['an untrusted peer is not believed', '192.0.2.9', xff('198.51.100.1'), '192.0.2.9'],
    ['a trusted one is', '127.0.0.1', xff('198.51.100.1'), '198.51.100.1'],
    ['the right-most untrusted', '10.1.1.1', xff('203.0.113.1, 198.51.100.1, 10.2.2.2'), '198.51.100.1'],
    [
      'over several lines',
      '10.1.1.1',
      xff('203.0.113.1', '198.51.100.1', '10.2.2.2, 10.3.3.3'),
      '198.51.100.1',
    ],
    ['all trusted: the first', '10.1.1.1', xff('10.4.4.4, 10.3.3.3'), '10.4.4.4'],
    ['rubbish ends the walk', '10.1.1.1', xff('203.0.113.1, unknown, 10.2.2.2'), '10.2.2.2'],
    ['rubbish alone', '10.1.1.1', xff('_hidden'), '10.1.1.1'],
    ['an empty entry', '10.1.1.1', xff('203.0.113.1,'), '10.1.1.1'],
    ['no number too large', '10.1.1.1', xff('203.0.113.256'), '10.1.1.1'],
    ['a port', '10.1.1.1', xff('203.0.113.1:4711'), '203.0.113.1'],
    ['IPv6', '10.1.1.1', xff('2001:DB8::1'), '2001:db8::1'],
    ['in brackets', '10.1.1.1', xff('[2001:db8::1]'), '2001:db8::1'],
    ['with a port', '10.1.1.1', xff('"[2001:db8::1]:443"'), '2001:db8::1'],
    ['an IPv4 address in brackets is none', '10.1.1.1', xff('[203.0.113.1]'), '10.1.1.1'],
    ['IPv4-mapped', '10.1.1.1', xff('::ffff:203.0.113.1'), '203.0.113.1'],
    ['IPv4-mapped in hex', '10.1.1.1', xff('::FFFF:cb00:7101'), '203.0.113.1'],
    ['mapped and trusted', '10.1.1.1', xff('203.0.113.1, ::ffff:10.2.2.2'), '203.0.113.1'],
    ['a trusted IPv6 peer', 'fd00::1', xff('203.0.113.1'), '203.0.113.1'],
    ['a zone', '10.1.1.1', xff('fe80::1%eth0'), 'fe80::1'],
  ]
  for (const [title, peer, headers, expected] of cases)
    for (const _ of [1, 2])
      t.equal(addresses.of({ ...requestHead(headers), remoteAddress: peer }), expected, title)
  const proxied = { ...requestHead(xff('203.0.113.1')), remoteAddress: '10.1.1.1' }
  t.equal(new CallerAddresses([]).of(proxied), '10.1.1.1', 'nobody is trusted')
  const keys: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0000:0000:ffff::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['', ''],
  ]
  for (const [address, key] of keys) t.equal(addressKey(address), key, address)
})
