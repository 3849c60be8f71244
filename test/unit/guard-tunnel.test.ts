/** Callers without a credential: which tunnels are open to them, what guards those, and how long they may wait. */
import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { Agent } from '../../agent/agent.js'
import { publicFields } from '../../agent/public-access.js'
import { parseClaim } from '../../gateway/agents/claim.js'
import { Dispatcher, type Job } from '../../gateway/agents/dispatch.js'
import { termsOf } from '../../gateway/edge/terms.js'
import { Attempts } from '../../gateway/guard/attempts.js'
import { Guard, guardSettings } from '../../gateway/guard/guard.js'
import { Guest } from '../../gateway/guard/guest.js'
import { Guests } from '../../gateway/guard/guests.js'
import { PublicTunnels } from '../../gateway/guard/public-tunnels.js'
import { guardOf, judge, type TunnelGuard, UNGUARDED } from '../../gateway/guard/tunnel-guard.js'
import { gatewayOptions } from '../../gateway/options.js'
import { defaultsOf } from '../../shared/options.js'
import { FakeGateway } from '../helpers/fake-gateway.js'
import { Fleet, id } from '../helpers/fleet.js'
import { outcome, requestHead } from '../helpers/heads.js'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const fields = (access: Parameters<typeof publicFields>[0]) => Object.entries(publicFields(access)).flat()
const guard = (basicAuth?: string, ...allowIp: string[]): TunnelGuard =>
  guardOf(fields({ basicAuth, allowIp }))!

const BASIC = guard('me:sécret')
const OFFICE = guard(undefined, '192.0.2.0/24', '2001:db8::/32')
const INSIDE = guard(undefined, '10.0.0.0/8')
const BOTH = guard('me:sécret', '192.0.2.0/24')

t.test('what a handshake says of it', async (t) => {
  const hash = createHash('sha256').update('a:b').digest('hex')
  t.equal(guardOf([]), undefined, 'not public')
  t.equal(guardOf(fields(undefined)), undefined)
  t.equal(guardOf(['gw-public', '1']), UNGUARDED)
  t.equal(guardOf(fields({ allowIp: [] })), UNGUARDED)
  t.same(guard('a:b'), { basic: Buffer.from(hash, 'hex'), allowed: [] })
  t.equal(OFFICE.allowed.length, 2)
  t.notMatch(JSON.stringify(publicFields({ basicAuth: 'a:secret', allowIp: [] })), 'secret')
  const bad: [string[], RegExp][] = [
    [['gw-public', 'yes'], /gw-public is other than 1/],
    [['gw-public', ''], /gw-public is other than 1/],
    [['gw-basic-auth', hash], /go with gw-public/],
    [['gw-allow-ip', '10.0.0.0/8'], /go with gw-public/],
    [['gw-public', '1', 'gw-basic-auth', 'a:b'], /64 hex digits/],
    [['gw-public', '1', 'gw-basic-auth', ''], /64 hex digits/],
    [['gw-public', '1', 'gw-allow-ip', '10.0.0.0/33'], /gw-allow-ip "10.0.0.0\/33" has a prefix length/],
    [['gw-public', '1', 'gw-allow-ip', '10.0.0.1, here'], /gw-allow-ip "here" is not/],
    [['gw-public', '1', 'gw-allow-ip', '10.0.0.1,'.repeat(129)], /more than 128/],
  ]
  for (const [headers, rule] of bad)
    t.throws(() => guardOf(headers), { code: 'bad_request', message: rule }, rule.source)
  const handshake = requestHead(
    ['sec-websocket-protocol', 'gw.v1', ...fields({ basicAuth: 'me:sécret', allowIp: [] })],
    `/ws?tunnel_id=${id(1)}`,
  )
  t.same(parseClaim(handshake).guard, BASIC)
})

