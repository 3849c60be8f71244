/** What a caller may try who has some right, none, or no more: each rule of access, held against a running gateway. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type http from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { CredentialStore } from '../../gateway/access/store.js'
import { API_ROUTES } from '../../gateway/endpoints/table.js'
import type { GatewayConfig } from '../../gateway/gateway.js'
import { linkUrl, type RawExchange, refusal, tunnelId } from '../helpers/raw-agent.js'
import { type Answer, ask, call, type Site, settled, startGateway } from '../helpers/tunnel.js'

const ROOT = 'the-root-secret-of-this-test'
const root = { authorization: `Bearer ${ROOT}` }
const as = (token: string) => ({ authorization: `Bearer ${token}` })

async function guarded(t: Test, options: GatewayConfig = {}): Promise<Site & { dataDir: string }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gw-strict-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const site = await startGateway(t, { auth: ['token'], token: ROOT, dataDir, ...options })
  return Object.assign(site, { dataDir })
}

async function made(site: Site, args: Record<string, unknown>): Promise<{ token: string; id: string }> {
  return (await site.gateway.verbs['token.create']!(args)) as { token: string; id: string }
}

const echo = (exchange: RawExchange): void => exchange.respond(200, exchange.open.target)

/** Writes these bytes, and resolves to all that comes back until the gateway closes. */
async function said(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.write(Buffer.from(text, 'latin1'))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('latin1')
}

/** The statuses of the answers. */
const statuses = (text: string): string[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, code]) => code!)

/** An event stream's text so far, and when it ends. */
async function events(url: string, headers: http.OutgoingHttpHeaders) {
  const request = ask(url, { headers: { ...headers, accept: 'text/event-stream' } })
  request.end()
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const stream = {
    status: response.statusCode,
    text: '',
    ended: new Promise((resolve) => response.on('close', resolve)),
  }
  response.on('error', () => {})
  await new Promise<void>((resolve) =>
    response.setEncoding('utf8').on('data', (text: string) => {
      stream.text += text
      resolve()
    }),
  )
  return stream
}

t.test("an operator's patterns bound what it calls and sees", async (t) => {
  const site = await guarded(t, { inspect: true })
  const mine = await site.agent({ headers: root, tunnelId: tunnelId('mine'), name: 'mine', serve: echo })
  const other = await site.agent({ headers: root, tunnelId: tunnelId('other'), name: 'other', serve: echo })
  const byId = await made(site, { scopes: ['operator.admin'], tunnels: ['agent_*_mine'] })
  const byName = await made(site, { scopes: ['operator.admin'], tunnels: ['name:mine'] })
  for (const { token } of [byId, byName]) {
    const got = async (path: string, headers = {}): Promise<Answer> =>
      call(`${site.url}${path}`, { headers: { ...as(token), ...headers } })
    t.equal((await got(`/t/${mine.tunnelId}/a`)).status, 200)
    t.equal((await got('/t/mine/a')).status, 200)
    for (const path of [`/t/${other.tunnelId}/a`, '/t/other/a', `/forward/a?tunnel_id=${other.tunnelId}`]) {
      const { status, code } = await got(path)
      // Of a tunnel that is named by id only its agents know whether its name matches.
      t.ok((status === 403 && code === 'forbidden') || (status === 503 && code === 'no_agent'), path)
    }
    for (let i = 0; i < 4; i++)
      t.equal(
        (await got('/forward/any', { 'gw-policy': 'round-robin' })).headers['gw-tunnel-id'],
        mine.tunnelId,
      )
    t.equal((await got('/forward/', { 'gw-purpose': 'other' })).status, 503)
    const { connections } = JSON.parse((await got('/connections')).body)
    t.same(
      connections.map((one: { name: string }) => one.name),
      ['mine'],
    )
    const remove = await call(`${site.url}/connections/${other.linkId}`, {
      method: 'DELETE',
      headers: as(token),
    })
    t.equal(remove.status, 404)
    const stream = await events(`${site.url}/connections`, as(token))
    t.match(stream.text, mine.tunnelId)
    t.notMatch(stream.text, other.tunnelId)
  }
  const forbidden = await call(`${site.url}/t/${other.tunnelId}/`, { headers: as(byId.token) })
  t.match(forbidden, { status: 403, code: 'forbidden' }, 'told at once where that is certain')
  t.match(await call(`${site.url}/t/${tunnelId('gone')}/`, { headers: as(byId.token) }), { status: 403 })

  const secret = (await call(`${site.url}/t/other/hidden`, { headers: root })).headers['gw-request-id']
  const inspected = (path: string) => call(`${site.url}/inspect${path}`, { headers: as(byName.token) })
  t.match((await inspected('')).body, /\/any/)
  t.notMatch((await inspected('')).body, /hidden|other/)
  for (const path of [`/${secret}`, `/${secret}/curl`]) t.equal((await inspected(path)).status, 404, path)
  t.equal((await call(`${site.url}/inspect/${secret}`, { headers: root })).status, 200)
  const replay = { method: 'POST', headers: as(byName.token) }
  t.equal((await call(`${site.url}/inspect/${secret}/replay`, replay)).status, 404)
})

