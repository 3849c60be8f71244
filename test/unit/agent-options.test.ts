import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type AgentConfig, resolveAgent } from '../../agent/config.js'
import { parseGatewayUrl } from '../../agent/gateway-url.js'
import { keptIdentity } from '../../agent/identity.js'
import { agentOptions } from '../../agent/options.js'
import { formatTarget, parseTarget } from '../../agent/target.js'
import { parseCommandLine } from '../../shared/cli.js'
import { parseConfig } from '../../shared/config-file.js'
import { BadValue } from '../../shared/option-types.js'
import { loadOptions } from '../../shared/options.js'

const [A, B, C] = ['a', 'b', 'c'].map((purpose) => `agent_550e8400-e29b-41d4-a716-446655440000_${purpose}`)

function resolve(given: { argv?: string; env?: Record<string, string>; file?: string }) {
  const mistakes: string[] = []
  const report = (mistake: string) => void mistakes.push(mistake)
  const { flags } = parseCommandLine(given.argv?.split(' ') ?? [], agentOptions.specs, report)
  const file = given.file === undefined ? undefined : parseConfig(given.file, 'gw-agent.yaml')
  const loaded = loadOptions(agentOptions, { flags, env: given.env ?? {}, file }, report)
  return { mistakes, config: mistakes.length === 0 ? resolveAgent(loaded, report) : undefined }
}

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

t.test('tunnels', (t) => {
  const two = `weight: 3\nlabel: { region: eu }\ntunnels:\n  - { tunnel-id: ${A}, forward: 1 }\n  - { tunnel_id: ${B}, static: ./b, name: b, weight: 4 }`
  const cases: [string, Parameters<typeof resolve>[0], object[]][] = [
    [
      'nothing given: one without id that echoes',
      {},
      [{ id: undefined, slot: '', forward: undefined, weight: 1 }],
    ],
    [
      'several ids, the same answers',
      { argv: `--tunnel-id ${A} --tunnel-id ${B} --forward 1` },
      [
        { id: { id: A }, forward: { port: 1 } },
        { id: { id: B }, forward: { port: 1 } },
      ],
    ],
    [
      'entries inherit from the top level',
      { file: two },
      [
        { id: { id: A }, forward: { port: 1 }, static: undefined, weight: 3, labels: { region: 'eu' } },
        { id: { id: B }, forward: undefined, static: './b', name: 'b', weight: 4 },
      ],
    ],
    ['a flag counts before entries', { file: two, argv: '--weight 9' }, [{ weight: 9 }, { weight: 9 }]],
    [
      'a variable counts before entries',
      { file: two, env: { GW_WEIGHT: '9' } },
      [{ weight: 9 }, { weight: 9 }],
    ],
    [
      'an upstream as flag leaves out what else would answer',
      { file: two, argv: '--forward 7' },
      [{ forward: { port: 7 } }, { forward: { port: 7 }, static: undefined }],
    ],
    [
      'an upstream as flag leaves out a directory of the file',
      { file: 'static: ./x', argv: '--forward 7' },
      [{ forward: { port: 7 }, static: undefined }],
    ],
    [
      'flags of one command line stand together',
      { argv: '--forward 7 --static ./x' },
      [{ forward: { port: 7 }, static: './x' }],
    ],
    [
      'an entry with a directory does not inherit an upstream',
      { file: `forward: 1\ntunnels: [{ static: ./x }]` },
      [{ forward: undefined, static: './x' }],
    ],
    [
      'an id as flag picks its entry',
      { file: two, argv: `--tunnel-id ${B}` },
      [{ id: { id: B }, static: './b' }],
    ],
    [
      'an id that no entry has is served as the top level says',
      { file: two, argv: `--tunnel-id ${C} --tunnel-id ${A}` },
      [
        { id: { id: A }, forward: { port: 1 } },
        { id: { id: C }, forward: undefined, weight: 3 },
      ],
    ],
    [
      'entries without id are kept apart',
      { file: 'tunnels: [{ forward: 1 }, { forward: 2, name: x }]' },
      [
        { id: undefined, slot: '1' },
        { id: undefined, slot: 'x' },
      ],
    ],
    [
      'one entry without id takes that of the top level',
      { file: `tunnel-id: ${A}\ntunnels: [{ forward: 1 }]` },
      [{ id: { id: A }, forward: { port: 1 } }],
    ],
    [
      "TLS of the upstream is the gateway's",
      { argv: '--ca x --insecure' },
      [{ upstreamTls: { ca: 'x', insecure: true } }],
    ],
    [
      'unless it is told',
      { argv: '--ca x --insecure --upstream-ca y' },
      [{ upstreamTls: { ca: 'y', insecure: false } }],
    ],
    [
      'or that it is verified',
      { argv: '--ca x --insecure --no-upstream-insecure' },
      [{ upstreamTls: { ca: undefined, insecure: false } }],
    ],
    [
      'options of a tunnel',
      { argv: '--name n --label a=1,b=2 --max-concurrent 5 --host-header preserve' },
      [{ name: 'n', labels: { a: '1', b: '2' }, maxConcurrent: 5, hostHeader: 'preserve' }],
    ],
  ]
  for (const [title, given, expected] of cases) {
    const { config, mistakes } = resolve(given)
    t.strictSame(mistakes, [], title)
    t.equal(config?.tunnels.length, expected.length, title)
    t.match(config?.tunnels, expected, title)
    for (const [index, tunnel] of expected.entries()) {
      for (const [key, value] of Object.entries(tunnel)) {
        if (value === undefined)
          t.equal(config?.tunnels[index]?.[key as 'static'], undefined, `${title}: ${key}`)
      }
    }
  }
  t.end()
})

