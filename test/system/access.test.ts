/** Who may connect and call: a gateway with credentials, and callers and agents with and without them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Credentials } from '../../gateway/access/credentials.js'
import { openAccess } from '../../gateway/access/database.js'
import { Endings } from '../../gateway/access/endings.js'
import { parseGrant } from '../../gateway/access/grant.js'
import { CredentialStore } from '../../gateway/access/store.js'
import { API_ROUTES, type ApiRoute } from '../../gateway/endpoints/table.js'
import type { GatewayConfig } from '../../gateway/gateway.js'
import { freshDirectory } from '../helpers/fresh-directory.js'
import { issuerKey } from '../helpers/jwt-issuer.js'
import { linkUrl, type RawExchange, refusal, tunnelId } from '../helpers/raw-agent.js'
import {
  type Asked,
  call,
  type GatewayProcess,
  type Site,
  spawnGateway,
  startGateway,
} from '../helpers/tunnel.js'

const ROOT = 'the-root-secret-of-this-test'
const root = { authorization: `Bearer ${ROOT}` }

/** With `--auth token`, unless `options` say otherwise. */
async function guarded(t: Test, options: GatewayConfig = {}): Promise<Site> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gw-access-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  return startGateway(t, { auth: ['token'], token: ROOT, dataDir, ...options })
}

/** What the agent saw. */
function echo(exchange: RawExchange): void {
  exchange.respond(200, JSON.stringify({ target: exchange.open.target, headers: exchange.open.headers }))
}

const seen = (body: string): { target: string; headers: string[] } => JSON.parse(body)

async function made(site: Site, args: Record<string, unknown>): Promise<{ token: string; id: string }> {
  return (await site.gateway.verbs['token.create']!(args)) as { token: string; id: string }
}

t.test('without a credential only what is open answers, and it tells little', async (t) => {
  const site = await guarded(t)
  for (const [name, route] of Object.entries(API_ROUTES) as [string, ApiRoute][]) {
    if (route.socket) continue
    const path = route.path.replace(/:\w+/g, 'x').replace('*', '')
    const { status, headers } = await call(`${site.url}${path}`, { method: route.method })
    if (route.scope === 'open') t.not(status, 401, name)
    else {
      t.equal(status, 401, name)
      t.match(headers['www-authenticate'], /Bearer/, name)
    }
  }
  t.equal((await call(`${site.url}/nothing`)).status, 401, 'unknown paths tell nothing')
  t.equal((await call(`${site.url}/nothing`, { headers: root })).status, 404)
  t.equal((await call(`${site.url}/connections`, { method: 'PUT', headers: root })).status, 405)
  t.same(JSON.parse((await call(`${site.url}/`)).body), { status: 'ok', service: 'gw-gateway' })
  t.same(Object.keys(JSON.parse((await call(`${site.url}/health`)).body)), ['status'])
  t.match(JSON.parse((await call(`${site.url}/`, { headers: root })).body), { agents_connected: 0 })
  const forwarded = await call(`${site.url}/forward`)
  t.match(forwarded, { status: 401, code: 'unauthorized' })
})

t.test('links need a node', async (t) => {
  const site = await guarded(t)
  const id = tunnelId()
  t.match(await refusal(linkUrl(site.url, { tunnelId: id })), { status: 401, code: 'unauthorized' })
  const operator = await made(site, { role: 'operator', scopes: ['operator.admin'] })
  const asNode = (token: string) => ({ authorization: `Bearer ${token}` })
  t.match(await refusal(linkUrl(site.url, { tunnelId: id }), undefined, asNode(operator.token)), {
    status: 403,
    code: 'forbidden',
  })
  const node = await made(site, { role: 'node', tunnels: [id, 'name:shop-*'] })
  t.match(await refusal(linkUrl(site.url, { tunnelId: tunnelId() }), undefined, asNode(node.token)), {
    status: 403,
  })
  t.match(await refusal(linkUrl(site.url, { tunnelId: id, name: 'bank' }), undefined, asNode(node.token)), {
    status: 403,
  })
  t.match(
    await refusal(linkUrl(site.url, { tunnelId: id }), undefined, {
      ...asNode(node.token),
      'gw-public': '1',
    }),
    { status: 403 },
    'public is a right of its own',
  )
  const agent = await site.agent({ tunnelId: id, name: 'shop-1', headers: asNode(node.token) })
  t.ok(agent.welcome)
  t.equal((await call(`${site.url}/connections`, { headers: asNode(node.token) })).status, 403, 'no operator')
  const rootAgent = await site.agent({ headers: root })
  t.ok(rootAgent.welcome)
})

