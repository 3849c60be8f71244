/** What pages of others may make a browser do here, and what pages of tunnels may do in it. */
import t from 'tap'
import { type Route, route } from '../../gateway/edge/routes.js'
import {
  checkCookieOrigin,
  checkForwardSite,
  checkHost,
  checkOpenOrigin,
  checkSocketOrigin,
} from '../../gateway/guard/browsers.js'
import { corsFields, preflight } from '../../gateway/guard/cors.js'
import { Guard, guardSettings } from '../../gateway/guard/guard.js'
import { hostName, type OriginSettings, origin, senderOf } from '../../gateway/guard/origin.js'
import { asksForDocument, SANDBOX, sandboxed } from '../../gateway/guard/sandbox.js'
import { trustedProxies } from '../../gateway/guard/trusted-proxies.js'
import { gatewayOptions } from '../../gateway/options.js'
import { defaultsOf } from '../../shared/options.js'
import { flat, outcome, requestHead } from '../helpers/heads.js'

const HOST = ['host', 'gw.example.com:3000']
const OWN = 'http://gw.example.com:3000'
const LISTED = 'https://app.example.com'
const EVIL = 'https://evil.example'

const settings: OriginSettings = {
  origins: new Set([LISTED]),
  publicOrigin: 'https://public.example.com',
  trusted: trustedProxies(['10.0.0.0/8']),
}
const from = (origin: string, ...more: string[]) => [...HOST, 'origin', origin, ...more]
const passes = (check: () => void) => outcome(check) ?? 'passes'

t.test('origins and hosts as options', async (t) => {
  const read = (type: typeof origin, text: string) => {
    let fault = ''
    const value = type.parse([text], (_, rule) => (fault = rule))
    return fault || value
  }
  const origins: [string, unknown][] = [
    ['https://app.example.com', LISTED],
    ['HTTPS://App.Example.com:443/', LISTED],
    ['http://localhost:5173', 'http://localhost:5173'],
    ['http://[::1]:80', 'http://[::1]'],
    ['https://app.example.com/x', /more than/],
    ['https://app.example.com?x', /more than/],
    ['https://user@app.example.com', /more than/],
    ['app.example.com', /is not/],
    ['ws://app.example.com', /is not/],
    ['null', /is not/],
    ['*', /is not/],
  ]
  for (const [text, expected] of origins) t.match(read(origin, text), expected, text)
  const hosts: [string, unknown][] = [
    ['GW.internal.', 'gw.internal'],
    ['gateway', 'gateway'],
    ['my_service', 'my_service'],
    ['gw:3000', /is not/],
    ['.gw', /is not/],
    ['http://gw', /is not/],
    ['a'.repeat(254), /is not/],
  ]
  for (const [text, expected] of hosts) t.match(read(hostName, text), expected, text)
})

t.test('whose page asks', async (t) => {
  const cases: [title: string, headers: string[], expected: string, secure?: boolean, peer?: string][] = [
    ['no page', HOST, 'none'],
    ['our own', from(OWN), 'own'],
    ['ours, as a proxy in front serves it', from('https://gw.example.com:3000'), 'own'],
    ['another port', from('http://gw.example.com'), 'foreign'],
    ['listed', from(LISTED), 'listed'],
    ['the same host without TLS, where there is TLS', from(OWN), 'foreign', true],
    ['with it', from('https://gw.example.com:3000'), 'own', true],
    ['the public URL', from('https://public.example.com'), 'own'],
    ['nobody', from('null'), 'foreign'],
    ['another', from(EVIL), 'foreign'],
    ['one that begins alike', from('http://gw.example.com:3000.evil.example'), 'foreign'],
    ['one that ends alike', from('http://evil-gw.example.com:3000'), 'foreign'],
    ['an extension', from('moz-extension://gw.example.com:3000'), 'foreign'],
    ['nothing', from(''), 'foreign'],
    ['the standard port', ['host', 'GW.example.com.:80', 'origin', 'http://gw.example.com'], 'own'],
    ['its other', ['host', 'gw.example.com:443', 'origin', 'https://gw.example.com'], 'own'],
    ['crossed', ['host', 'gw.example.com:443', 'origin', 'http://gw.example.com'], 'foreign'],
    ['an address', ['host', '[::1]:3000', 'origin', 'http://[::1]:3000'], 'own'],
    ['no host', ['origin', EVIL], 'foreign'],
    [
      'what a trusted proxy was asked for',
      from(EVIL, 'x-forwarded-host', 'evil.example'),
      'own',
      false,
      '10.0.0.1',
    ],
    ['what any other says it was', from(EVIL, 'x-forwarded-host', 'evil.example'), 'foreign'],
  ]
  for (const [title, headers, expected, secure = false, remoteAddress = '192.0.2.1'] of cases)
    t.equal(senderOf({ ...requestHead(headers), secure, remoteAddress }, settings), expected, title)
})

