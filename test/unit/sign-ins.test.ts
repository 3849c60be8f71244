/** Sign-ins of the dashboard: what is kept of them, what holds after a restart, and what a store that fails costs. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Access } from '../../gateway/access/access.js'
import { openAccess } from '../../gateway/access/database.js'
import { Endings } from '../../gateway/access/endings.js'
import type { Principal } from '../../gateway/access/principal.js'
import type { AccessSettings } from '../../gateway/access/settings.js'
import { SignInStore } from '../../gateway/access/sign-in-store.js'
import { SignIns } from '../../gateway/access/sign-ins.js'
import { byteString, secretHash } from '../../gateway/access/tokens.js'
import type { Mode } from '../../gateway/options/access.js'
import { ADDRESS, basic, head, PASSWORD, ROOT, rig } from '../helpers/access-rig.js'
import { directoryFor } from '../helpers/directory.js'

const HOUR = 3_600_000

/** Two of them on one file are two gateways, or one before and after a restart. */
function gateways(t: Test) {
  const path = join(directoryFor(t), 'access.db')
  const clock = { now: 1_800_000_000_000 }
  /** What the credential of each holder looks like now. */
  const credentials = new Map([
    ['token:a', 'first'],
    ['token:b', 'other'],
  ])
  const now = (): number => clock.now
  function open() {
    const endings = new Endings(now)
    const principals = new Map<string, Principal>()
    const principalOf = (id: string): Principal => {
      if (!principals.has(id))
        principals.set(id, { id, scopes: new Set(), node: undefined, expiresAt: undefined })
      return principals.get(id)!
    }
    const find = (name: string) => {
      const fingerprint = credentials.get(name)
      return fingerprint === undefined ? undefined : { name, principal: principalOf(name), fingerprint }
    }
    const warnings: string[] = []
    const store = new SignInStore(path)
    const signIns = new SignIns({
      holders: { find, of: ({ id }) => find(id) },
      endings,
      store,
      log: { warn: (text) => warnings.push(text) },
      now,
    })
    t.teardown(() => signIns.close())
    return { signIns, store, endings, warnings, principalOf }
  }
  /** What a third process finds in the file. */
  const kept = (): { hash: string; holder: string }[] => {
    const store = new SignInStore(path)
    const rows = store.all(2000)
    store.close()
    return rows
  }
  return { path, clock, credentials, open, kept }
}

t.test('a sign-in is there after a restart, and its cookie is not', async (t) => {
  const { path, clock, credentials, open, kept } = gateways(t)
  const one = open()
  const value = one.signIns.begin(one.principalOf('token:a'))
  t.equal(one.signIns.principalOf(value), one.principalOf('token:a'))
  t.match(kept(), [{ hash: secretHash(value), holder: 'token:a' }], 'written at once')
  for (const file of readdirSync(join(path, '..'))) {
    const bytes = readFileSync(join(path, '..', file), 'latin1')
    t.notMatch(bytes, value, `${file} does not hold the cookie`)
    t.notMatch(bytes, 'first', `${file} does not tell what the proof is of`)
  }
  const two = open()
  t.equal(two.signIns.principalOf(value), two.principalOf('token:a'))
  t.equal(two.signIns.principalOf(`${value}x`), undefined)
  t.equal(two.signIns.principalOf(kept()[0]!.hash), undefined, 'what is kept is no cookie')

  credentials.set('token:a', 'second')
  t.equal(open().signIns.principalOf(value), undefined, 'another secret or other rights')
  credentials.delete('token:a')
  t.equal(open().signIns.principalOf(value), undefined, 'revoked')
  t.equal(kept().length, 1, 'what does not hold here may hold for another gateway')
  credentials.set('token:a', 'first')
  clock.now += 12 * HOUR - 1
  const three = open()
  t.ok(three.signIns.principalOf(value))
  clock.now += 1
  t.equal(three.signIns.principalOf(value), undefined)
  three.signIns.refresh()
  t.same(kept(), [], 'swept')
})

t.test('a proof is of one cookie and one holder', async (t) => {
  const { path, credentials, open } = gateways(t)
  credentials.set('token:b', 'first')
  const one = open()
  const [mine, yours] = [
    one.signIns.begin(one.principalOf('token:a')),
    one.signIns.begin(one.principalOf('token:b')),
  ]
  const database = openAccess(path)
  t.teardown(() => database.close())
  const row = (value: string) =>
    database.prepare('SELECT holder, proof FROM sign_in WHERE hash = ?').get(secretHash(value))!
  const change = database.prepare('UPDATE sign_in SET holder = ?, proof = ? WHERE hash = ?')
  const { holder, proof } = row(mine)
  const others = row(yours)
  t.not(proof, others.proof, 'the same credential looks different in each')
  change.run('token:b', proof!, secretHash(mine))
  t.equal(open().signIns.principalOf(mine), undefined)
  change.run(others.holder!, others.proof!, secretHash(mine))
  t.equal(open().signIns.principalOf(mine), undefined)
  change.run(holder!, proof!, secretHash(mine))
  t.equal(open().signIns.principalOf(mine)?.id, 'token:a')
})

