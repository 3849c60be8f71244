/** Who asks: how a credential is read, checked, counted and remembered. */
import t from 'tap'
import { Password, passingSalt } from '../../gateway/access/admin.js'
import { Checks } from '../../gateway/access/checks.js'
import {
  credentialField,
  type Presented,
  type RequestKind,
  readCredential,
} from '../../gateway/access/credential.js'
import { JwtVerifier } from '../../gateway/access/jwt.js'
import { jwtKeyOf } from '../../gateway/access/jwt-key.js'
import { EVERYBODY, type Principal } from '../../gateway/access/principal.js'
import { challenge } from '../../gateway/access/schemes.js'
import { byteString, secretHash } from '../../gateway/access/tokens.js'
import type { Mode } from '../../gateway/options/access.js'
import { Problem } from '../../shared/errors.js'
import { ADDRESS, basic, head, PASSWORD, problem, ROOT, rig } from '../helpers/access-rig.js'
import { hmacJwt, issuerKey, keySetServer, unsignedJwt } from '../helpers/jwt-issuer.js'
import { listening } from '../helpers/processes.js'

t.test('a credential is read from its field', async (t) => {
  const bearer: Presented = { kind: 'bearer', secret: 'x' }
  const none: Presented = { kind: 'none' }
  const cases: [kind: RequestKind, headers: string[], presented: Presented][] = [
    ['api', [], none],
    ['api', ['authorization', 'Bearer x'], bearer],
    ['link', ['authorization', 'bearer  x'], bearer],
    ['api', ['authorization', 'BEARER x y'], { kind: 'bearer', secret: 'x y' }],
    ['api', ['authorization', 'DeviceToken gwd_1'], { kind: 'device', secret: 'gwd_1' }],
    ['api', ['authorization', 'devicetoken gwd_1'], { kind: 'device', secret: 'gwd_1' }],
    ['api', ['authorization', basic('a:b')], { kind: 'basic', secret: 'a:b' }],
    ['api', ['authorization', basic('', '')], { kind: 'basic', secret: '' }],
    ['api', ['authorization', basic('ü')], { kind: 'basic', secret: byteString('ü') }],
    ['api', ['authorization', 'Basic %%%'], { kind: 'basic', secret: undefined }],
    ['api', ['authorization', `Basic ${btoa('nocolon')}`], { kind: 'basic', secret: undefined }],
    ['api', ['authorization', 'Bearer'], none],
    ['api', ['authorization', 'Bearer '], none],
    ['api', ['authorization', ''], none],
    ['api', ['authorization', 'Digest username="x"'], none],
    ['api', ['x-api-key', 'x'], { kind: 'key', secret: 'x' }],
    ['api', ['gw-authorization', 'Bearer x'], none],
    ['proxied', ['x-api-key', 'x'], none],
    ['proxied', ['authorization', 'Bearer x'], bearer],
    ['proxied', ['authorization', basic('y'), 'gw-authorization', 'Bearer x'], bearer],
    ['proxied', ['gw-authorization', 'Digest', 'authorization', 'Bearer x'], none],
    ['proxied', ['authorization', '1', 'authorization', '2', 'gw-authorization', 'Bearer x'], bearer],
  ]
  for (const [kind, headers, presented] of cases)
    t.same(readCredential(head(headers), kind), presented, `${kind} ${headers}`)
  t.equal(credentialField(['authorization', 'a', 'gw-authorization', 'b']), 'gw-authorization')
  t.equal(credentialField(['authorization', 'a']), 'authorization')
})