t.test('who passes', async (t) => {
  const right = basic('me:sécret')
  const cases: [
    title: string,
    guards: TunnelGuard[],
    address: string,
    authorization: string | undefined,
    expected: string,
  ][] = [
    ['nothing is asked', [UNGUARDED], '192.0.2.1', undefined, 'allow'],
    ['nor read', [UNGUARDED], '192.0.2.1', basic('any:thing'), 'allow'],
    ['no password', [BASIC], '192.0.2.1', undefined, 'unauthorized'],
    ['a right one', [BASIC], '192.0.2.1', right, 'allow, spent'],
    ['in another case', [BASIC], '192.0.2.1', right.replace('Basic', 'bAsIc'), 'allow, spent'],
    ['a wrong one', [BASIC], '192.0.2.1', basic('me:secret'), 'unauthorized, wrong'],
    ['another user', [BASIC], '192.0.2.1', basic('you:sécret'), 'unauthorized, wrong'],
    ['an empty one', [BASIC], '192.0.2.1', basic(':'), 'unauthorized, wrong'],
    ['another scheme', [BASIC], '192.0.2.1', 'Bearer x', 'unauthorized'],
    ['no text at all', [BASIC], '192.0.2.1', 'Basic', 'unauthorized'],
    ['no base64', [BASIC], '192.0.2.1', 'Basic ???', 'unauthorized'],
    ['inside', [OFFICE], '192.0.2.77', undefined, 'allow'],
    ['inside, by IPv6', [OFFICE], '2001:db8:1::1', undefined, 'allow'],
    ['inside, mapped', [OFFICE], '::ffff:192.0.2.77', undefined, 'allow'],
    ['outside', [OFFICE], '198.51.100.1', right, 'forbidden'],
    ['nowhere', [OFFICE], '', undefined, 'forbidden'],
    ['both', [BOTH], '192.0.2.1', right, 'allow, spent'],
    ['outside with a right one', [BOTH], '198.51.100.1', right, 'forbidden'],
    ['outside with a wrong one: it is not looked at', [BOTH], '198.51.100.1', basic('x:y'), 'forbidden'],
    ['replicas: every guard', [UNGUARDED, BASIC, OFFICE], '192.0.2.1', undefined, 'unauthorized'],
    ['all of them passed', [UNGUARDED, BASIC, OFFICE], '192.0.2.1', right, 'allow, spent'],
    ['one not', [BASIC, OFFICE], '198.51.100.1', right, 'forbidden'],
    ['two passwords: nobody knows both', [BASIC, guard('a:b')], '192.0.2.1', right, 'unauthorized, wrong'],
  ]
  for (const [title, guards, address, authorization, expected] of cases) {
    const verdict = judge(guards, address, authorization)
    const said =
      verdict.kind === 'allow'
        ? `allow${verdict.spent ? ', spent' : ''}`
        : `${verdict.problem.code}${verdict.wrong ? ', wrong' : ''}`
    t.equal(said, expected, title)
    if (verdict.kind === 'refuse' && verdict.problem.status === 401)
      t.match(verdict.problem.headers, ['www-authenticate', /^Basic realm=/], title)
  }
})

/** A fleet whose links may be public. */
function tunnels(t: Test) {
  const fleet = new Fleet(t)
  const open = new PublicTunnels(fleet.registry, () => fleet.now)
  t.teardown(() => open.close())
  const join = (guarded: TunnelGuard | undefined, more: Parameters<Fleet['join']>[0] = {}) => {
    const link = fleet.dial(more)
    link.claim.guard = guarded
    fleet.hear(link, {
      ...{ kind: 1, agentVersion: '1', maxConcurrent: 1, weight: 1, labels: [], capabilities: [] },
      ...{ streamWindow: 1000, linkWindow: 1000 },
    })
    return link
  }
  return { fleet, open, join }
}