t.test('what ends a sign-in ends what is kept of it', async (t) => {
  const { open, kept } = gateways(t)
  const one = open()
  const [a, b] = [
    one.signIns.begin(one.principalOf('token:a')),
    one.signIns.begin(one.principalOf('token:b')),
  ]
  one.signIns.end(a)
  t.match(kept(), [{ holder: 'token:b' }], 'signed out')
  one.signIns.end('unknown')
  one.endings.end(one.principalOf('token:b'))
  t.equal(one.signIns.principalOf(b), undefined)
  one.signIns.refresh()
  t.same(kept(), [], 'its credential has ended')
  const two = open()
  t.same([two.signIns.principalOf(a), two.signIns.principalOf(b)], [undefined, undefined])

  const passing = one.principalOf('jwt:|me')
  const value = one.signIns.begin(passing)
  t.equal(one.signIns.principalOf(value), passing)
  one.signIns.refresh()
  t.equal(one.signIns.principalOf(value), passing)
  t.same(kept(), [], 'without a holder it is for this process')
})

t.test('gateways on one directory know of each other', async (t) => {
  const { open, kept } = gateways(t)
  const [one, two] = [open(), open()]
  const value = one.signIns.begin(one.principalOf('token:a'))
  t.equal(two.signIns.principalOf(value)?.id, 'token:a', 'at once')
  one.signIns.end(value)
  t.equal(two.signIns.principalOf(value)?.id, 'token:a', 'the store is not asked for what is known')
  two.signIns.refresh()
  t.equal(two.signIns.principalOf(value), undefined)

  const other = two.signIns.begin(two.principalOf('token:a'))
  one.signIns.end(other)
  t.same(kept(), [], 'also one that had not been seen yet')
  two.signIns.refresh()
  two.signIns.refresh()
  t.equal(two.signIns.principalOf(other), undefined)
  t.same([one.warnings, two.warnings], [[], []])
})

t.test('a clock that was put back lengthens nothing', async (t) => {
  const { clock, open, kept } = gateways(t)
  const one = open()
  const value = one.signIns.begin(one.principalOf('token:a'))
  clock.now -= 5 * 60_000
  t.ok(one.signIns.principalOf(value), 'put right by a little')
  clock.now -= 1
  t.equal(one.signIns.principalOf(value), undefined)
  clock.now -= 24 * HOUR
  const two = open()
  t.equal(two.signIns.principalOf(value), undefined)
  two.signIns.refresh()
  t.equal(kept().length, 1)
  clock.now += 24 * HOUR + 5 * 60_000
  t.ok(two.signIns.principalOf(value), 'a machine may start with a wrong clock')
})

t.test('there are 1024, in memory and in the store', async (t) => {
  const { open, kept } = gateways(t)
  const one = open()
  const principal = one.principalOf('token:a')
  const values = Array.from({ length: 1026 }, () => one.signIns.begin(principal))
  const held = (signIns: SignIns) => values.map((value) => signIns.principalOf(value) !== undefined)
  const newest = values.map((_, i) => i >= 2)
  t.same(held(one.signIns), newest)
  t.equal(kept().length, 1024)
  const two = open()
  t.same(held(two.signIns), newest)
  two.signIns.begin(two.principalOf('token:a'))
  t.equal(kept().length, 1024)
  one.signIns.refresh()
  t.equal(one.signIns.principalOf(values[2]!), undefined, 'the oldest of both')
  t.ok(one.signIns.principalOf(values[3]!))
})