t.test('what could be two credentials is refused, and one in a query string', async (t) => {
  const cases: [RequestKind, string[], string, RegExp][] = [
    ['api', ['authorization', 'Bearer x', 'authorization', 'Bearer x'], '/', /authorization is given twice/],
    ['api', ['x-api-key', 'x', 'x-api-key', 'x'], '/', /x-api-key is given twice/],
    ['api', ['x-api-key', 'x', 'authorization', 'Bearer x'], '/', /both/],
    ['proxied', ['gw-authorization', 'a', 'gw-authorization', 'a'], '/', /gw-authorization is given twice/],
    ['proxied', ['authorization', 'Bearer x', 'authorization', 'a'], '/', /authorization is given twice/],
    ['api', [], '/status?token=x', /query string \(token\).*authorization: Bearer/],
    ['api', [], '/status?a=b&Access_Token=x', /access_token/i],
    ['api', [], '/status?%74oken=x', /\(token\)/],
    ['link', [], '/ws?tunnel_id=a&api_key', /api_key/],
    ['api', ['authorization', 'Bearer x'], '/?password=', /password/],
  ]
  for (const [kind, headers, target, rule] of cases) {
    const { code, message } = await problem(() => readCredential(head(headers, target), kind))
    t.equal(code, 'bad_request')
    t.match(message, rule)
    t.notMatch(message, /=x|Bearer x/)
  }
  t.same(readCredential(head([], '/forward?token=x'), 'proxied'), { kind: 'none' }, "the application's own")
  t.same(readCredential(head([], '/ws?tunnel_id=a&name=token'), 'link'), { kind: 'none' })
})

t.test('an answer names the ways in', async (t) => {
  t.equal(challenge(new Set<Mode>(['token'])), 'Bearer realm="gw"')
  t.equal(challenge(new Set<Mode>(['device_token', 'jwt'])), 'Bearer realm="gw", DeviceToken realm="gw"')
  t.equal(challenge(new Set<Mode>(['password'])), 'Bearer realm="gw", Basic realm="gw", charset="UTF-8"')
})

t.test('with none nobody is asked', async (t) => {
  const { access, counted } = rig(t, ['none'])
  t.equal(access.authenticator.authenticate(head(['authorization', 'Bearer x']), 'api', ADDRESS), EVERYBODY)
  t.equal(access.authenticator.authenticate(head([]), 'proxied', ADDRESS), EVERYBODY)
  t.same(counted, [])
})

t.test('tokens and the root secret', async (t) => {
  const { access, counted, told, blocked } = rig(t, ['token'])
  const { text, record } = access.credentials.issue({
    kind: 'token',
    grant: { role: 'operator', scopes: ['operator.read'], tunnels: [], public: false },
    label: '',
  })
  const who = (headers: string[], kind: RequestKind = 'api') =>
    access.authenticator.authenticate(head(headers), kind, ADDRESS) as Principal
  t.equal(who(['authorization', `Bearer ${text}`]).id, `token:${record.id}`)
  t.equal(who(['x-api-key', text]).id, `token:${record.id}`)
  t.equal(who(['x-api-key', text], 'link').id, `token:${record.id}`)
  t.equal(who(['gw-authorization', `Bearer ${text}`], 'proxied').id, `token:${record.id}`)
  t.equal(who(['authorization', `Bearer ${ROOT}`]).id, 'admin')
  t.equal(who(['x-api-key', ROOT]).id, 'admin')
  t.same([...new Set(counted.splice(0))], ['succeeded'])

  const wrong: [string[], RequestKind, RegExp][] = [
    [['authorization', `Bearer ${text}x`], 'api', /unknown or has ended/],
    [['authorization', 'Bearer gwt_'], 'api', /unknown or has ended/],
    [['authorization', `Bearer ${ROOT}x`], 'api', /not valid/],
    [['authorization', 'Bearer a.b.c'], 'api', /not valid/],
    [['authorization', 'Bearer gwd_x'], 'api', /is sent as DeviceToken/],
    [['authorization', basic(ROOT)], 'api', /Basic is not a scheme/],
    [['authorization', `DeviceToken ${text}`], 'api', /device token is unknown/],
    [['x-api-key', 'x'], 'api', /unknown/],
    [['gw-authorization', 'Bearer x', 'authorization', `Bearer ${text}`], 'proxied', /not valid/],
  ]
  for (const [headers, kind, rule] of wrong) {
    const { code, status, message, headers: fields } = await problem(() => who(headers, kind))
    t.same([code, status, fields], ['unauthorized', 401, ['www-authenticate', 'Bearer realm="gw"']])
    t.match(message, rule)
    t.same(counted.splice(0), ['failed'])
    t.match(told.splice(0), [{ type: 'auth:failed', data: { address: ADDRESS } }])
  }
  for (const headers of [[], ['authorization', 'Digest x'], ['cookie', 'gw_session=x']]) {
    const { code, message } = await problem(() => who(headers))
    t.equal(code, 'unauthorized')
    t.match(message, /a credential is missing: authorization takes Bearer/)
    t.equal(access.authenticator.identify(head(headers), 'api', ADDRESS), undefined)
  }
  t.same(counted, [], 'one that is missing does not count')

  blocked.is = true
  t.equal((await problem(() => who(['authorization', `Bearer ${text}`]))).code, 'rate_limited')
  t.equal((await problem(() => who([]))).code, 'unauthorized')
  blocked.is = false
  access.credentials.revoke('token', record.id)
  t.equal((await problem(() => who(['authorization', `Bearer ${text}`]))).code, 'unauthorized')
})

