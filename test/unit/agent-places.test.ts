import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseGatewayUrl } from '../../agent/gateway-url.js'
import { keptIdentity } from '../../agent/identity.js'
import { formatTarget, parseTarget } from '../../agent/target.js'
import { BadValue } from '../../shared/option-types.js'
import { directoryFor } from '../helpers/directory.js'

t.test('upstreams', (t) => {
  const tcp = (protocol: string, host: string, port: number, authority: string) => ({
    kind: 'tcp',
    protocol,
    host,
    port,
    authority,
  })
  const cases: [string, object | RegExp, string?][] = [
    ['8080', tcp('http:', 'localhost', 8080, 'localhost:8080'), 'http://localhost:8080'],
    ['80', tcp('http:', 'localhost', 80, 'localhost')],
    ['example.com:81', tcp('http:', 'example.com', 81, 'example.com:81')],
    ['127.0.0.1:81', tcp('http:', '127.0.0.1', 81, '127.0.0.1:81')],
    ['[::1]:81', tcp('http:', '::1', 81, '[::1]:81'), 'http://[::1]:81'],
    ['http://localhost:3000', tcp('http:', 'localhost', 3000, 'localhost:3000')],
    ['http://localhost:3000/', tcp('http:', 'localhost', 3000, 'localhost:3000')],
    ['HTTP://Example.com', tcp('http:', 'example.com', 80, 'example.com')],
    ['https://example.com', tcp('https:', 'example.com', 443, 'example.com')],
    ['https://example.com:8443', tcp('https:', 'example.com', 8443, 'example.com:8443')],
    ['https://example.com:80', tcp('https:', 'example.com', 80, 'example.com:80')],
    [
      'unix:/run/app.sock',
      { kind: 'unix', path: '/run/app.sock', authority: 'localhost' },
      'unix:/run/app.sock',
    ],
    ['unix:///run/app.sock', { kind: 'unix', path: '/run/app.sock', authority: 'localhost' }],
    ['unix:./app.sock', { kind: 'unix', path: './app.sock', authority: 'localhost' }],
    ['', /is not an upstream/],
    ['0', /port 0/],
    ['70000', /is not an upstream/],
    ['localhost', /is not an upstream/],
    ['::1:80', /is not an upstream/],
    ['a b:80', /is not an upstream/],
    ['http://', /is not an upstream/],
    ['ftp://example.com', /begins with ftp:/],
    ['ws://example.com', /begins with ws:/],
    ['http://example.com/x', /has a path/],
    ['http://example.com/?', /has a query/],
    ['http://example.com?x=1', /has a query/],
    ['http://example.com/#x', /has a query/],
    ['http://user:pw@example.com', /user name/],
    ['http://@example.com', /user name/],
    ['http:\\\\example.com', /is not an upstream/],
    ['unix:', /names no socket/],
  ]
  for (const [text, expected, shown] of cases) {
    if (expected instanceof RegExp) {
      t.throws(() => parseTarget(text), new BadValue(''), text)
      t.throws(() => parseTarget(text), { message: expected }, text)
    } else {
      t.strictSame(parseTarget(text), expected, text)
      if (shown !== undefined) t.equal(formatTarget(parseTarget(text)), shown, text)
    }
  }
  t.end()
})

t.test('gateways', (t) => {
  const cases: [string, string | undefined, string?][] = [
    ['http://127.0.0.1:3000', 'ws://127.0.0.1:3000/ws', 'http://127.0.0.1:3000'],
    ['https://gw.example.com/', 'wss://gw.example.com/ws', 'https://gw.example.com'],
    ['ws://h:1', 'ws://h:1/ws', 'http://h:1'],
    ['wss://h/agents', 'wss://h/agents', 'https://h'],
    ['http://[::1]:3000', 'ws://[::1]:3000/ws', 'http://[::1]:3000'],
    ['localhost:3000', undefined],
    ['ftp://h', undefined],
    ['http://token@h', undefined],
    ['http://h?token=x', undefined],
    ['', undefined],
  ]
  for (const [text, dial, origin] of cases) {
    if (dial === undefined) t.throws(() => parseGatewayUrl(text), new BadValue(''), text)
    else t.strictSame(parseGatewayUrl(text), { dial, origin }, text)
  }
  t.end()
})

t.test('an identity is kept for gateway, directory and slot', (t) => {
  const state = directoryFor(t, {})
  const place = { gateway: 'ws://a/ws', directory: '/work', slot: '', env: { XDG_STATE_HOME: state } }
  const made = keptIdentity(place)
  t.equal(made.kind, 'made')
  t.equal(made.id.purpose, 'dev')
  t.strictSame(keptIdentity(place), { ...made, kind: 'found' })
  for (const other of [{ gateway: 'ws://b/ws' }, { directory: '/other' }, { slot: 'x' }]) {
    const identity = keptIdentity({ ...place, ...other })
    t.equal(identity.kind, 'made', JSON.stringify(other))
    t.not(identity.id.id, made.id.id)
  }
  const folder = join(state, 'gw-agent')
  t.equal(statSync(folder).mode & 0o777, 0o700)
  t.equal(readdirSync(folder).length, 4, 'nothing but the identities is left')
  for (const file of readdirSync(folder)) t.equal(statSync(join(folder, file)).mode & 0o777, 0o600)

  const home = directoryFor(t, { home: {} })
  const inHome = keptIdentity({ ...place, env: { XDG_STATE_HOME: 'relative', HOME: join(home, 'home') } })
  t.equal(inHome.kind === 'made' && inHome.file.startsWith(join(home, 'home/.local/state/gw-agent/')), true)
  t.end()
})

t.test('an identity that cannot be kept is passing, and damage is not papered over', (t) => {
  const state = directoryFor(t, { file: '' })
  const place = {
    gateway: 'ws://a/ws',
    directory: '/work',
    slot: '',
    env: { XDG_STATE_HOME: join(state, 'file') },
  }
  const passing = keptIdentity(place)
  t.match(passing, { kind: 'passing', reason: /ENOTDIR/ })

  const good = { ...place, env: { XDG_STATE_HOME: state } }
  const made = keptIdentity(good)
  if (made.kind !== 'made') return t.fail('not kept')
  writeFileSync(made.file, 'garbage')
  t.match(keptIdentity(good), { kind: 'passing', reason: /holds no tunnel id/ })
  t.equal(readFileSync(made.file, 'utf8'), 'garbage')
  t.end()
})