t.test('a store that cannot be written holds nobody up', async (t) => {
  const { path, open, kept } = gateways(t)
  const one = open()
  const out = one.signIns.begin(one.principalOf('token:a'))
  const other = openAccess(path)
  t.teardown(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  const begun = performance.now()
  const value = one.signIns.begin(one.principalOf('token:a'))
  const brief = one.signIns.begin(one.principalOf('token:a'))
  one.signIns.end(out)
  one.signIns.end(brief)
  one.signIns.refresh()
  t.ok(performance.now() - begun < 4000, 'nor waits for the other')
  t.ok(one.signIns.principalOf(value))
  t.equal(one.signIns.principalOf(out), undefined)
  t.match(one.warnings, [/sign-ins and sign-outs of the dashboard cannot be kept/], 'told once')
  t.same(other.prepare('SELECT hash FROM sign_in').all(), [{ hash: secretHash(out) }])
  // Another's change must not bring back what is to be removed.
  other.exec(`INSERT INTO sign_in (hash, holder, proof, until) VALUES ('x', 'token:b', '', 9e15)`)
  other.exec('COMMIT')
  t.equal(one.signIns.principalOf(out), undefined)
  one.signIns.refresh()
  t.same(
    kept()
      .map(({ hash }) => hash)
      .sort(),
    [secretHash(value), 'x'].sort(),
    'made up for',
  )
  t.ok(open().signIns.principalOf(value))

  const broken = open()
  broken.store.write = () => {
    throw new Error('database or disk is full')
  }
  broken.store.changedElsewhere = () => {
    throw new Error('disk I/O error')
  }
  const passing = broken.signIns.begin(broken.principalOf('token:a'))
  t.ok(broken.signIns.principalOf(passing))
  t.equal(broken.signIns.principalOf('unknown'), undefined)
  broken.signIns.close()
  broken.signIns.close()
  t.equal(broken.warnings.length, 1)
})

const LOCAL = ['host', 'localhost:3000']
const signedIn = (access: Access, cookie: string): Principal | undefined =>
  access.cookies.principalOf(head([...LOCAL, 'cookie', cookie]))

async function cookieOf(access: Access, field: string): Promise<string> {
  const principal = await access.authenticator.authenticate(head(['authorization', field]), 'api', ADDRESS)
  return access.cookies.signIn(principal, head(LOCAL)).split(';')[0]!
}

t.test('each kind of credential holds after a restart for as long as it is the same', async (t) => {
  const modes: Mode[] = ['token', 'password', 'device_token']
  const before = rig(t, modes)
  const { dataDir } = before
  const restarted = (settings?: Partial<AccessSettings>, more = modes) =>
    rig(t, more, settings, undefined, dataDir).access
  const grant = {
    role: 'operator',
    scopes: ['operator.read'],
    tunnels: ['name:shop'],
    public: false,
  } as const
  const issue = (kind: 'token' | 'device', expiresAt?: number) =>
    before.access.credentials.issue({ kind, grant, label: '', expiresAt })
  const [token, revoked, narrowed, short] = [
    issue('token'),
    issue('token'),
    issue('token'),
    issue('token', Date.now() + HOUR),
  ]
  const [device, rotated] = [issue('device'), issue('device')]
  const cookies = {
    root: await cookieOf(before.access, `Bearer ${ROOT}`),
    password: await cookieOf(before.access, basic(PASSWORD)),
    token: await cookieOf(before.access, `Bearer ${token.text}`),
    revoked: await cookieOf(before.access, `Bearer ${revoked.text}`),
    narrowed: await cookieOf(before.access, `Bearer ${narrowed.text}`),
    short: await cookieOf(before.access, `Bearer ${short.text}`),
    device: await cookieOf(before.access, `DeviceToken ${device.text}`),
    rotated: await cookieOf(before.access, `DeviceToken ${rotated.text}`),
  }
  const who = (access: Access) =>
    Object.fromEntries(Object.entries(cookies).map(([name, cookie]) => [name, signedIn(access, cookie)?.id]))
  const all = who(before.access)
  before.access.close()

  const second = restarted()
  t.same(who(second), all)
  t.equal(all.root, 'admin')
  t.equal(signedIn(second, cookies.token), second.credentials.holder(`token:${token.record.id}`)!.principal)
  t.same(signedIn(second, cookies.token)!.tunnels, ['name:shop'])
  second.close()

  // While no gateway runs.
  const meanwhile = rig(t, ['token'], {}, undefined, dataDir).access
  meanwhile.credentials.revoke('token', revoked.record.id)
  meanwhile.credentials.rotate('device', rotated.record.id)
  meanwhile.close()
  const database = openAccess(join(dataDir, 'access.db'))
  database.prepare('UPDATE credential SET tunnels = ? WHERE id = ?').run('name:bank', narrowed.record.id)
  database.prepare('UPDATE credential SET expires_at = 1 WHERE id = ?').run(short.record.id)
  database.close()
  const left = { ...all, revoked: undefined, narrowed: undefined, short: undefined, rotated: undefined }
  const third = restarted()
  t.same(who(third), left)
  third.close()

  const noSecrets = { ...left, root: undefined, password: undefined }
  const fourth = restarted({ root: `${ROOT}x`, password: byteString(`${PASSWORD}x`) })
  t.same(who(fourth), noSecrets)
  fourth.renew({ root: ROOT, password: byteString(PASSWORD) })
  t.same(who(fourth), left, 'the secrets of before')
  fourth.renew({ root: `${ROOT}x`, password: byteString(PASSWORD) })
  t.same(who(fourth), { ...left, root: undefined })
  fourth.close()
  t.same(who(restarted({}, ['password'])), {
    ...noSecrets,
    password: 'admin',
    token: undefined,
    device: undefined,
  })
  const open = restarted({}, ['none'])
  t.same(new Set(Object.values(who(open))), new Set([undefined]))
})

t.test('where the store does not open a sign-in is for this process', async (t) => {
  const dataDir = directoryFor(t, { 'access.db': 'no database' })
  const { access } = rig(t, ['password'], {}, undefined, dataDir)
  t.equal(signedIn(access, await cookieOf(access, basic(PASSWORD)))?.id, 'admin')
})