t.test('x-api-key belongs to the application where tokens are off', async (t) => {
  const { access, counted } = rig(t, ['device_token'])
  t.equal(access.authenticator.identify(head(['x-api-key', 'x']), 'api', ADDRESS), undefined)
  t.same(counted, [])
})

t.test('devices', async (t) => {
  const { access } = rig(t, ['device_token'])
  const grant = { role: 'node', scopes: [], tunnels: ['*'], public: false } as const
  const { text, record } = access.credentials.issue({ kind: 'device', grant, label: 'till' })
  const who = (field: string) =>
    access.authenticator.authenticate(head(['authorization', field]), 'link', ADDRESS)
  t.equal((who(`DeviceToken ${text}`) as Principal).id, `device:${record.id}`)
  t.equal((await problem(() => who(`Bearer ${text}`))).code, 'unauthorized')
})

t.test('the password, by Basic or Bearer, is remembered for five minutes', async (t) => {
  const { access, clock, counted } = rig(t, ['password', 'token'])
  const who = (field: string) =>
    access.authenticator.authenticate(head(['authorization', field]), 'api', ADDRESS)
  const first = who(basic(PASSWORD))
  t.ok(first instanceof Promise)
  t.equal((await first).id, 'admin')
  t.notOk(who(basic(PASSWORD, 'somebody')) instanceof Promise, 'remembered')
  t.equal((who(`Bearer ${byteString(PASSWORD)}`) as Principal).id, 'admin')
  clock.now += 299_999
  t.notOk(who(basic(PASSWORD)) instanceof Promise)
  clock.now += 1
  const again = who(basic(PASSWORD))
  t.ok(again instanceof Promise)
  t.equal((await again).id, 'admin')
  counted.length = 0
  for (const field of [basic('wrong'), basic(''), 'Bearer wrong', 'Basic %%%', 'Bearer a.b.c'])
    t.equal((await problem(() => who(field))).code, 'unauthorized', field)
  t.same(counted, new Array(5).fill('failed'))
  t.notOk(who(basic(PASSWORD)) instanceof Promise, 'a wrong one does not drive out the right one')
})

t.test('two passwords are checked at once, some wait, the rest is refused', async (t) => {
  const password = new Password('right', () => 0, passingSalt())
  let begun = 0
  const ask = (secret: string) => Promise.resolve(password.is(secret, ADDRESS, () => (begun += 1)))
  const asked = [ask('right'), ask('right'), ask('wrong')]
  t.same(await Promise.all(asked), [true, true, false])
  t.equal(begun, 2, 'one check for the same')
  t.equal(password.same('right'), true)
  t.equal(password.same('wrong'), false)
  await t.rejects(
    () =>
      password.is('x', ADDRESS, () => {
        throw new Problem('rate_limited', 'no')
      }) as Promise<boolean>,
    { code: 'rate_limited' },
  )

  let running = 0
  let most = 0
  const gates: (() => void)[] = []
  const checks = new Checks<string>({ atOnce: 2, waiting: 3 })
  const run = (key: string) =>
    checks.run(key, async () => {
      most = Math.max(most, (running += 1))
      await new Promise<void>((open) => gates.push(open))
      running -= 1
      if (key === 'b') throw new Error('b')
      return key
    })
  const results = ['a', 'b', 'c', 'd', 'e'].map(run)
  t.equal(run('a'), results[0])
  await t.rejects(run('f'), { code: 'overloaded', status: 503 })
  const settled = Promise.allSettled(results)
  let over = false
  settled.then(() => (over = true))
  while (!over) {
    gates.shift()?.()
    await new Promise(setImmediate)
  }
  t.same(
    (await settled).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  )
  t.equal(most, 2)
  const late = run('f')
  await new Promise(setImmediate)
  gates.shift()!()
  t.equal(await late, 'f', 'there is room again')
})

