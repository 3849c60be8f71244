/** Tokens, devices and sign-ins: how they begin, what they open, and how they end. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Cookies } from '../../gateway/access/cookies.js'
import { Credentials } from '../../gateway/access/credentials.js'
import { Pairings } from '../../gateway/access/devices.js'
import { Endings } from '../../gateway/access/endings.js'
import { type Grant, parseGrant } from '../../gateway/access/grant.js'
import type { Principal, Scope } from '../../gateway/access/principal.js'
import { SignIns } from '../../gateway/access/sign-ins.js'
import { CredentialStore } from '../../gateway/access/store.js'
import { newSecret, secretHash } from '../../gateway/access/tokens.js'
import { withoutSession } from '../../gateway/guard/session-cookie.js'
import { createLogger } from '../../shared/log.js'
import { isLoopback } from '../../shared/loopback.js'
import { directoryFor } from '../helpers/directory.js'
import { problem } from '../helpers/heads.js'

const DAY = 86_400_000

function operator(scopes: Scope[], tunnels?: string[]): Principal {
  return { id: 'token:a', scopes: new Set(scopes), node: undefined, tunnels, expiresAt: undefined }
}

const READ: Grant = { role: 'operator', scopes: ['operator.read'], tunnels: [], public: false }
const NODE: Grant = { role: 'node', scopes: [], tunnels: ['agent_*'], public: true }

/** Two processes' views of one store, with one clock. */
function processes(path: string) {
  const clock = { now: 1_800_000_000_000 }
  const now = (): number => clock.now
  const open = () => {
    const endings = new Endings(now)
    const credentials = new Credentials(new CredentialStore(path), endings, now)
    return { endings, credentials }
  }
  return { clock, open }
}

t.test('a token opens what it is for, until it is revoked or expires', async (t) => {
  const { clock, open } = processes(':memory:')
  const { endings, credentials } = open()
  t.teardown(() => credentials.close())
  const { text, record } = credentials.issue({ kind: 'token', grant: NODE, label: 'ci' })
  t.match(text, new RegExp(`^gwt_${record.id}_[\\w-]{43}$`))
  const principal = credentials.lookup('token', secretHash(text))!
  t.match(principal, {
    id: `token:${record.id}`,
    scopes: undefined,
    node: { patterns: ['agent_*'], public: true },
  })
  t.equal(credentials.lookup('token', secretHash(text)), principal, 'the same for the same holder')
  t.equal(credentials.lookup('device', secretHash(text)), undefined, 'a token is no device')
  t.equal(credentials.lookup('token', secretHash(`${text}x`)), undefined)
  t.equal(credentials.lookup('token', secretHash(text.slice(0, -1))), undefined)

  const told: string[] = []
  endings.watch(principal, () => told.push('a'))
  const other = endings.watch(principal, () => told.push('b'))
  other()
  const second = credentials.issue({ kind: 'token', grant: READ, label: '', expiresAt: clock.now + 1000 })
  t.same(told, [], 'another credential changes nothing')
  t.ok(endings.alive(principal))
  t.ok(credentials.revoke('token', record.id).revokedAt)
  t.same(told, ['a'])
  t.notOk(endings.alive(principal))
  t.equal(credentials.lookup('token', secretHash(text)), undefined)
  t.same(problem(() => credentials.revoke('token', 'nope'))[0], 'not_found')
  t.same(problem(() => credentials.revoke('device', record.id))[0], 'not_found')

  const reader = credentials.lookup('token', secretHash(second.text))!
  t.same([...reader.scopes!], ['operator.read'])
  endings.watch(reader, () => told.push('expired'))
  clock.now += 999
  endings.sweep()
  t.ok(endings.alive(reader))
  clock.now += 1
  t.notOk(endings.alive(reader))
  t.equal(credentials.lookup('token', secretHash(second.text)), undefined)
  endings.sweep()
  endings.sweep()
  t.same(told, ['a', 'expired'], 'told once')
  endings.watch(principal, () => told.push('late'))
  endings.sweep()
  t.same(told, ['a', 'expired', 'late'], 'also who watches what has ended')
})