t.test('what a page of others may not send', async (t) => {
  const site = (value: string) => ['sec-fetch-site', value]
  type Check = (head: ReturnType<typeof requestHead>, settings: OriginSettings) => void
  const cases: [title: string, check: Check, method: string, headers: string[], allowed: boolean][] = [
    ['a WebSocket of no page', checkSocketOrigin, 'GET', HOST, true],
    ['of our own', checkSocketOrigin, 'GET', from(OWN), true],
    ['of a listed one', checkSocketOrigin, 'GET', from(LISTED), true],
    ['of others', checkSocketOrigin, 'GET', from(EVIL), false],
    ['of a frame without origin', checkSocketOrigin, 'GET', from('null'), false],
    ['without authentication: reading', checkOpenOrigin, 'GET', from(EVIL), true],
    ['HEAD', checkOpenOrigin, 'HEAD', from(EVIL), true],
    ['a preflight', checkOpenOrigin, 'OPTIONS', from(EVIL), true],
    ['writing', checkOpenOrigin, 'POST', from(EVIL), false],
    ['deleting', checkOpenOrigin, 'DELETE', from(EVIL), false],
    ['a method of its own', checkOpenOrigin, 'get', from(EVIL), false],
    ['no page', checkOpenOrigin, 'POST', HOST, true],
    ['our own', checkOpenOrigin, 'POST', from(OWN), true],
    ['a listed one', checkOpenOrigin, 'POST', from(LISTED), true],
    ['/forward: no browser', checkForwardSite, 'POST', HOST, true],
    ['our own page', checkForwardSite, 'POST', from(OWN, ...site('same-origin')), true],
    ['typed in', checkForwardSite, 'GET', [...HOST, ...site('none')], true],
    ['the same site', checkForwardSite, 'GET', [...HOST, ...site('same-site')], true],
    ['an image on another', checkForwardSite, 'GET', [...HOST, ...site('cross-site')], false],
    ['another', checkForwardSite, 'POST', from(EVIL, ...site('cross-site')), false],
    ['a listed one', checkForwardSite, 'POST', from(LISTED, ...site('cross-site')), true],
    ['with the cookie: reading', checkCookieOrigin, 'GET', from(EVIL), true],
    ['our own page', checkCookieOrigin, 'POST', from(OWN), true],
    ['our own by the other field', checkCookieOrigin, 'DELETE', [...HOST, ...site('same-origin')], true],
    ['neither field', checkCookieOrigin, 'POST', HOST, false],
    ['the same site', checkCookieOrigin, 'POST', [...HOST, ...site('same-site')], false],
    ['another', checkCookieOrigin, 'POST', from(EVIL, ...site('same-origin')), false],
    ['a listed one: the cookie is for the dashboard', checkCookieOrigin, 'POST', from(LISTED), false],
  ]
  for (const [title, check, method, headers, allowed] of cases) {
    const result = passes(() => check(requestHead(headers, '/', method), settings))
    t.equal(result, allowed ? 'passes' : 'forbidden', `${check.name} ${title}`)
  }
})