t.test('a limit that is reached meanwhile refuses before the costly check', async (t) => {
  const { access, blocked, counted } = rig(t, ['password'])
  const who = (secret: string) =>
    access.authenticator.authenticate(head(['authorization', basic(secret)]), 'api', ADDRESS)
  const asked = ['a', 'b', 'c', 'd'].map((secret) => problem(() => who(secret)))
  blocked.is = true
  t.same(
    (await Promise.all(asked)).map(({ code }) => code),
    ['unauthorized', 'unauthorized', 'rate_limited', 'rate_limited'],
  )
  t.same(counted, ['failed', 'failed'])
})

t.test('JWTs', async (t) => {
  const now = 1_800_000_000
  const clock = { now: now * 1000 }
  const keys = { RS256: issuerKey('RS256'), ES256: issuerKey('ES256'), EdDSA: issuerKey('EdDSA') }
  const good = { exp: now + 60, iss: 'https://id', sub: 'me', aud: 'gw', scope: 'openid operator.read' }
  const verifier = (name: keyof typeof keys) =>
    new JwtVerifier(
      {
        keys: { kind: 'key', key: jwtKeyOf(keys[name].pem) },
        issuer: 'https://id',
        audience: ['other', 'gw'],
      },
      () => clock.now,
    )
  const ask = (jwt: JwtVerifier, token: string) => jwt.verify(token, secretHash(token), ADDRESS, () => {})

  for (const name of ['RS256', 'ES256', 'EdDSA'] as const) {
    const jwt = verifier(name)
    const token = keys[name].jwt(good)
    const principal = await ask(jwt, token)
    t.match(principal, { id: 'jwt:https://id|me', node: undefined, expiresAt: (now + 60) * 1000 }, name)
    t.equal(jwt.known(secretHash(token)), principal)
    const other = issuerKey(name).jwt(good)
    t.match(await ask(jwt, other), { kind: 'refused', reason: /signature/ })
    t.equal(jwt.known(secretHash(other)), undefined)
  }

  const jwt = verifier('ES256')
  const sign = (claims: object) => keys.ES256.jwt(claims)
  const { exp: _, ...unending } = good
  const refused: [string, string, RegExp][] = [
    ['none', unsignedJwt(good), /alg/i],
    ['a shared secret', hmacJwt(good, keys.ES256.pem), /alg/i],
    ['another algorithm', keys.RS256.jwt(good), /alg/i],
    ['a lie about the algorithm', keys.RS256.jwt(good, { alg: 'ES256' }), /signature/],
    ['no end', sign(unending), /exp/],
    ['over', sign({ ...good, exp: now - 31 }), /exp/],
    ['not begun', sign({ ...good, nbf: now + 31 }), /nbf/],
    ['another issuer', sign({ ...good, iss: 'https://other' }), /iss/],
    ['no issuer', sign({ ...good, iss: undefined }), /iss/],
    ['another audience', sign({ ...good, aud: ['x', 'y'] }), /aud/],
    ['no audience', sign({ ...good, aud: undefined }), /aud/],
    ['patterns that are none', sign({ ...good, tunnels: 'x' }), /tunnel pattern "x"/],
    ['patterns of another type', sign({ ...good, tunnels: 5 }), /tunnels is no list/],
    ['no JSON', 'a.b.c', /./],
    ['nothing', '..', /./],
  ]
  for (const [title, token, reason] of refused)
    t.match(await ask(jwt, token), { kind: 'refused', reason }, title)

  const taken: [object, Partial<Principal>][] = [
    [{ exp: now - 29 }, { expiresAt: (now + 1) * 1000 }],
    [{ nbf: now + 29 }, {}],
    [{ aud: ['x', 'gw'] }, {}],
    [
      { scope: 'node', tunnels: 'agent_*, name:a name:b' },
      { scopes: undefined, node: { patterns: ['agent_*', 'name:a', 'name:b'], public: false } },
    ],
    [{ scope: 'node', tunnels: ['*'], public: true }, { node: { patterns: ['*'], public: true } }],
    [{ scope: 'node' }, { node: { patterns: [], public: false } }],
    [
      { scope: 'operator.write node' },
      { scopes: new Set(['operator.write']), node: { patterns: [], public: false } },
    ],
    [{ tunnels: ['name:a'] }, { tunnels: ['name:a'] }],
    [{ scope: undefined }, { scopes: undefined, node: undefined }],
    [{ sub: 'a|b' }, { id: 'jwt:https://id|a%7Cb' }],
  ]
  for (const [claims, expected] of taken) {
    const principal = await ask(jwt, sign({ ...good, ...claims }))
    t.match(principal, expected, JSON.stringify(claims))
    if ('scopes' in expected) t.same((principal as Principal).scopes, expected.scopes)
  }

  const token = sign({ ...good, exp: now + 5 })
  await ask(jwt, token)
  clock.now += 5000
  t.equal(jwt.known(secretHash(token)), undefined)
})