t.test('what a credential opened ends with it', async (t) => {
  const site = await guarded(t)
  const agent = await site.agent({ headers: root })
  const opened = async (token: string) => {
    const socket = new WebSocket(`${site.url.replace('http', 'ws')}/t/${agent.tunnelId}/`, {
      headers: as(token),
    })
    const exchange = await agent.next()
    exchange.begin(101, [])
    await once(socket, 'open')
    const stream = await events(`${site.url}/connections`, as(token))
    const upload = ask(`${site.url}/t/${agent.tunnelId}/up`, {
      method: 'POST',
      headers: { ...as(token), 'content-length': 100 },
    })
    upload.on('error', () => {})
    const answered = once(upload, 'response')
    upload.write('ten bytes.')
    const uploading = await agent.next()
    // What is asked is done once the body is here: by then nobody may ask it any more.
    const pairing = ask(`${site.url}/devices/pair/ABCDEFGH/approve`, {
      method: 'POST',
      headers: { ...as(token), 'content-length': 2 },
    })
    pairing.on('error', () => {})
    const judged = once(pairing, 'response')
    pairing.write('{')
    await settled(site)
    return {
      async ended() {
        const [code] = (await once(socket, 'close')) as [number]
        const [answer] = (await answered) as [http.IncomingMessage]
        await stream.ended
        pairing.end('}')
        const [judgement] = (await judged) as [http.IncomingMessage]
        return [code, answer.statusCode, judgement.statusCode]
      },
      agentSees: () => Promise.all([exchange.wasReset(), uploading.wasReset()]),
    }
  }
  const within = async (what: string, work: Promise<unknown>, from = performance.now()) => {
    t.same(await work, [4401, 401, 401], what)
    const took = performance.now() - from
    // A second is the promise; the rest is for a machine that is busy with other tests.
    t.ok(took < 4000, `${what}: within a second (${Math.round(took)} ms)`)
  }
  const scopes = ['operator.write', 'operator.pairing']
  const here = await made(site, { scopes })
  const first = await opened(here.token)
  const ends = first.ended()
  await site.gateway.verbs['token.revoke']!({ id: here.id })
  await within('revoked', ends)
  await first.agentSees()

  const elsewhere = await made(site, { scopes })
  const second = await opened(elsewhere.token)
  const store = CredentialStore.open(site.dataDir)
  const later = second.ended()
  store.revoke('token', elsewhere.id, Date.now())
  await within('revoked by another process', later)
  store.close()
  t.equal((await call(`${site.url}/connections`, { headers: as(elsewhere.token) })).status, 401)

  const begun = performance.now()
  const short = await made(site, { scopes, expires_in_ms: 2000 })
  await within('expired', (await opened(short.token)).ended(), begun + 2000)
})

