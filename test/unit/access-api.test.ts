/** Endpoints, verbs and options about who may connect and call. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { accessCommands } from '../../gateway/access/commands.js'
import { DevicesApi } from '../../gateway/access/devices-api.js'
import { EVERYBODY, type Principal } from '../../gateway/access/principal.js'
import { SessionApi } from '../../gateway/access/session-api.js'
import { accessSettings } from '../../gateway/access/settings.js'
import { byteString } from '../../gateway/access/tokens.js'
import { accessVerbs } from '../../gateway/access/verbs.js'
import type { ApiHandler, ApiRequest } from '../../gateway/api/request.js'
import type { Reply } from '../../gateway/edge/reply.js'
import type { Happening } from '../../gateway/events/event.js'
import { gatewayOptions } from '../../gateway/options.js'
import { parseCommandLine } from '../../shared/cli.js'
import type { Command } from '../../shared/command.js'
import { Problem } from '../../shared/errors.js'
import { defaultsOf, loadOptions, type UsageError } from '../../shared/options.js'
import { interpretCommandLine } from '../../shared/program.js'
import { ADDRESS, head, PASSWORD, problem, ROOT, rig } from '../helpers/access-rig.js'
import { directoryFor } from '../helpers/directory.js'
import { issuerKey } from '../helpers/jwt-issuer.js'

/** What a handler answers. */
async function call(handler: ApiHandler, given: Partial<ApiRequest> & { send?: unknown } = {}) {
  const { send, ...more } = given
  const body = Buffer.from(send === undefined ? '' : JSON.stringify(send))
  const request = {
    head: head(['host', 'localhost', 'content-type', 'application/json']),
    params: {},
    principal: undefined,
    headers: [],
    body: async () => body,
    json: async () => JSON.parse(String(body)),
    ...more,
  } as unknown as ApiRequest
  const reply = (await handler(request)) as Reply
  return { status: reply.head.status, headers: reply.head.headers, body: JSON.parse(String(reply.body)) }
}

t.test('/dashboard/session', async (t) => {
  const { access, counted } = rig(t, ['token', 'password', 'device_token'])
  const api = new SessionApi({ access, addressOf: () => ADDRESS })
  const issued = (role: 'node' | 'operator', kind: 'token' | 'device' = 'token') =>
    access.credentials.issue({
      kind,
      grant: { role, scopes: role === 'node' ? [] : ['operator.read'], tunnels: [], public: false },
      label: '',
    }).text
  const signed = await call(api.signIn, { send: { credential: issued('operator') } })
  t.equal(signed.status, 200)
  t.match(signed.body, {
    signed_in: true,
    id: /^token:/,
    scopes: ['operator.read'],
    modes: ['token', 'password', 'device_token'],
  })
  const cookie = signed.headers[signed.headers.indexOf('set-cookie') + 1]!.split(';')[0]!
  const back = head(['host', 'localhost', 'cookie', cookie])
  const principal = access.authenticator.identify(back, 'api', ADDRESS) as Principal
  t.equal(principal.id, signed.body.id)
  t.equal(access.authenticator.identify(back, 'proxied', ADDRESS), undefined, 'no credential for agents')
  t.equal(access.authenticator.identify(back, 'link', ADDRESS), undefined)
  t.match((await call(api.show, { principal })).body, { signed_in: true, scopes: ['operator.read'] })
  t.match((await call(api.show)).body, { signed_in: false, id: null, scopes: [] })
  t.same(counted.splice(0), ['succeeded'])

  t.equal((await call(api.signIn, { send: { credential: PASSWORD } })).body.id, 'admin')
  t.match(
    (await call(api.signIn, { send: { credential: issued('operator', 'device') } })).body.id,
    /^device:/,
  )
  const byField = head(['host', 'localhost', 'authorization', `Bearer ${ROOT}`])
  t.equal((await call(api.signIn, { head: byField })).body.id, 'admin')
  const refusals: [Partial<ApiRequest> & { send?: unknown }, string][] = [
    [{ send: { credential: 'wrong' } }, 'unauthorized'],
    [{ send: { credential: issued('node') } }, 'forbidden'],
    [{ send: { credential: '' } }, 'bad_request'],
    [{ send: {} }, 'bad_request'],
    [{ send: null }, 'bad_request'],
    [{ send: { credential: ROOT }, head: head(['content-type', 'text/plain']) }, 'bad_request'],
  ]
  for (const [given, code] of refusals)
    t.equal((await problem(() => call(api.signIn, given))).code, code, JSON.stringify(given))

  const out = await call(api.signOut, { head: back })
  t.match(out.headers[out.headers.indexOf('set-cookie') + 1], /^gw_session=; .*Max-Age=0/)
  t.equal(access.authenticator.identify(back, 'api', ADDRESS), undefined)

  const open = new SessionApi({ access: rig(t, ['none']).access, addressOf: () => ADDRESS })
  t.notOk((await call(open.signIn, { principal: EVERYBODY })).headers.includes('set-cookie'))
})