t.test('what one process does the others take up', async (t) => {
  const path = join(directoryFor(t), 'access.db')
  const { clock, open } = processes(path)
  const [one, two] = [open(), open()]
  t.teardown(() => {
    one.credentials.close()
    two.credentials.close()
  })
  const { text, record } = one.credentials.issue({ kind: 'token', grant: READ, label: '' })
  const kept = one.credentials.issue({ kind: 'token', grant: READ, label: '' })
  const hash = secretHash(text)
  t.equal(two.credentials.lookup('token', hash), undefined)
  two.credentials.refresh()
  const principal = two.credentials.lookup('token', hash)!
  const unchanged = two.credentials.lookup('token', secretHash(kept.text))
  let ended = 0
  two.endings.watch(principal, () => (ended += 1))

  one.credentials.lookup('token', hash)
  one.credentials.flush()
  two.credentials.refresh()
  t.equal(two.credentials.lookup('token', hash), principal, 'that it was used changes nothing')
  one.credentials.revoke('token', record.id)
  two.credentials.refresh()
  t.equal(ended, 1)
  t.equal(two.credentials.lookup('token', hash), undefined)
  t.equal(two.credentials.lookup('token', secretHash(kept.text)), unchanged)

  // More than the log of changes holds.
  const early = one.credentials.issue({ kind: 'token', grant: READ, label: '' })
  const still = one.credentials.issue({ kind: 'token', grant: READ, label: '' })
  two.credentials.refresh()
  t.ok(two.credentials.lookup('token', secretHash(early.text)))
  const same = two.credentials.lookup('token', secretHash(still.text))!
  one.credentials.remove('token', early.record.id)
  for (let i = 0; i < 1001; i += 1) one.credentials.rotate('token', kept.record.id)
  const last = one.credentials.rotate('token', kept.record.id)
  two.credentials.refresh()
  t.equal(two.credentials.lookup('token', secretHash(early.text)), undefined)
  t.ok(two.credentials.lookup('token', secretHash(last.text)))
  t.equal(two.credentials.lookup('token', secretHash(still.text)), same)
  t.ok(two.endings.alive(same))
  one.credentials.remove('token', still.record.id)

  // Ended ones are remembered for a month.
  const states = one.credentials.list('token').map(({ revokedAt }) => revokedAt !== undefined)
  t.same(states, [true, false])
  clock.now += 31 * DAY
  const three = open()
  t.same(
    three.credentials.list('token').map(({ id }) => id),
    [kept.record.id],
  )
  three.credentials.close()
  for (const file of [path, `${path}-wal`])
    t.notMatch(readFileSync(file, 'latin1'), text.slice(17), `no secret is in ${file}`)
})

t.test('what a full disk does not take has ended all the same', async (t) => {
  const endings = new Endings(Date.now)
  const store = new CredentialStore(':memory:')
  const credentials = new Credentials(store, endings, Date.now)
  t.teardown(() => credentials.close())
  const asked = { kind: 'token', grant: parseGrant({}, ['operator.write']), label: '' } as const
  for (const end of ['revoke', 'remove'] as const) {
    const { record } = credentials.issue(asked)
    const principal = credentials.lookup('token', record.hash)!
    store[end] = () => {
      throw new Error('database or disk is full')
    }
    t.throws(() => credentials[end]('token', record.id), /full/, 'who asked is told')
    t.notOk(endings.alive(principal))
    t.equal(credentials.lookup('token', record.hash), undefined)
  }
})

t.test('use is written down once a minute', async (t) => {
  const { clock, open } = processes(':memory:')
  const { credentials } = open()
  t.teardown(() => credentials.close())
  const { text } = credentials.issue({ kind: 'token', grant: READ, label: '' })
  const used = () => credentials.list('token')[0]!.lastUsedAt
  t.equal(used(), undefined)
  const begin = clock.now
  credentials.lookup('token', secretHash(text))
  t.equal(used(), begin)
  clock.now += 59_999
  credentials.lookup('token', secretHash(text))
  t.equal(used(), begin)
  clock.now += 1
  credentials.lookup('token', secretHash(text))
  t.equal(used(), clock.now)
})