t.test('paths, methods and hosts beside the table', async (t) => {
  const site = await guarded(t, { domain: ['gw.test'] })
  const agent = await site.agent({ headers: root, name: 'shop', serve: echo })
  const { token: reader } = await made(site, { scopes: ['operator.read'] })
  const { token: caller } = await made(site, { scopes: ['operator.write'] })
  const host = `127.0.0.1:${site.port}`
  const asked = (line: string, more: string[] = [], token = reader) =>
    said(
      site.port,
      [
        `${line} HTTP/1.1`,
        `host: ${host}`,
        ...(token ? [`authorization: Bearer ${token}`] : []),
        ...more,
        'connection: close',
        '',
        '',
      ].join('\r\n'),
    )
  const paths: [line: string, expected: string][] = [
    ['GET /connections', '200'],
    ['HEAD /connections', '200'],
    ['GET /connections/', '404'],
    ['GET //connections', '404'],
    ['GET /%63onnections', '404'],
    ['GET /connections%2f', '404'],
    ['GET /Connections', '404'],
    ['GET /t/../connections', '403'],
    ['GET /./connections', '404'],
    ['GET /connections;x', '404'],
    ['OPTIONS /connections', '405'],
    ['PROPFIND /connections', '405'],
    ['DELETE /connections/x', '403'],
    ['delete /connections/x', '40[05]'],
    ['DELETE /connections/%E0', '400'],
    ['POST /inspect/x/replay', '403'],
    ['GET /devices', '403'],
    ['DELETE /devices/x', '403'],
    ['POST /tasks/x/run', '403'],
    ['GET /sessions/../connections', '404'],
    ['GET /forward', '403'],
    ['GET /t/shop/', '403'],
  ]
  for (const [line, expected] of paths) {
    const [first] = statuses(await asked(line))
    t.match(first, new RegExp(`^${expected}$`), line)
    // A target that the engine's parser refuses never comes as far as being asked for a credential.
    t.match(statuses(await asked(line, [], ''))[0], /^40[10]$/, `${line}, without a credential`)
  }
  for (const field of [
    'x-http-method-override: DELETE',
    'x-http-method: DELETE',
    'x-method-override: DELETE',
  ])
    t.same(statuses(await asked(`GET /connections/${agent.linkId}`, [field])), ['405'], field)
  t.same(
    statuses(await asked('GET /connections', ['upgrade: h2c', 'http2-settings: AAMAAABk'])),
    ['200'],
    'h2c',
  )
  const absolute = statuses(await asked(`GET http://${host}/connections`))
  t.not(absolute[0], '500', 'absolute-form')
  t.ok(absolute.length === 1)
  t.equal(agent.closed, undefined)

  for (const { path } of Object.values(API_ROUTES)) {
    const target = path.replace(/:\w+/g, 'x').replace('*', 'x')
    const { status, body } = await call(`${site.url}${target}`, {
      headers: { host: 'shop.gw.test', ...as(caller) },
    })
    t.same([status, body], [200, target], `a tunnel's host never reaches the gateway's own ${path}`)
  }
  for (const name of ['gw.test', 'shop.gw.test.evil.test', 'xgw.test']) {
    const own = await call(`${site.url}/connections`, { headers: { host: name, ...as(reader) } })
    t.equal(own.status, 200, `${name} is none of a tunnel`)
  }
  const nothing = { host: 'a.b.gw.test' }
  t.equal((await call(`${site.url}/`, { headers: nothing })).status, 401, 'no tunnel can be there')
  t.equal((await call(`${site.url}/`, { headers: { ...nothing, ...root } })).status, 404)
  for (const path of ['/t/', '/t/agent_x/', '/t/-/', '/forward?labels='])
    t.equal((await call(`${site.url}${path}`)).status, 401, `${path} tells nothing`)
  t.match(await call(`${site.url}/t/agent_x/`, { headers: root }), { status: 400, code: 'invalid_tunnel_id' })
})