t.test('the field that authenticated is not sent on, the other is', async (t) => {
  const site = await guarded(t)
  const agent = await site.agent({ headers: root, serve: echo })
  const url = `${site.url}/t/${agent.tunnelId}/x`
  const sent = async (headers: Asked['headers']) => {
    const { status, body } = await call(url, { headers: headers! })
    return status === 200 ? seen(body).headers : status
  }
  const field = async (headers: Asked['headers']) => {
    const list = await sent(headers)
    if (!Array.isArray(list)) return list
    const at = list.indexOf('authorization')
    return at < 0 ? undefined : list[at + 1]
  }
  t.equal(await field(root), undefined)
  t.equal(await field({ 'gw-authorization': root.authorization, authorization: 'Bearer app' }), 'Bearer app')
  t.equal(await field({ authorization: 'Bearer wrong' }), 401)
  t.equal(await field({ 'gw-authorization': 'Bearer wrong', ...root }), 401)
  t.equal(await field({ 'x-api-key': ROOT }), 401, 'no credential of proxied routes')
  t.equal((await call(`${site.url}/connections`, { headers: { 'x-api-key': ROOT } })).status, 200)
  const cookies = (await sent({ ...root, cookie: 'a=1; gw_session=x; __Host-gw=y' })) as string[]
  t.equal(cookies[cookies.indexOf('cookie') + 1], 'a=1', "the dashboard's cookies stay here")
  t.match(await call(`${site.url}/connections?token=${ROOT}`), { status: 400, code: 'bad_request' })
})

t.test('scopes', async (t) => {
  const site = await guarded(t)
  const agent = await site.agent({ headers: root, serve: echo })
  const reader = await made(site, { role: 'operator', scopes: ['operator.read'] })
  const writer = await made(site, { role: 'operator', scopes: ['operator.write'] })
  const as = (token: string, path: string, method = 'GET') =>
    call(`${site.url}${path}`, { method, headers: { authorization: `Bearer ${token}` } })
  t.equal((await as(reader.token, '/connections')).status, 200)
  const refused = await as(reader.token, `/t/${agent.tunnelId}/`)
  t.match(refused, { status: 403, code: 'forbidden' })
  t.match(refused.body, /operator\.write/, 'the detail names the scope')
  t.equal((await as(writer.token, '/connections')).status, 200, 'write implies read')
  t.equal((await as(writer.token, `/t/${agent.tunnelId}/`)).status, 200)
  t.equal((await as(writer.token, `/connections/${agent.linkId}`, 'DELETE')).status, 403)
  t.equal((await as(ROOT, `/connections/${agent.linkId}`, 'DELETE')).status, 200)
})

t.test('a revocation ends links and streams within a second', async (t) => {
  const site = await guarded(t)
  const node = await made(site, { role: 'node' })
  const caller = await made(site, { role: 'operator' })
  const own = await site.agent({ headers: { authorization: `Bearer ${node.token}` } })
  const other = await site.agent({ headers: root })
  const waiting = call(`${site.url}/t/${other.tunnelId}/`, {
    headers: { authorization: `Bearer ${caller.token}` },
  })
  await other.next()
  await site.gateway.verbs['token.revoke']!({ id: node.id })
  t.match(await own.ended(), { code: 4401 })
  await site.gateway.verbs['token.revoke']!({ id: caller.id })
  t.equal((await waiting).status, 401)
  t.equal(other.closed, undefined)
  t.match(
    await refusal(linkUrl(site.url, { tunnelId: tunnelId() }), undefined, {
      authorization: `Bearer ${node.token}`,
    }),
    { status: 401 },
  )
})

t.test('an expiry ends them at its time', async (t) => {
  const site = await guarded(t)
  const node = await made(site, { role: 'node', expires_in_ms: 700 })
  const agent = await site.agent({ headers: { authorization: `Bearer ${node.token}` } })
  t.match(await agent.ended(), { code: 4401 })
})