t.test('a tunnel is as open as the least open of its replicas', async (t) => {
  const { fleet, open, join } = tunnels(t)
  const shop = { tunnelId: id(1), name: 'shop' }
  const asked = () => [open.guards({ tunnelId: id(1) }), open.guards({ name: 'shop' })]
  t.same(asked(), [undefined, undefined])
  t.equal(open.guards({}), undefined, 'no route names nothing')
  const first = join(BASIC, shop)
  t.equal(open.guarded, 1)
  t.same(asked(), [[BASIC], [BASIC]])
  join(guard('me:sécret'), { ...shop, instance: 2 })
  t.same(asked(), [[BASIC], [BASIC]], 'the same guard counts once')
  const other = join(OFFICE, { ...shop, instance: 3 })
  t.same(asked(), [
    [BASIC, OFFICE],
    [BASIC, OFFICE],
  ])
  const closed = join(undefined, { ...shop, instance: 4 })
  t.same(asked(), [undefined, undefined])
  closed.end(1001, '')
  other.end(1001, '')
  t.same(asked(), [[BASIC], [BASIC]])
  join(OFFICE, { ...shop, instance: 1, link: 1 })
  t.equal(asked()[0]?.length, 2, 'links of one instance, too')
  const replaced = join(undefined, { ...shop, instance: 2 })
  t.same(asked(), [undefined, undefined], 'a link that took the place of a public one')
  for (const link of [...fleet.registry.links]) if (link !== first) link.end(1001, '')
  t.equal(replaced.state, 'closed')
  first.end(1001, '')
  t.same(asked(), [[BASIC], [BASIC]], 'a restart is waited for')
  fleet.now += 59_999
  t.same(asked(), [[BASIC], [BASIC]])
  fleet.now += 1
  t.same(asked(), [undefined, undefined])
  join(undefined, shop).end(1001, '')
  t.same(asked(), [undefined, undefined], 'one that was not public is not')
  t.equal(open.guarded, 0)
  join(UNGUARDED, shop).end(1001, '')
  join(undefined, shop)
  t.same(asked(), [undefined, undefined], 'what came since counts')
})