t.test('hostile credentials', async (t) => {
  const site = await guarded(t, { authAttempts: { count: 0, per: 60_000 } })
  const agent = await site.agent({ headers: root, serve: echo })
  const { token, id } = await made(site, { role: 'operator' })
  const values: [value: string, expected: RegExp][] = [
    [`Bearer ${'x'.repeat(1024 * 1024)}`, /^431$/],
    [`Bearer ${'x'.repeat(15_000)}`, /^401$/],
    [`Bearer ${token.slice(0, 9)}\xe9${token.slice(9)}`, /^401$/],
    [`Bearer ${token}\x7f`, /^(400|closed)$/],
    [`Bearer ${token},${token}`, /^401$/],
    [`Bearer ${' '.repeat(2000)}${token}`, /^200$/],
    [`Bearer${' '.repeat(9000)}`, /^401$/],
    [`Bearer\t${token}`, /^401$/],
    [`bEaReR ${token}`, /^200$/],
    [`Bearer gwt_${id}_`, /^401$/],
    [`Bearer gwt_${id}_${'A'.repeat(43)}`, /^401$/],
    [`Bearer gwd_${token.slice(4)}`, /^401$/],
    [`DeviceToken ${token}`, /^401$/],
    [`Basic ${btoa(`any:${ROOT}`)}`, /^401$/],
    [`Basic ${'='.repeat(500)}`, /^401$/],
    [`Bearer ${'.'.repeat(8000)}`, /^401$/],
    [','.repeat(8000), /^401$/],
    ['', /^401$/],
    ['Bearer', /^401$/],
    [token, /^401$/],
  ]
  for (const [value, expected] of values) {
    for (const path of ['/connections', `/t/${agent.tunnelId}/`]) {
      const text = `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${value}\r\nconnection: close\r\n\r\n`
      const answers = statuses(await said(site.port, text))
      // A parser may also hang up on a control character.
      t.match(
        answers[0] ?? 'closed',
        expected,
        `${path} ${JSON.stringify(value.slice(0, 30))} ${value.length}`,
      )
      t.ok(answers.length <= 1)
    }
  }
  const two = (path: string, first: string, second: string) =>
    said(
      site.port,
      `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${first}\r\n${second}\r\nconnection: close\r\n\r\n`,
    ).then((text) => statuses(text)[0])
  const good = `authorization: Bearer ${token}`
  const bad = 'authorization: Bearer no'
  t.equal(await two('/connections', good, good), '400')
  t.equal(await two('/connections', bad, good), '400')
  t.equal(await two('/connections', good, `x-api-key: ${token}`), '400')
  t.equal(await two('/connections', `x-api-key: ${token}`, `x-api-key: ${token}`), '400')
  t.equal(await two(`/t/${agent.tunnelId}/`, good, good), '400')
  t.equal(await two(`/t/${agent.tunnelId}/`, `gw-${good}`, `gw-${good}`), '400')
  t.equal(await two(`/t/${agent.tunnelId}/`, `gw-${bad}`, good), '401')

  for (const name of [
    'token',
    'access_token',
    'API_KEY',
    'x-api-key',
    'authorization',
    'jwt',
    'password',
    '%74oken',
  ])
    for (const path of ['/connections', '/health', '/nothing', '/devices', '/metrics'])
      t.match(
        await call(`${site.url}${path}?${name}=x`, { headers: root }),
        { status: 400 },
        `${path} ${name}`,
      )
  t.match(await call(`${site.url}/connections?purpose=${token}`, { headers: root }), {
    status: 400,
    code: 'bad_request',
  })
  const link = linkUrl(site.url, { tunnelId: tunnelId() })
  t.match(await refusal(`${link}&token=${ROOT}`, undefined, root), { status: 400, code: 'bad_request' })
  t.equal((await call(`${site.url}/t/${agent.tunnelId}/?token=app`, { headers: root })).body, '/?token=app')
  const open = await startGateway(t)
  t.equal((await call(`${open.url}/connections?token=x`)).status, 400)
})