t.test('/devices', async (t) => {
  const { access, counted, blocked } = rig(t, ['device_token', 'token'])
  const heard: Happening[] = []
  const api = new DevicesApi({
    access,
    tell: (happening) => heard.push(happening),
    attempts: {
      check() {
        if (blocked.is) throw new Problem('rate_limited', 'no')
      },
      failed: () => counted.push('failed'),
      succeeded() {},
    },
    addressOf: () => ADDRESS,
  })
  const pairing: Principal = {
    id: 'token:p',
    scopes: new Set(['operator.pairing']),
    node: undefined,
    tunnels: ['name:till-*'],
    expiresAt: undefined,
  }
  const pair = await call(api.pair, { send: { name: 'till 3' } })
  t.equal(pair.status, 201)
  const { code, expires_at } = pair.body
  t.equal(Date.parse(expires_at) > Date.now(), true)
  const params = { code }
  t.equal((await problem(() => call(api.claim, { params }))).code, 'conflict')
  t.same(counted, [], 'to wait does not count')
  for (const send of [
    { role: 'node', tunnels: ['*'] },
    { role: 'operator', scopes: ['operator.write'] },
  ])
    t.equal((await problem(() => call(api.approve, { params, principal: pairing, send }))).code, 'forbidden')
  const send = { role: 'node', scopes: [], tunnels: ['name:till-3'] }
  t.match((await call(api.approve, { params, principal: pairing, send })).body, {
    state: 'approved',
    name: 'till 3',
    role: 'node',
  })
  const { status, body } = await call(api.claim, { params })
  t.equal(status, 200)
  t.match(body, { id: /^[0-9a-f]{12}$/, token: /^gwd_/, role: 'node', scopes: [], tunnels: ['name:till-3'] })
  t.equal((await problem(() => call(api.claim, { params }))).code, 'not_found')
  t.same(counted.splice(0), ['failed'])

  const who = (token: string) =>
    access.authenticator.identify(head(['authorization', `DeviceToken ${token}`]), 'link', ADDRESS)
  const device = (await who(body.token)) as Principal
  t.same(device.node, { patterns: ['name:till-3'], public: false })
  const list = (await call(api.list)).body.devices
  t.match(list, [
    {
      id: body.id,
      name: 'till 3',
      role: 'node',
      scopes: [],
      tunnels: ['name:till-3'],
      created_at: /T/,
      last_used_at: /T/,
    },
  ])
  t.same(Object.keys(list[0]), ['id', 'name', 'role', 'scopes', 'tunnels', 'created_at', 'last_used_at'])

  const at = { params: { id: body.id } }
  const narrow = { ...pairing, tunnels: ['name:till-4'] }
  t.equal(
    (await problem(() => call(api.rotate, { ...at, principal: narrow }))).code,
    'forbidden',
    'never widens',
  )
  const rotated = (await call(api.rotate, { ...at, principal: pairing })).body
  t.match(rotated, { id: body.id, token: /^gwd_/, role: 'node', tunnels: ['name:till-3'] })
  t.notOk(access.endings.alive(device))
  t.same((await call(api.remove, at)).body, { deleted: true })
  t.equal((await problem(() => call(api.remove, at))).code, 'not_found')
  t.equal((await problem(async () => who(rotated.token))).code, 'unauthorized')

  const next = (await call(api.pair, { send: { name: 'x' } })).body.code
  t.match((await call(api.reject, { params: { code: next } })).body, { state: 'rejected', name: 'x' })
  t.equal(
    (await problem(() => call(api.approve, { params: { code: next }, principal: EVERYBODY }))).code,
    'not_found',
  )
  for (const name of [undefined, '', ' ', 5, 'a\nb', 'a\u009bb', 'a\u202eb', 'x'.repeat(65)])
    t.equal((await problem(() => call(api.pair, { send: { name } }))).code, 'bad_request')
  t.equal((await problem(() => call(api.pair, { send: [] }))).code, 'bad_request')
  counted.length = 0
  blocked.is = true
  t.equal((await problem(() => call(api.claim, { params }))).code, 'rate_limited')
  t.match(heard[0], { type: 'auth:failed', data: { address: ADDRESS, scheme: 'code' } })

  const none = rig(t, ['none'])
  const open = new DevicesApi({
    access: none.access,
    tell() {},
    attempts: { check() {}, failed() {}, succeeded() {} },
    addressOf: () => ADDRESS,
  })
  const asked = (await call(open.pair, { send: { name: 'x' } })).body.code
  t.equal(
    (await problem(() => call(open.approve, { params: { code: asked }, principal: EVERYBODY }))).code,
    'conflict',
  )
})