t.test('each agent is asked at the moment at which it would serve', async (t) => {
  const { fleet, join } = tunnels(t)
  const dispatcher = new Dispatcher(
    fleet.registry,
    { policy: 'first', queueTimeout: 60_000, holdMax: 5 },
    () => fleet.now,
  )
  t.teardown(() => dispatcher.close())
  const told: string[] = []
  const submit = (name: string, guest?: Guest) => {
    const job: Job = {
      ...{ selector: { tunnelId: id(1) }, policy: 'first', stickyKey: '', tried: [], hold: 60_000, guest },
      upload: { unsure: false, look() {} },
      assigned(instance) {
        instance.inflight++
        told.push(`${name}: served${guest?.spent ? ', spent' : ''}`)
      },
      refused: ({ code }) => told.push(`${name}: ${code}`),
    }
    dispatcher.submit(job)
    return job
  }
  const attempts = new Attempts(
    { authAttempts: { count: 3, per: 60_000 }, authCooldown: 60_000 },
    () => fleet.now,
  )
  const heard: string[] = []
  const guest = (authorization?: string, open = false, address = '192.0.2.1') =>
    new Guest({ address, authorization, attempts, tell: ({ type }) => heard.push(type), open })
  const jobs = [submit('a', guest()), submit('b', guest(basic('me:sécret')))]
  submit('c', guest())
  t.same([told, dispatcher.waiting], [['c: overloaded'], 2], 'half of those who may wait')
  submit('d')
  submit('e')
  submit('f')
  submit('g')
  t.same(
    [told.splice(0), dispatcher.waiting],
    [['c: overloaded', 'g: overloaded'], 5],
    'others take the rest',
  )
  dispatcher.cancel(jobs[0]!)
  dispatcher.cancel(jobs[0]!)
  submit('h', guest())
  submit('i', guest())
  t.same(told.splice(0), ['i: overloaded'], 'one place was given back, once')

  const { instance } = join(BASIC, { tunnelId: id(1) })
  t.same(told.splice(0), ['b: served, spent'])
  instance!.inflight--
  dispatcher.released(instance!)
  t.same(told.splice(0), ['d: served'], 'one with a credential is not asked for another')
  for (const expected of [['e: served'], ['f: served']]) {
    instance!.inflight--
    dispatcher.released(instance!)
    t.same(told.splice(0), expected)
  }
  instance!.inflight--
  dispatcher.released(instance!)
  t.same([told.splice(0), dispatcher.waiting], [['h: unauthorized'], 0])
  submit('j', guest())
  t.same(told.splice(0), ['j: unauthorized'], 'also where nobody waits')
  instance!.links[0]!.claim.guard = undefined
  submit('k', guest(basic('me:sécret')))
  t.same(told.splice(0), ['k: unauthorized'], 'not public any more')

  submit('l', guest(undefined, true))
  t.same(told.splice(0), ['l: served'], 'without authentication that is open to everybody')
  instance!.inflight--
  instance!.links[0]!.claim.guard = BASIC
  const wrong = guest(basic('x:y'), true)
  submit('m', wrong)
  submit('n', guest(undefined, true))
  submit('o', guest('Bearer x', true))
  t.same([told.splice(0), wrong.wrong], [['m: unauthorized', 'n: unauthorized', 'o: unauthorized'], true])
  submit('p', guest(basic('x:y')))
  submit('q', guest(basic('x:y')))
  submit('r', guest(basic('me:sécret')))
  submit('s', guest())
  submit('t', guest(basic('me:sécret'), false, '192.0.2.2'))
  t.same(
    told.splice(0),
    ['p: unauthorized', 'q: unauthorized', 'r: rate_limited', 's: unauthorized', 't: served, spent'],
    'wrong passwords count for their address',
  )
  t.same([...new Set(heard)], ['auth:failed'], 'and are told')
})

t.test('who is a guest, and who needs a credential', async (t) => {
  const { open, join } = tunnels(t)
  const guard = new Guard(guardSettings(defaultsOf(gatewayOptions)), () => 0)
  const guests = new Guests(open, guard, () => {})
  t.equal(guests.ofOpen(requestHead()), undefined, 'nothing is guarded')
  join(UNGUARDED, { tunnelId: id(1) })
  t.equal(guests.ofOpen(requestHead()), undefined)
  join(BASIC, { tunnelId: id(2) })
  join(INSIDE, { tunnelId: id(3) })
  join(undefined, { tunnelId: id(4) })
  t.match(guests.ofOpen(requestHead()), { limited: false })
  const right = ['authorization', basic('me:sécret')]
  type Case = [title: string, tunnel: number | undefined, headers: string[], expected: string]
  const cases: Case[] = [
    ['/forward', undefined, [], 'credential'],
    ['no such tunnel', 5, [], 'credential'],
    ['not public', 4, right, 'credential'],
    ['public', 1, [], 'guest'],
    ['with what is for the application', 1, ['authorization', 'Bearer app'], 'guest'],
    ['with a credential for the gateway', 1, ['gw-authorization', 'Bearer x'], 'credential'],
    ['guarded', 2, [], 'unauthorized'],
    ['passed', 2, right, 'guest, spent'],
    [
      'with a credential for the gateway beside it',
      2,
      [...right, 'gw-authorization', 'Bearer x'],
      'credential',
    ],
    ["with an operator's", 2, ['authorization', 'Bearer gwt_x'], 'credential'],
    ['wrong', 2, ['authorization', basic('x:y')], 'unauthorized'],
    ['from elsewhere', 3, [], 'forbidden'],
    ["with an operator's", 3, ['authorization', 'Bearer gwt_x'], 'credential'],
    ...Array<Case>(9).fill(['wrong', 2, ['authorization', basic('x:y')], 'unauthorized']),
    ['too often', 2, right, 'rate_limited'],
    ['which is for what asks alone', 1, [], 'guest'],
  ]
  for (const [title, tunnel, headers, expected] of cases) {
    const said = outcome(() => {
      const guest = guests.admit(
        requestHead(headers),
        tunnel === undefined ? tunnel : { tunnelId: id(tunnel) },
      )
      if (guest === undefined) return 'credential'
      t.ok(guest.limited)
      return guest.spent ? 'guest, spent' : 'guest'
    })
    t.equal(said, expected, `${tunnel}: ${title}`)
  }
})