t.test('a page may do with its cookie what it may, and no more', async (t) => {
  const site = await guarded(t, { corsOrigin: ['https://app.test'], rateLimit: { count: 40, per: 60_000 } })
  const signIn = await call(`${site.url}/dashboard/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ credential: ROOT }),
  })
  const cookie = signIn.headers['set-cookie']![0]!.split(';')[0]!
  const sent = async (method: string, path: string, headers: http.OutgoingHttpHeaders): Promise<number> =>
    (await call(`${site.url}${path}`, { method, headers: { cookie, ...headers } })).status
  const own = { origin: site.url }
  t.equal(await sent('DELETE', '/connections/x', own), 404)
  t.equal(await sent('POST', '/tasks/x/run', own), 404)
  t.equal(await sent('POST', '/tasks/x/run', { 'sec-fetch-site': 'same-origin' }), 404)
  for (const origin of ['https://evil.test', 'null', 'http://127.0.0.1:1', 'https://app.test'])
    t.equal(await sent('DELETE', '/connections/x', { origin }), 403, origin)
  t.equal(await sent('DELETE', '/connections/x', {}), 403)
  // Whatever stands in a field, the cookie does not speak beside it: no rule of pages could be passed by.
  for (const headers of [
    { authorization: 'Foo bar' },
    { authorization: '' },
    { authorization: 'Bearer no' },
    { 'x-api-key': 'no' },
  ])
    t.equal(await sent('DELETE', '/connections/x', headers), 401, JSON.stringify(headers))
  t.equal(await sent('GET', '/connections', { 'sec-fetch-site': 'cross-site' }), 401)
  t.equal(await sent('GET', '/connections', { 'sec-fetch-site': 'same-site' }), 401)

  const agent = await site.agent({
    headers: root,
    serve: (exchange) =>
      exchange.respond(200, 'x', [
        'set-cookie',
        'gw_session=evil; Path=/',
        'set-cookie',
        'a=1',
        'set-cookie',
        '__Host-gw=evil',
      ]),
  })
  const planted = await call(`${site.url}/t/${agent.tunnelId}/`, { headers: root })
  t.same(planted.headers['set-cookie'], ['a=1'], 'no tunnel puts another sign-in in place of this one')
  t.equal(await sent('DELETE', '/dashboard/session', own), 200)
  t.equal(await sent('GET', '/connections', {}), 401, 'signed out')

  const preflight = await call(`${site.url}/connections`, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.test', 'access-control-request-method': 'GET' },
  })
  t.match(preflight, { status: 204, headers: { ratelimit: /^"address"/ } }, 'every answer tells of the rate')
  let last: Answer | undefined
  for (let i = 0; i < 40 && last?.status !== 429; i++)
    last = await call(`${site.url}/health`, { headers: { origin: 'https://app.test' } })
  t.match(
    last,
    { status: 429, headers: { 'access-control-allow-origin': 'https://app.test' } },
    'a page can read it',
  )
})

t.test('wrong credentials count, wherever they are brought', async (t) => {
  const site = await guarded(t, { authAttempts: { count: 4, per: 60_000 }, trustedProxies: ['127.0.0.1'] })
  const { createHash } = await import('node:crypto')
  const basic = createHash('sha256').update('user:pass').digest('hex')
  const agent = await site.agent({
    headers: { ...root, 'gw-public': '1', 'gw-basic-auth': basic },
    serve: echo,
  })
  const told: unknown[] = []
  site.gateway.on('auth:failed', ({ data }) => told.push(data))
  const wrong = (address: string, way: number) => {
    const headers = { 'x-forwarded-for': address, 'content-type': 'application/json' }
    switch (way % 4) {
      case 0:
        return call(`${site.url}/t/${agent.tunnelId}/`, {
          headers: { ...headers, authorization: `Basic ${btoa('user:no')}` },
        })
      case 1:
        return call(`${site.url}/dashboard/session`, { method: 'POST', headers, body: '{"credential":"no"}' })
      case 2:
        return call(`${site.url}/devices/pair/ABCDEFGH/claim`, { method: 'POST', headers })
      default:
        return call(`${site.url}/forward`, { headers: { ...headers, 'gw-authorization': 'Bearer no' } })
    }
  }
  const answers: number[] = []
  for (let way = 0; way < 4; way++) answers.push((await wrong('192.0.2.1', way)).status)
  t.same(answers, [401, 401, 404, 401])
  for (let way = 0; way < 4; way++) t.equal((await wrong('192.0.2.1', way)).status, 429, `way ${way}`)
  const right = { ...root, 'x-forwarded-for': '192.0.2.1' }
  t.equal((await call(`${site.url}/connections`, { headers: right })).status, 429, 'unheard, though right')
  const spoofed = { ...root, 'x-forwarded-for': '198.51.100.7, 192.0.2.1' }
  t.equal(
    (await call(`${site.url}/connections`, { headers: spoofed })).status,
    429,
    'the right-most untrusted one',
  )
  t.equal(
    (await call(`${site.url}/connections`, { headers: { ...root, 'x-forwarded-for': '192.0.2.2' } })).status,
    200,
  )
  t.match(told, [
    { address: '192.0.2.1', scheme: 'basic', reason: 'user or password is wrong' },
    { address: '192.0.2.1', scheme: 'bearer' },
    { address: '192.0.2.1', scheme: 'code' },
    { address: '192.0.2.1', scheme: 'bearer' },
  ])
  // Distinct addresses do not push one out that is blocked.
  const flood = Array.from({ length: 60 }, (_, i) => wrong(`2001:db8:${i}::1`, 3))
  for (const { status } of await Promise.all(flood)) t.equal(status, 401)
  t.equal((await wrong('192.0.2.1', 3)).status, 429)
  const network = Array.from({ length: 5 }, (_, i) => wrong(`2001:db8:ffff:1::${i}`, 3))
  t.equal(
    (await Promise.all(network)).filter(({ status }) => status === 429).length,
    1,
    'a /64 is one caller',
  )
})

t.test('without authentication other names and pages do nothing', async (t) => {
  const site = await startGateway(t, { domain: ['gw.test'], allowedHosts: ['gw.internal'] })
  const agent = await site.agent({ serve: echo })
  const hosts: [host: string, status: number][] = [
    ['localhost', 200],
    ['LOCALHOST.:80', 200],
    ['127.0.0.1:1', 200],
    ['[::1]', 200],
    ['[::ffff:7f00:1]:80', 200],
    ['gw.internal', 200],
    ['gw.test', 200],
    ['evil.test', 403],
    ['localhost.evil.test', 403],
    ['127.0.0.1.evil.test', 403],
    ['127.0.0.1.', 200],
    ['0x7f.1', 403],
    ['2130706433', 403],
    ['evil-localhost', 403],
    ['x.gw.internal', 403],
  ]
  for (const [host, status] of hosts)
    t.equal((await call(`${site.url}/connections`, { headers: { host } })).status, status, host)
  const evil = { host: 'evil.test', 'x-forwarded-host': 'localhost', forwarded: 'host=localhost' }
  t.equal((await call(`${site.url}/connections`, { headers: evil })).status, 403)
  t.equal((await call(`${site.url}/nothing`, { headers: evil })).status, 403)
  t.match(await refusal(linkUrl(site.url, { tunnelId: tunnelId() }), undefined, { host: 'evil.test' }), {
    status: 403,
  })
  t.equal(
    (await call(`${site.url}/t/${agent.tunnelId}/`, { headers: evil })).status,
    200,
    'proxied routes are not',
  )
  const changed = await call(`${site.url}/devices/pair`, {
    method: 'POST',
    headers: { origin: 'null' },
    body: '{}',
  })
  t.equal(changed.status, 403)
  t.match(
    await refusal(linkUrl(site.url, { tunnelId: tunnelId() }), undefined, { origin: 'https://evil.test' }),
    { status: 403 },
  )
})