t.test('credentials', (t) => {
  const cases: [string, Parameters<typeof resolve>[0], AgentConfig['credential']][] = [
    ['none', {}, { kind: 'none' }],
    ['GW_TOKEN', { env: { GW_TOKEN: 'a' } }, { kind: 'token', token: 'a' }],
    [
      'GW_AGENT_TOKEN before it',
      { env: { GW_TOKEN: 'a', GW_AGENT_TOKEN: 'b' } },
      { kind: 'token', token: 'b' },
    ],
    [
      'a flag before a variable',
      { argv: '--token-file f', env: { GW_TOKEN: 'a' } },
      { kind: 'file', path: 'f' },
    ],
    [
      'a variable before the file',
      { env: { GW_TOKEN: 'a' }, file: 'token-file: f' },
      { kind: 'token', token: 'a' },
    ],
  ]
  for (const [title, given, expected] of cases)
    t.strictSame(resolve(given).config?.credential, expected, title)
  t.match(resolve({ argv: '--token a' }).config?.warnings, [/--token can be read by others/])
  t.match(resolve({ argv: '--insecure' }).config?.warnings, [/--insecure/])
  t.strictSame(resolve({ env: { GW_TOKEN: 'a' } }).config?.warnings, [])
  t.end()
})

t.test('rules that join options', (t) => {
  const far = '--gateway http://gw.example.com'
  const cases: [Parameters<typeof resolve>[0], ...RegExp[]][] = [
    [{ argv: `--tunnel-id ${A} --tunnel-id ${A}` }, /--tunnel-id: .* is given to several tunnels/],
    [{ argv: `--tunnel-id ${A} --tunnel-id ${B} --name x` }, /--name: "x" is given to several tunnels/],
    [{ argv: '--token a --token-file b' }, /exclude each other/],
    [{ argv: '--client-key k' }, /--client-key needs --client-cert/],
    [{ argv: '--client-cert c' }, /--client-cert needs --client-key/],
    [{ argv: far, env: { GW_TOKEN: 'a' } }, /would carry the token in the clear/],
    [{ argv: `${far} --insecure`, env: { GW_TOKEN: 'a' } }],
    [{ argv: far }],
    [{ argv: '--gateway http://[::1]:3000', env: { GW_TOKEN: 'a' } }],
    [{ argv: '--gateway ws://127.0.0.2:3000', env: { GW_TOKEN: 'a' } }],
    [{ argv: '--gateway ws://127.evil.example', env: { GW_TOKEN: 'a' } }, /in the clear/],
    [{ argv: '--gateway https://gw.example.com', env: { GW_TOKEN: 'a' } }],
    [{ argv: '--name www' }, /--name: "www" \(flag\) is reserved/],
    [
      { argv: '--tunnel-id agent_x' },
      /--tunnel-id: "agent_x" \(flag\) is not a tunnel id; it takes agent_<uuid>_<purpose>/,
    ],
    [{ argv: '--host-header a/b' }, /--host-header: "a\/b" \(flag\) is not a host/],
    [{ argv: '--label a=ü' }, /--label: "a=ü" \(flag\) has a value/],
    [{ file: 'tunnels:\n  - forward: nope' }, /--forward: "nope" \(gw-agent.yaml:2:14\) is not an upstream/],
    [{ file: 'tunnels:\n  - gateway: http://h' }, /gw-agent.yaml:2:5: "gateway" is not an option/],
  ]
  for (const [given, ...expected] of cases) {
    const { mistakes } = resolve(given)
    t.equal(mistakes.length, expected.length, JSON.stringify(given))
    t.match(mistakes, expected, JSON.stringify(given))
  }
  t.end()
})

t.test('an identity is kept for gateway, directory and slot', (t) => {
  const state = t.testdir({})
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

  const home = t.testdir({ home: {} })
  const inHome = keptIdentity({ ...place, env: { XDG_STATE_HOME: 'relative', HOME: join(home, 'home') } })
  t.equal(inHome.kind === 'made' && inHome.file.startsWith(join(home, 'home/.local/state/gw-agent/')), true)
  t.end()
})

t.test('an identity that cannot be kept is passing, and damage is not papered over', (t) => {
  const state = t.testdir({ file: '' })
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
  mkdirSync(join(state, 'gw-agent'), { recursive: true })
  writeFileSync(made.file, 'garbage')
  t.match(keptIdentity(good), { kind: 'passing', reason: /holds no tunnel id/ })
  t.equal(readFileSync(made.file, 'utf8'), 'garbage')
  t.end()
})