t.test('a device gets another secret with the same rights, and the old one ends', async (t) => {
  const { open } = processes(':memory:')
  const { credentials, endings } = open()
  t.teardown(() => credentials.close())
  const first = credentials.issue({ kind: 'device', grant: NODE, label: 'till' })
  t.match(first.text, /^gwd_/)
  const before = credentials.lookup('device', secretHash(first.text))!
  const second = credentials.rotate('device', first.record.id)
  t.not(second.text, first.text)
  t.notOk(endings.alive(before))
  t.equal(credentials.lookup('device', secretHash(first.text)), undefined)
  const after = credentials.lookup('device', secretHash(second.text))!
  t.same({ ...after }, { ...before })
  t.ok(endings.alive(after))
  t.equal(credentials.list('token').length, 0)
  credentials.remove('device', first.record.id)
  t.equal(credentials.list('device').length, 0)
  t.notOk(endings.alive(after))
  t.equal(problem(() => credentials.rotate('device', first.record.id))[0], 'not_found')
})

t.test('a pairing: asked for, approved, claimed once', async (t) => {
  const clock = { now: 0 }
  const pairings = new Pairings(() => clock.now)
  const issue = (name: string, grant: Grant) => `${name} ${grant.role}`
  const { code, expiresAt } = pairings.begin('till', undefined, 'a')
  t.match(code, /^[A-HJ-NP-Z2-9]{8}$/)
  t.equal(expiresAt, 600_000)
  t.match(
    t.throws(() => pairings.claim(code, undefined, issue)),
    { code: 'conflict', status: 409, retryAfter: 2 },
  )
  t.equal(problem(() => pairings.approve('AAAAAAAA', READ))[0], 'not_found')
  t.equal(pairings.approve(`${code.slice(0, 4).toLowerCase()}-${code.slice(4)}`, READ), 'till')
  t.equal(problem(() => pairings.approve(code, NODE))[0], 'conflict')
  t.throws(
    () =>
      pairings.claim(code, undefined, () => {
        throw new Error('full')
      }),
    /full/,
  )
  t.equal(pairings.claim(code, undefined, issue), 'till operator')
  t.equal(problem(() => pairings.claim(code, undefined, issue))[0], 'not_found')

  const rejected = pairings.begin('x', undefined, 'a').code
  t.equal(pairings.reject(rejected), 'x')
  t.equal(problem(() => pairings.claim(rejected, undefined, issue))[0], 'not_found')
  const late = pairings.begin('x', undefined, 'a').code
  pairings.approve(late, READ)
  clock.now = 600_000
  t.equal(problem(() => pairings.claim(late, undefined, issue))[0], 'not_found')
})

t.test('pairings that wait are bounded', async (t) => {
  const clock = { now: 0 }
  const pairings = new Pairings(() => clock.now)
  const codes = Array.from({ length: 8 }, () => pairings.begin('x', undefined, 'a').code)
  clock.now = 60_000
  t.match(
    t.throws(() => pairings.begin('x', undefined, 'a')),
    { code: 'rate_limited', retryAfter: 540 },
  )
  pairings.reject(codes[0]!)
  pairings.approve(codes[1]!, READ)
  pairings.begin('x', undefined, 'a')
  pairings.begin('x', undefined, 'a')
  for (const address of ['b', 'c', 'd'])
    for (let i = 0; i < 8; i += 1) pairings.begin('x', undefined, address)
  t.equal(problem(() => pairings.begin('x', undefined, 'e'))[0], 'rate_limited')
  clock.now = 600_000
  pairings.begin('x', undefined, 'e')
})

t.test('a claim is signed where the device has a key', async (t) => {
  const pairings = new Pairings(() => 0)
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const other = generateKeyPairSync('ed25519').privateKey
  const { code } = pairings.begin('till', spki, 'a')
  const signed = (text: string, key = privateKey) => sign(null, Buffer.from(text), key).toString('base64')
  const claim = (signature: string | undefined) =>
    problem(() => pairings.claim(code, signature, () => 'ok'))[0]
  t.equal(claim(undefined), 'conflict')
  pairings.approve(code, READ)
  for (const wrong of [undefined, '', 'AAAA', '%', signed('AAAAAAAA'), signed(code, other)])
    t.equal(claim(wrong), 'unauthorized')
  t.equal(
    pairings.claim(code, signed(code), () => 'ok'),
    'ok',
  )

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const bad: [string, RegExp][] = [
    ['%', /is not base64/],
    ['', /is not base64/],
    ['AAAA', /is no public key/],
    ['A'.repeat(300), /is not base64/],
    [rsa.export({ type: 'spki', format: 'der' }).toString('base64').slice(0, 256), /is no public key|base64/],
    [
      generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      /is of another kind/,
    ],
  ]
  for (const [key, rule] of bad) {
    const [code, detail] = problem(() => pairings.begin('x', key, 'a'))
    t.equal(code, 'bad_request', key)
    t.match(detail, rule)
  }
})