t.test('public tunnels', async (t) => {
  const site = await guarded(t, { domain: ['gw.test'] })
  const node = await made(site, { role: 'node', public: true })
  const headers = { authorization: `Bearer ${node.token}`, 'gw-public': '1' }
  const open = await site.agent({ headers, name: 'open', serve: echo })
  const sent = await call(`${site.url}/t/${open.tunnelId}/x`, { headers: { authorization: 'Bearer app' } })
  t.equal(sent.status, 200)
  t.ok(seen(sent.body).headers.includes('Bearer app'), 'authorization is neither read nor removed')
  t.equal((await call(`${site.url}/t/open/`)).status, 200)
  t.equal((await call(`${site.url}/`, { headers: { host: 'open.gw.test' } })).status, 200)
  t.equal((await call(`${site.url}/forward`)).status, 401, '/forward is never public')
  t.equal(
    (await call(`${site.url}/t/open/`, { headers: { 'gw-policy': 'nonsense', 'gw-tunnel-id': 'x' } })).status,
    200,
    'selectors and policies of guests are ignored',
  )
  const { createHash } = await import('node:crypto')
  const basic = createHash('sha256').update('user:pass').digest('hex')
  const locked = await site.agent({ headers: { ...headers, 'gw-basic-auth': basic }, serve: echo })
  const url = `${site.url}/t/${locked.tunnelId}/`
  const asked = await call(url)
  t.equal(asked.status, 401)
  t.match(asked.headers['www-authenticate'], /^Basic/)
  const passed = await call(url, { headers: { authorization: `Basic ${btoa('user:pass')}` } })
  t.equal(passed.status, 200)
  t.notOk(seen(passed.body).headers.includes('authorization'), 'what a guard accepted is removed')
  t.equal((await call(url, { headers: root })).status, 200, 'an operator comes in as ever')
  const far = await site.agent({ headers: { ...headers, 'gw-allow-ip': '203.0.113.0/24' }, serve: echo })
  t.equal((await call(`${site.url}/t/${far.tunnelId}/`)).status, 403)
})

t.test('rates, and too many wrong credentials', async (t) => {
  const site = await guarded(t, {
    rateLimit: { count: 3, per: 60_000 },
    authAttempts: { count: 2, per: 60_000 },
  })
  const first = await call(`${site.url}/connections`, { headers: root })
  t.match(first.headers, {
    'ratelimit-policy': '"address";q=3;w=60',
    ratelimit: /^"address";r=2;t=\d+$/,
  })
  await call(`${site.url}/forward`, { headers: root })
  const refused = await call(`${site.url}/nothing`)
  t.match(refused.headers.ratelimit, /r=0/, 'refusals carry the fields')
  const over = await call(`${site.url}/connections`, { headers: root })
  t.match(over, { status: 429, code: 'rate_limited' })
  t.ok(Number(over.headers['retry-after']) >= 1)
  t.equal((await call(`${site.url}/healthz`)).status, 200, 'probes do not count')
  const wrong = await guarded(t, { authAttempts: { count: 2, per: 60_000 } })
  const statuses = []
  for (let i = 0; i < 3; i++)
    statuses.push(
      (await call(`${wrong.url}/connections`, { headers: { authorization: 'Bearer no' } })).status,
    )
  statuses.push((await call(`${wrong.url}/connections`, { headers: root })).status)
  t.same(statuses, [401, 401, 429, 429])
  t.equal((await call(`${wrong.url}/health`)).status, 200)
})