t.test('verbs of the control socket', async (t) => {
  const { access } = rig(t, ['token'])
  const verbs = accessVerbs(() => access)
  const verb = async (name: string, args: Record<string, unknown> = {}) =>
    (await verbs[name]!(args)) as Record<string, unknown>
  const made = await verb('token.create', {
    role: 'node',
    tunnels: ['name:a'],
    public: true,
    note: 'x',
    expires_in_ms: 60_000,
  })
  t.match(made, {
    token: /^gwt_/,
    role: 'node',
    tunnels: ['name:a'],
    public: true,
    note: 'x',
    expires_at: /T/,
    revoked_at: null,
  })
  t.notMatch(await verb('token.list'), { tokens: [{ token: /./ }] })
  t.match(await verb('token.list'), { tokens: [{ id: made.id }] })
  t.match(await verb('token.revoke', { id: made.id }), { id: made.id, revoked_at: /T/ })
  for (const bad of [
    { role: 'x' },
    { expires_in_ms: 'x' },
    { expires_in_ms: -1 },
    { note: 5 },
    { note: 'a\nb' },
  ])
    t.equal((await problem(() => verb('token.create', bad))).code, 'bad_request')
  t.equal((await problem(() => verb('token.revoke', {}))).code, 'not_found')
  const { code } = access.pairings.begin('till', undefined, ADDRESS)
  t.match(await verb('device.approve', { code }), {
    name: 'till',
    role: 'operator',
    scopes: ['operator.read'],
  })
  t.match(await verb('device.reject', { code }), { name: 'till' })
  t.same(await verb('device.list'), { devices: [] })
  const alone = accessVerbs(() => ({ credentials: access.credentials, pairings: undefined }))
  t.equal((await problem(() => alone['device.approve']!({ code }))).code, 'conflict')
})

function settings(argv: string, env: Record<string, string> = {}) {
  const mistakes: string[] = []
  const report = (mistake: string) => void mistakes.push(mistake)
  const { flags } = parseCommandLine(argv === '' ? [] : argv.split(' '), gatewayOptions.specs, report)
  const { values } = loadOptions(gatewayOptions, { flags, env }, report)
  const found = accessSettings(values, report)
  return { ...found, mistakes }
}