function request(headers: string[], secure = false) {
  return { method: 'GET', target: '/', headers, remoteAddress: '127.0.0.1', secure }
}

t.test('the cookie of the dashboard', async (t) => {
  const clock = { now: 0 }
  const now = (): number => clock.now
  const endings = new Endings(now)
  const holders = { of: () => undefined, find: () => undefined }
  const log = createLogger({ write() {} })
  const cookies = new Cookies(new SignIns({ holders, endings, store: undefined, log, now }))
  const reader = operator(['operator.read'])
  const local = ['host', 'localhost:3000']
  const plain = cookies.signIn(reader, request(local))
  t.match(plain, /^gw_session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/)
  const [pair = ''] = plain.split(';')
  const ask = (headers: string[], secure = false) => cookies.principalOf(request(headers, secure))
  t.equal(ask([...local, 'cookie', `a=b; ${pair}; c=d`]), reader)
  t.equal(ask([...local, 'cookie', `${pair}x`]), undefined)
  t.equal(ask(local), undefined)
  t.equal(ask([...local, 'cookie', pair, 'sec-fetch-site', 'same-origin']), reader)
  t.equal(ask([...local, 'cookie', pair, 'sec-fetch-site', 'cross-site']), undefined)
  t.equal(ask(['host', 'gw.example.com', 'cookie', pair]), undefined, 'a name for plain loopback only')
  t.equal(ask([...local, 'cookie', pair], true), undefined)

  const host = ['host', 'gw.example.com']
  for (const head of [request(host, true), request(host), request(local, true)]) {
    const secure = cookies.signIn(reader, head)
    t.match(secure, /^__Host-gw=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/)
    const signed = { ...head, headers: [...head.headers, 'cookie', secure.split(';')[0]!] }
    t.equal(cookies.principalOf(signed), reader)
    t.match(cookies.signOut(signed), /^__Host-gw=; Path=\/; Max-Age=0;/)
    t.equal(cookies.principalOf(signed), undefined)
  }

  clock.now = 12 * 3_600_000 - 1
  t.equal(ask([...local, 'cookie', pair]), reader)
  clock.now += 1
  t.equal(ask([...local, 'cookie', pair]), undefined)
  const [again = ''] = cookies.signIn(reader, request(local)).split(';')
  t.equal(ask([...local, 'cookie', again]), reader)
  endings.end(reader)
  t.equal(ask([...local, 'cookie', again]), undefined, 'ended with its credential')

  const many = operator(['operator.read'])
  const [oldest = ''] = cookies.signIn(many, request(local)).split(';')
  for (let i = 0; i < 1024; i += 1) cookies.signIn(many, request(local))
  t.equal(ask([...local, 'cookie', oldest]), undefined, 'the table is bounded')
})

t.test("the dashboard's cookie does not go to agents", async (t) => {
  const cases: [string, string | undefined][] = [
    ['a=b', 'a=b'],
    ['gw_session=x', undefined],
    ['__Host-gw=x', undefined],
    ['a=b; gw_session=x; c=d', 'a=b; c=d'],
    ['__Host-gw=x;a=b', 'a=b'],
    ['gw_session=x; gw_session=y; __Host-gw=z', undefined],
    ['gw_session', undefined],
    ['gw_sessions=x; my__Host-gw=y', 'gw_sessions=x; my__Host-gw=y'],
    [' gw_session =x; a=gw_session', 'a=gw_session'],
  ]
  for (const [cookie, rest] of cases) t.equal(withoutSession(cookie), rest, cookie)
})

t.test('secrets are long and random, and loopback is what it is', async (t) => {
  t.equal(new Set(Array.from({ length: 100 }, () => newSecret('token').text)).size, 100)
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost', 'LOCALHOST', 'a.localhost'])
    t.ok(isLoopback(host), host)
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    'example.com',
    'localhost.example.com',
    '127.example.com',
    '',
  ])
    t.notOk(isLoopback(host), host)
})