t.test('JWTs by a key set', async (t) => {
  const [first, second] = [issuerKey('ES256'), issuerKey('ES256')]
  let keys = [
    first.jwk({ kid: 'a', use: 'sig' }),
    second.jwk({ kid: 'b' }),
    { kty: 'oct', k: 'AAAA', kid: 'c' },
  ]
  const server = keySetServer(() => keys)
  const url = new URL(`http://127.0.0.1:${await listening(t, server)}/keys`)
  const { access, counted } = rig(t, ['jwt'], {
    jwt: { keys: { kind: 'jwks', url }, issuer: undefined, audience: ['gw'] },
  })
  const good = { exp: Math.floor(Date.now() / 1000) + 60, sub: 'me', aud: 'gw', scope: 'operator.write' }
  const who = async (token: string) =>
    access.authenticator.authenticate(head(['authorization', `Bearer ${token}`]), 'api', ADDRESS)
  t.equal((await who(second.jwt(good, { kid: 'b' }))).id, 'jwt:|me')
  t.equal((await who(second.jwt(good))).id, 'jwt:|me', 'several keys would do')
  const token = first.jwt(good, { kid: 'a' })
  await who(token)
  const known = access.authenticator.authenticate(head(['authorization', `Bearer ${token}`]), 'api', ADDRESS)
  t.notOk(known instanceof Promise, 'at once the second time')
  counted.length = 0
  for (const wrong of [
    first.jwt(good, { kid: 'b' }),
    first.jwt(good, { kid: 'x' }),
    issuerKey('ES256').jwt(good),
    hmacJwt(good, Buffer.alloc(3)),
    'a.b.c',
    'opaque',
  ])
    t.equal((await problem(() => who(wrong))).code, 'unauthorized')
  t.same(counted, new Array(6).fill('failed'))

  keys = []
  const down = rig(t, ['jwt'], {
    jwt: { keys: { kind: 'jwks', url: new URL('http://127.0.0.1:1/') }, issuer: undefined, audience: ['gw'] },
  })
  const refusal = await problem(() =>
    down.access.authenticator.authenticate(head(['authorization', `Bearer ${token}`]), 'api', ADDRESS),
  )
  t.equal(refusal.code, 'overloaded')
  t.same(down.counted, [], "the caller's credential did not fail")
})

t.test('keys that JWTs are not checked with', async (t) => {
  t.throws(() => jwtKeyOf('x'), /holds no public key/)
  t.throws(() => jwtKeyOf('-----BEGIN PRIVATE KEY-----'), /holds a private key/)
  for (const name of ['RS256', 'ES256', 'EdDSA'] as const)
    t.ok(jwtKeyOf(issuerKey(name).pem).algorithms.includes(name))
})

t.test('secrets that change end what the old ones opened', async (t) => {
  const { access } = rig(t, ['token', 'password'])
  const who = async (field: string) =>
    access.authenticator.authenticate(head(['authorization', field]), 'api', ADDRESS)
  const [root, password] = [await who(`Bearer ${ROOT}`), await who(basic(PASSWORD))]
  access.renew({ root: ROOT, password: byteString(PASSWORD) })
  t.ok(access.endings.alive(root))
  t.ok(access.endings.alive(password))
  access.renew({ root: 'another-root-secret', password: 'another' })
  t.notOk(access.endings.alive(root))
  t.notOk(access.endings.alive(password))
  t.equal((await problem(() => who(`Bearer ${ROOT}`))).code, 'unauthorized')
  t.equal((await problem(() => who(basic(PASSWORD)))).code, 'unauthorized')
  t.ok(access.endings.alive(await who('Bearer another-root-secret')))
  t.ok(access.endings.alive(await who(basic('another'))))
})