t.test('the hosts under which everybody may ask', async (t) => {
  const names = new Set(['gw.internal', 'tunnels.example.com'])
  const allowed = [
    'localhost',
    'LocalHost:3000',
    'localhost.',
    '127.0.0.1:3000',
    '192.0.2.7',
    '[::1]:3000',
    '[fe80::1]',
    'GW.internal:3000',
    'gw.internal.:3000',
    'tunnels.example.com',
  ]
  const refused = [
    'evil.example',
    'evil.example:3000',
    'localhost.evil.example',
    'notlocalhost',
    'a.gw.internal',
    '127.0.0.1.evil.example',
    '127.1',
    '0x7f000001',
    '2130706433',
    '',
  ]
  for (const host of allowed)
    t.equal(
      passes(() => checkHost(requestHead(['host', host]), names)),
      'passes',
      host,
    )
  for (const host of refused)
    t.equal(
      passes(() => checkHost(requestHead(['host', host]), names)),
      'forbidden',
      host,
    )
})

t.test('preflights are answered for listed origins alone', async (t) => {
  const asked = ['access-control-request-method', 'DELETE', 'access-control-request-headers', 'authorization']
  const answer = preflight(requestHead(from(LISTED, ...asked), '/x', 'OPTIONS'), settings.origins)
  t.equal(answer?.status, 204)
  const fields = flat(answer?.headers ?? [])
  t.match(fields, {
    'access-control-allow-origin': LISTED,
    'access-control-allow-methods': /DELETE/,
    'access-control-allow-headers': /authorization/,
    'access-control-max-age': '600',
    vary: /origin/,
  })
  t.notOk('access-control-allow-credentials' in fields, 'the cookie is for the dashboard alone')
  const none: [title: string, headers: string[], method?: string, origins?: Set<string>][] = [
    ['another origin', from(EVIL, ...asked)],
    ['our own needs none', from(OWN, ...asked)],
    ['no origin', [...HOST, ...asked]],
    ['an OPTIONS of a program', from(LISTED)],
    ['another method', from(LISTED, ...asked), 'GET'],
    ['nothing is listed', from(LISTED, ...asked), 'OPTIONS', new Set()],
  ]
  for (const [title, headers, method = 'OPTIONS', origins = settings.origins] of none)
    t.equal(preflight(requestHead(headers, '/x', method), origins as Set<string>), undefined, title)

  const plain: [
    title: string,
    headers: string[],
    origins: ReadonlySet<string>,
    expected: Record<string, string>,
  ][] = [
    ['off', from(LISTED), new Set(), {}],
    ['listed', from(LISTED), settings.origins, { 'access-control-allow-origin': LISTED, vary: 'origin' }],
    ['another', from(EVIL), settings.origins, { vary: 'origin' }],
    ['no page', HOST, settings.origins, { vary: 'origin' }],
  ]
  for (const [title, headers, origins, expected] of plain) {
    const { 'access-control-expose-headers': exposed, ...rest } = flat(corsFields(headers, origins))
    t.same(rest, expected, title)
    t.equal(exposed !== undefined, 'access-control-allow-origin' in expected, title)
  }
})

t.test('a page under our own origin is put into a sandbox', async (t) => {
  const documents = 'document iframe frame embed object worker sharedworker serviceworker'.split(' ')
  const others = ['empty', 'script', 'style', 'image', 'font', 'manifest', 'websocket', 'audioworklet', '']
  for (const word of documents) t.ok(asksForDocument(['sec-fetch-dest', word]), word)
  for (const word of others) t.notOk(asksForDocument(['sec-fetch-dest', word, 'accept', 'text/html']), word)
  const accepts: [string[], boolean][] = [
    [[], false],
    [['accept', 'text/html,application/xhtml+xml,*/*;q=0.8'], true],
    [['accept', 'application/json', 'accept', 'Text/HTML'], true],
    [['accept', '*/*'], false],
    [['accept', 'application/json'], false],
  ]
  for (const [headers, expected] of accepts) t.equal(asksForDocument(headers), expected, headers.join())
  const answer = [
    ...['content-type', 'text/html', 'service-worker-allowed', '/', 'clear-site-data', '"*"'],
    ...['content-security-policy', "default-src 'self'"],
  ]
  const kept = ['content-type', 'text/html', 'content-security-policy', "default-src 'self'"]
  t.same(sandboxed(answer, false), kept)
  t.same(sandboxed(answer, true), [...kept, 'content-security-policy', SANDBOX], 'beside its own')
  t.equal(SANDBOX, 'sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads')
})