t.test('what a guest may ask for', async (t) => {
  const limits = {
    hold: 5000,
    responseTimeout: 60_000,
    idleTimeout: 300_000,
    holdLimit: 60_000,
    maxTimeout: 3_600_000,
  }
  const terms = (limited: typeof limits, ...headers: string[]) =>
    outcome(() => {
      const { hold, responseTimeout, idleTimeout } = termsOf(headers, limited, true)
      return [hold, responseTimeout, idleTimeout]
    })
  const all = (value: string) => ['gw-hold', value, 'gw-response-timeout', value, 'gw-idle-timeout', value]
  const none = { ...limits, hold: 0, responseTimeout: 0, idleTimeout: 0 }
  const cases: [title: string, unknown, unknown][] = [
    ['nothing', terms(limits), [5000, 60_000, 300_000]],
    ['less', terms(limits, ...all('1s')), [1000, 1000, 1000]],
    ['more', terms(limits, ...all('30m')), [5000, 60_000, 300_000]],
    ['no limit', terms(limits, ...all('0')), [0, 60_000, 300_000]],
    ['where no one is held', terms(none, ...all('10s')), [0, 10_000, 10_000]],
    ['rubbish', terms(limits, ...all('soon')), 'bad_request'],
  ]
  for (const [title, actual, expected] of cases) t.same(actual, expected, title)
})

t.test('an agent says it in each handshake, or why it cannot', async (t) => {
  const gateway = await FakeGateway.start()
  t.teardown(() => gateway.stop())
  const dialled = new Promise<Record<string, unknown>>((resolve) =>
    gateway.once('dial', ({ headers, url }) => resolve({ ...headers, url })),
  )
  const options = { gateway: gateway.url, tunnelId: id(1) }
  const agent = new Agent({
    ...options,
    public: true,
    basicAuth: 'me:sécret',
    allowIp: ['192.0.2.0/24', '::1'],
  })
  void agent.start().catch(() => {})
  const { 'gw-public': open, 'gw-basic-auth': hash, 'gw-allow-ip': ranges, url } = await dialled
  agent.destroy()
  t.same([open, hash, ranges], ['1', BASIC.basic!.toString('hex'), '192.0.2.0/24, ::1/128'])
  t.notMatch(url, /public|basic|allow/, 'queries end in logs')
  const bad: [object, RegExp][] = [
    [{ basicAuth: 'a:b' }, /^basicAuth: needs public$/],
    [{ public: false, allowIp: ['::1'] }, /^allowIp: needs public$/],
    [{ public: true, basicAuth: 'ab' }, /^basicAuth: has no colon/],
    [{ public: true, basicAuth: ':b' }, /^basicAuth: has no user/],
    [{ public: true, basicAuth: 'a:' }, /^basicAuth: has no password/],
    [{ public: true, basicAuth: 'a:b\n' }, /^basicAuth: holds a control character/],
    [{ public: true, allowIp: ['here'] }, /^allowIp: "here" is not an address or CIDR/],
    [{ public: true, allowIp: Array(129).fill('::1') }, /^allowIp: 129 are more than 128/],
  ]
  for (const [more, rule] of bad)
    t.throws(() => new Agent({ ...options, ...more }), { message: rule }, rule.source)
})