t.test('other modes', async (t) => {
  const password = await guarded(t, { auth: ['password', 'device_token'], password: 'correct horse battery' })
  const asked = async (authorization: string) =>
    (await call(`${password.url}/connections`, { headers: { authorization } })).status
  t.equal(await asked(`Basic ${btoa('any:correct horse battery')}`), 200)
  t.equal(await asked('Bearer correct horse battery'), 200)
  t.equal(await asked(`Basic ${btoa('any:wrong')}`), 401)
  t.equal(await asked(root.authorization), 401, 'a mode that is off opens nothing')
  const pair = await call(`${password.url}/devices/pair`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"laptop"}',
  })
  t.equal(pair.status, 201)
  const { code } = JSON.parse(pair.body) as { code: string }
  t.match(code, /^[A-HJ-NP-Z2-9]{8}$/)
  const claim = () => call(`${password.url}/devices/pair/${code}/claim`, { method: 'POST' })
  t.match(await claim(), { status: 409, code: 'conflict', headers: { 'retry-after': '2' } })
  const approved = await call(`${password.url}/devices/pair/${code}/approve`, {
    method: 'POST',
    headers: { authorization: 'Bearer correct horse battery' },
    body: '{"role":"operator","scopes":["operator.read"]}',
  })
  t.equal(approved.status, 200)
  const claimed = await claim()
  t.equal(claimed.status, 200)
  const { token, id } = JSON.parse(claimed.body) as { token: string; id: string }
  t.equal(await asked(`DeviceToken ${token}`), 200)
  t.equal((await claim()).status, 404)
  t.equal(
    (await call(`${password.url}/devices`, { headers: { authorization: `DeviceToken ${token}` } })).status,
    403,
  )
  const removed = await call(`${password.url}/devices/${id}`, {
    method: 'DELETE',
    headers: { authorization: 'Bearer correct horse battery' },
  })
  t.equal(removed.status, 200)
  t.equal(await asked(`DeviceToken ${token}`), 401)
})

t.test('browsers', async (t) => {
  const site = await guarded(t, { corsOrigin: ['https://app.test'] })
  const origin = 'https://app.test'
  const asked = await call(`${site.url}/connections`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'GET' },
  })
  t.match(asked, { status: 204, headers: { 'access-control-allow-origin': origin } })
  t.match((await call(`${site.url}/connections`, { headers: { ...root, origin } })).headers, {
    'access-control-allow-origin': origin,
  })
  const foreign = await call(`${site.url}/connections`, { headers: { ...root, origin: 'https://evil.test' } })
  t.equal(foreign.headers['access-control-allow-origin'], undefined)
  t.match(
    await refusal(linkUrl(site.url, { tunnelId: tunnelId() }), undefined, {
      ...root,
      origin: 'https://evil.test',
    }),
    { status: 403 },
  )
  const agent = await site.agent({
    headers: root,
    serve: (exchange) =>
      exchange.respond(200, '<p>', ['content-type', 'text/html', 'clear-site-data', '"*"']),
  })
  const page = await call(`${site.url}/t/${agent.tunnelId}/`, {
    headers: { ...root, 'sec-fetch-dest': 'document' },
  })
  t.match(page.headers['content-security-policy'], /^sandbox allow-scripts/)
  t.equal(page.headers['clear-site-data'], undefined)
  const data = await call(`${site.url}/t/${agent.tunnelId}/`, {
    headers: { ...root, 'sec-fetch-dest': 'empty' },
  })
  t.equal(data.headers['content-security-policy'], undefined)

  const signIn = await call(`${site.url}/dashboard/session`, { method: 'POST', headers: root })
  const [cookie = ''] = signIn.headers['set-cookie'] ?? []
  t.match(cookie, /^gw_session=[^;]+;.*HttpOnly; SameSite=Strict/)
  const signedIn = { cookie: cookie.split(';')[0]! }
  t.equal((await call(`${site.url}/connections`, { headers: signedIn })).status, 200)
  t.equal(
    (await call(`${site.url}/t/${agent.tunnelId}/`, { headers: signedIn })).status,
    401,
    'never for tunnels',
  )
  const remove = (headers: Asked['headers']) =>
    call(`${site.url}/connections/none`, { method: 'DELETE', headers: { ...signedIn, ...headers } })
  t.equal((await remove({})).status, 403, 'a browser may have been tricked')
  t.equal((await remove({ origin: site.url })).status, 404)

  const open = await startGateway(t)
  const host = (value: string) => call(`${open.url}/connections`, { headers: { host: value } })
  t.equal((await host('rebound.test')).status, 403)
  t.equal((await host('localhost:1')).status, 200)
  t.equal((await host('[::1]:1')).status, 200)
  const changed = await call(`${open.url}/connections/x`, {
    method: 'DELETE',
    headers: { origin: 'https://evil.test' },
  })
  t.equal(changed.status, 403)
  const cross = await call(`${open.url}/forward`, { headers: { 'sec-fetch-site': 'cross-site' } })
  t.equal(cross.status, 403)
})