t.test('which of these a request has to pass', async (t) => {
  const options = {
    ...defaultsOf(gatewayOptions),
    corsOrigin: [LISTED],
    allowedHosts: ['gw.example.com'],
    trustedProxies: ['10.0.0.0/8'],
    rateLimit: { count: 6, per: 60_000 },
    rateLimitCredential: { count: 1, per: 60_000 },
  }
  const guard = new Guard(guardSettings(options), () => 0)
  const found = (target: string, method = 'GET', upgrade = false) =>
    route(requestHead(HOST, target, method), { wsPath: '/ws', domains: [] }, upgrade)
  const api = found('/connections')
  const socket = found('/sessions/x/stream', 'GET', true)
  const site = ['sec-fetch-site', 'cross-site']
  const cases: [
    title: string,
    found: Route,
    method: string,
    headers: string[],
    open: string,
    closed: string,
  ][] = [
    ['reading', api, 'GET', from(EVIL), 'passes', 'passes'],
    ['writing', api, 'DELETE', from(EVIL), 'forbidden', 'passes'],
    ['another host', api, 'GET', ['host', 'evil.example'], 'forbidden', 'passes'],
    ['nothing', found('/nothing'), 'POST', from(EVIL), 'forbidden', 'passes'],
    ['a WebSocket', socket, 'GET', from(EVIL), 'forbidden', 'forbidden'],
    ['of ours', socket, 'GET', from(OWN), 'passes', 'passes'],
    ["an agent's", found('/ws'), 'GET', from(EVIL), 'forbidden', 'forbidden'],
    ['of no page', found('/ws'), 'GET', HOST, 'passes', 'passes'],
    ['/forward', found('/forward'), 'POST', from(EVIL, ...site), 'forbidden', 'passes'],
    ['/forward under another host', found('/forward'), 'POST', ['host', 'evil.example'], 'passes', 'passes'],
    ['a tunnel', found('/t/shop/'), 'POST', from(EVIL, ...site), 'passes', 'passes'],
  ]
  for (const [title, where, method, headers, ...expected] of cases) {
    const said = [true, false].map((open) =>
      passes(() => guard.checkPage(requestHead(headers, '/', method), where, open)),
    )
    t.same(said, expected, title)
  }
  t.same(flat(guard.pageFields(requestHead(from(LISTED)), api)).vary, 'origin')
  t.same(
    guard.pageFields(requestHead(from(LISTED)), found('/t/shop/')),
    [],
    'an application answers for itself',
  )

  const proxied = { ...requestHead(['x-forwarded-for', '2001:db8::7']), remoteAddress: '10.0.0.1' }
  t.equal(guard.addressOf(proxied), '2001:db8::7')
  for (let i = 0; i < 20; i++) {
    for (const target of ['/healthz', '/readyz', '/ws']) guard.count(proxied, found(target))
  }
  for (const target of ['/health', '/', '/forward', '/t/shop/', '/nothing', '/connections'])
    t.match(guard.count(proxied, found(target))[1], '"address";q=6;w=60', target)
  t.equal(
    outcome(() => guard.count({ ...proxied, headers: ['x-forwarded-for', '2001:db8::8'] }, api)),
    'rate_limited',
    'one network is one caller',
  )
  t.match(guard.countCredential(api, 'token:x')[1], '"credential";q=1;w=60')
  t.equal(
    outcome(() => guard.countCredential(api, 'token:x')),
    'rate_limited',
  )
  for (let i = 0; i < 10; i++) guard.attempts.failed('192.0.2.9')
  t.equal(
    outcome(() => guard.attempts.check('192.0.2.9')),
    'rate_limited',
    'the default of ten',
  )
  t.equal(guard.limited, 3)
})