t.test('--auth and its neighbours', async (t) => {
  const directory = directoryFor(t, { token: 'file-secret-of-length\n', two: 'a\nb\n', empty: '\n' })
  const file = (name: string) => join(directory, name)
  writeFileSync(file('key.pem'), issuerKey('ES256').pem)
  const env = { GW_TOKEN: ROOT, GW_PASSWORD: 'a-long-enough-password' }

  t.match(settings(''), { root: undefined, password: undefined, jwt: undefined, warnings: [], mistakes: [] })
  t.same([...settings('').modes], ['none'])
  t.match(settings('--auth token', env), {
    root: ROOT,
    password: undefined,
    mistakes: [],
    warnings: [/GW_PASSWORD is given, but/],
  })
  t.match(settings('--auth token'), { root: undefined, mistakes: [] }, 'made tokens do')
  t.match(settings(`--auth token --token-file ${file('token')}`), {
    root: 'file-secret-of-length',
    warnings: [],
  })
  t.match(settings('--auth token,password --host 0.0.0.0', env), {
    password: 'a-long-enough-password',
    mistakes: [],
  })
  t.match(settings('--auth password', { GW_PASSWORD: 'kürz' }), {
    password: byteString('kürz'),
    warnings: [/fewer than 16/],
  })
  t.match(settings(`--auth jwt --jwt-key-file ${file('key.pem')}`), {
    jwt: { keys: { kind: 'key', key: { algorithms: ['ES256'] } } },
    mistakes: [],
  })
  t.match(settings('--auth jwt --jwks-url https://id.example.com/keys --jwt-audience a --jwt-audience b'), {
    jwt: { keys: { kind: 'jwks' }, audience: ['a', 'b'] },
    mistakes: [],
  })
  t.same(settings('', env).warnings.length, 2, 'secrets that open nothing')
  t.same(settings('--host 0.0.0.0 --allow-unauthenticated').mistakes, [])
  t.same(settings('--host ::1').mistakes, [])

  const cases: [string, Record<string, string>, RegExp[]][] = [
    ['--auth none,token', {}, [/--auth: none contradicts token/]],
    ['--auth nope', {}, [/--auth: "nope" \(flag\) is not known/, /no mode/]],
    [
      '--host 0.0.0.0',
      {},
      [/--auth none lets everybody in who reaches --host 0.0.0.0.*--allow-unauthenticated/],
    ],
    ['--auth password', {}, [/GW_PASSWORD or --password-file/]],
    ['--auth jwt', {}, [/--jwks-url or --jwt-key-file/]],
    [
      `--auth jwt --jwks-url https://a/ --jwt-audience a --jwt-key-file ${file('key.pem')}`,
      {},
      [/exclude each other/],
    ],
    ['--auth jwt --jwks-url https://a/', {}, [/--jwks-url needs --jwt-audience/]],
    ['--auth jwt --jwks-url http://id.example.com/', {}, [/is neither https nor loopback/, /--jwks-url or/]],
    ['--auth jwt --jwks-url ftp://a/', {}, [/is not such a URL/, /--jwks-url or/]],
    [`--auth jwt --jwt-key-file ${file('token')}`, {}, [/holds no public key/]],
    [`--auth token --token-file ${file('nope')}`, {}, [/--token-file: ENOENT/]],
    [`--auth token --token-file ${file('two')}`, {}, [/holds more than one line/]],
    [`--auth token --token-file ${file('empty')}`, {}, [/holds nothing/]],
    [`--auth token --token-file ${file('token')}`, env, [/GW_TOKEN and --token-file exclude each other/]],
    ['--token x', {}, [/--token is not an option/]],
  ]
  for (const [argv, given, rules] of cases) {
    const { mistakes } = settings(argv, given)
    t.equal(mistakes.length, rules.length, `${argv}: ${mistakes}`)
    for (const [i, rule] of rules.entries()) t.match(mistakes[i], rule, argv)
  }
  t.equal(defaultsOf(gatewayOptions).token, undefined)
})

t.test('mistakes of a command are told, all of them', async (t) => {
  const cases: [string, RegExp[]][] = [
    ['token create', [/needs --role node or --role operator/]],
    ['token create --role node --scope operator.read', [/scopes are for operators/]],
    ['token create --role operator --public', [/public is for nodes/]],
    ['token create --role node --tunnel shop', [/tunnel pattern "shop" is neither/]],
    [
      'token create --role x --expires soon',
      [/"x" \(flag\) is not known/, /"soon" \(flag\) is not a duration; it takes 30d, 12h/],
    ],
    ['token create --role node --expires 10ms', [/is less than 1s/]],
    ['token revoke', [/needs the id/]],
    ['device approve --role node --tunnel a', [/needs the code/, /tunnel pattern "a"/]],
    ['device reject', [/needs the code/]],
  ]
  const program = { name: 'gw', version: '0', summary: '', commands: [...accessCommands] as [Command] }
  for (const [line, rules] of cases) {
    const around = { argv: line.split(' '), env: {}, directory: t.testdirName, columns: 80 }
    try {
      await interpretCommandLine(program, around)
      t.fail(`taken: ${line}`)
    } catch (error) {
      const { mistakes } = error as UsageError
      for (const [i, rule] of rules.entries()) t.match(mistakes[i], rule, line)
      t.equal(mistakes.length, rules.length, line)
    }
  }
})