/** Signs in as the dashboard does. @returns the field that a browser sends from then on. */
async function signIn(url: string, credential: string): Promise<{ cookie: string }> {
  const { status, headers } = await call(`${url}/dashboard/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ credential }),
  })
  t.equal(status, 200)
  return { cookie: headers['set-cookie']![0]!.split(';')[0]! }
}

const may = async (url: string, headers: { cookie: string }): Promise<number> =>
  (await call(`${url}/connections`, { headers })).status

t.test('sign-ins outlast a gateway that is killed, and one that is stopped', async (t) => {
  const dataDir = freshDirectory()
  const key = issuerKey('EdDSA')
  const pem = join(dataDir, 'key.pem')
  writeFileSync(pem, key.pem)
  const store = CredentialStore.open(dataDir)
  const credentials = new Credentials(store, new Endings(Date.now), Date.now)
  t.teardown(() => credentials.close())
  const issue = (kind: 'token' | 'device') =>
    credentials.issue({ kind, grant: parseGrant({}, ['operator.read']), label: '' })
  const [token, device] = [issue('token'), issue('device')]
  const claims = { sub: 'me', scope: 'operator.read', exp: Math.floor(Date.now() / 1000) + 3600 }
  const given = {
    root: ROOT,
    password: 'correct horse battery',
    token: token.text,
    device: device.text,
    jwt: key.jwt(claims),
  }
  const start = (secret: string) =>
    spawnGateway(t, '--auth', 'token,password,device_token,jwt', '--jwt-key-file', pem, {
      env: { GW_DATA_DIR: dataDir, GW_TOKEN: secret, GW_PASSWORD: given.password },
    })
  const ended = async ({ child, exited }: GatewayProcess, signal: NodeJS.Signals) => {
    child.kill(signal)
    await exited
  }
  const first = await start(ROOT)
  const cookies: [kind: string, fields: { cookie: string }][] = []
  for (const [kind, credential] of Object.entries(given))
    cookies.push([kind, await signIn(first.url, credential)])
  const answers = async ({ url }: GatewayProcess) =>
    Object.fromEntries(
      await Promise.all(cookies.map(async ([kind, fields]) => [kind, await may(url, fields)] as const)),
    )
  t.same(await answers(first), { root: 200, password: 200, token: 200, device: 200, jwt: 200 })
  await ended(first, 'SIGKILL')
  const second = await start(ROOT)
  t.same(await answers(second), { root: 200, password: 200, token: 200, device: 200, jwt: 401 })
  await ended(second, 'SIGTERM')
  credentials.revoke('token', token.record.id)
  const third = await start('another-root-secret')
  t.same(await answers(third), { root: 401, password: 200, token: 401, device: 200, jwt: 401 })
  t.notMatch(third.lines.join('\n'), /"level":"(warn|error)"/)
})

t.test('a sign-in waits for no lock, and who signs out at one gateway is out at the other', async (t) => {
  const dataDir = freshDirectory()
  const [one, two] = [await guarded(t, { dataDir }), await guarded(t, { dataDir })]
  const early = await signIn(one.url, ROOT)
  t.same([await may(one.url, early), await may(two.url, early)], [200, 200])

  const other = openAccess(join(dataDir, 'access.db'))
  t.teardown(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  const begun = performance.now()
  const late = await signIn(one.url, ROOT)
  t.ok(performance.now() - begun < 4000)
  t.same([await may(one.url, late), await may(two.url, late)], [200, 401], 'for this process only')
  await one.log.find({ msg: 'sign-ins and sign-outs of the dashboard cannot be kept: a restart undoes them' })
  other.exec('COMMIT')
  while ((await may(two.url, late)) !== 200);

  const out = await call(`${one.url}/dashboard/session`, {
    method: 'DELETE',
    headers: { ...early, origin: one.url },
  })
  t.match(out, { status: 200, headers: { 'set-cookie': [/^gw_session=; .*Max-Age=0/] } })
  const left = performance.now()
  t.equal(await may(one.url, early), 401)
  while ((await may(two.url, early)) !== 401);
  t.ok(performance.now() - left < 5000)
  await one.gateway.stop()
  const again = await guarded(t, { dataDir })
  t.same([await may(again.url, early), await may(again.url, late)], [401, 200])
})
