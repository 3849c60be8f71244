import fc from 'fast-check'
import t from 'tap'
import { gatewayOptions } from '../../gateway/options.js'
import { parseCommandLine } from '../../shared/cli.js'
import { ConfigFileError, parseConfig } from '../../shared/config-file.js'
import { renderHelp, renderTable } from '../../shared/help.js'
import { nearest } from '../../shared/nearest.js'
import {
  choice,
  duration,
  flag,
  integer,
  list,
  pairs,
  path,
  port,
  size,
  text,
} from '../../shared/option-types.js'
import { defaultsOf, defineOptions, formatOrigin, loadOptions, type Specs } from '../../shared/options.js'
import {
  formatDuration,
  formatSize,
  LONGEST_TIMER_MS,
  parseDuration,
  parseSize,
} from '../../shared/quantity.js'

const options = defineOptions(
  {
    host: { type: text('ADDRESS', 'an address'), default: '127.0.0.1', group: 'listen', help: 'where' },
    port: { type: port(), default: '3000', group: 'listen', help: 'port' },
    domain: { type: list(text()), group: 'listen', help: 'domains' },
    pingInterval: { type: duration({ min: 100 }), default: '15s', group: 'timeouts', help: 'ping' },
    idleTimeout: { type: duration({ min: 100, off: true }), default: '5m', group: 'timeouts', help: 'idle' },
    maxBody: { type: size({ off: true }), default: '0', group: 'limits', help: 'body' },
    links: { type: integer({ min: 1, max: 8 }), default: '1', group: 'limits', help: 'links' },
    engine: { type: choice('uws', 'node'), group: 'listen', help: 'engine', otherwise: 'what loads' },
    label: { type: pairs('key=value', () => {}), group: 'listen', help: 'labels' },
    insecure: { type: flag(), group: 'tls', help: 'do not verify' },
    token: { type: integer(), secret: true, env: ['GW_OTHER_TOKEN'], group: 'auth', help: 'secret' },
    logLevel: { type: choice('debug', 'info'), default: 'info', group: 'log', help: 'level' },
    config: { type: path(), group: 'files', file: false, help: 'file' },
  },
  { key: 'tunnels', specs: { name: { type: text(), group: 'tunnel', help: 'name' } } },
)

function load(given: { argv?: string; env?: Record<string, string>; file?: string }) {
  const mistakes: string[] = []
  const report = (mistake: string) => void mistakes.push(mistake)
  const { flags } = parseCommandLine(given.argv?.split(' ') ?? [], options.specs, report)
  const file = given.file === undefined ? undefined : parseConfig(given.file, 'gw.yaml')
  return { ...loadOptions(options, { flags, env: given.env ?? {}, file }, report), mistakes }
}

t.test('what each source may say', (t) => {
  const cases: [string, Parameters<typeof load>[0], Record<string, unknown>][] = [
    [
      'defaults',
      {},
      { host: '127.0.0.1', port: 3000, pingInterval: 15_000, maxBody: 0, idleTimeout: 300_000 },
    ],
    [
      'nothing given and no default',
      {},
      { domain: [], engine: undefined, insecure: false, label: {}, token: undefined },
    ],
    ['a flag', { argv: '--ping-interval 500ms' }, { pingInterval: 500 }],
    ['a flag with =', { argv: '--ping-interval=2m' }, { pingInterval: 120_000 }],
    ['a bare number of milliseconds', { argv: '--ping-interval 250' }, { pingInterval: 250 }],
    ['0 switches off what may be off', { argv: '--idle-timeout 0' }, { idleTimeout: 0 }],
    ['a size', { argv: '--max-body 64kb' }, { maxBody: 65_536 }],
    ['a size in capitals', { argv: '--max-body 10MB' }, { maxBody: 10_485_760 }],
    ['a switch', { argv: '--insecure' }, { insecure: true }],
    [
      'a negated switch over its variable',
      { argv: '--no-insecure', env: { GW_INSECURE: '1' } },
      { insecure: false },
    ],
    ['a switch with a value', { argv: '--insecure=off' }, { insecure: false }],
    ['a list by repeated flags', { argv: '--domain a --domain b' }, { domain: ['a', 'b'] }],
    ['a list by commas', { argv: '--domain a,b --domain c' }, { domain: ['a', 'b', 'c'] }],
    ['pairs', { argv: '--label a=1 --label b=x=y' }, { label: { a: '1', b: 'x=y' } }],
    ['a variable', { env: { GW_PING_INTERVAL: '1s' } }, { pingInterval: 1000 }],
    ['an empty variable is not set', { env: { GW_PORT: '' } }, { port: 3000 }],
    ['a list in a variable', { env: { GW_DOMAIN: 'a, b' } }, { domain: ['a', 'b'] }],
    ['unknown variables are ignored', { env: { GW_NO_SUCH: 'x' } }, {}],
    ['an older variable before its own', { env: { GW_OTHER_TOKEN: '1', GW_TOKEN: '2' } }, { token: 1 }],
    ['a flag before a variable', { argv: '--port 1', env: { GW_PORT: '2' }, file: 'port: 3' }, { port: 1 }],
    ['a variable before the file', { env: { GW_PORT: '2' }, file: 'port: 3' }, { port: 2 }],
    ['the file before the default', { file: 'port: 3' }, { port: 3 }],
    [
      'a bad variable under a flag does not matter',
      { argv: '--port 1', env: { GW_PORT: 'tcp://x' } },
      { port: 1 },
    ],
    ['dashes in the file', { file: 'ping-interval: 1s' }, { pingInterval: 1000 }],
    ['underscores in the file', { file: 'ping_interval: 1s' }, { pingInterval: 1000 }],
    [
      'a section',
      { file: 'timeouts:\n  ping_interval: 1s\n  idle-timeout: 0' },
      { pingInterval: 1000, idleTimeout: 0 },
    ],
    ['a section and a short key', { file: 'log: { level: debug }' }, { logLevel: 'debug' }],
    ['an empty section', { file: 'timeouts:\nport: 3' }, { port: 3 }],
    ['a list in the file', { file: 'domain: [a, "b"]' }, { domain: ['a', 'b'] }],
    ['a single one in the file', { file: 'domain: a' }, { domain: ['a'] }],
    ['pairs as a mapping', { file: 'label: { region: eu, n: 1 }' }, { label: { region: 'eu', n: '1' } }],
    ['pairs as a list', { file: 'label: [region=eu]' }, { label: { region: 'eu' } }],
    ['a boolean in the file', { file: 'insecure: true' }, { insecure: true }],
    ['digits as they stand', { file: 'host: 010' }, { host: '010' }],
    ['an alias', { file: 'host: &h a\ndomain: [*h]' }, { host: 'a', domain: ['a'] }],
    ['an empty file', { file: '' }, { port: 3000 }],
  ]
  for (const [title, given, expected] of cases) {
    const { values, mistakes } = load(given)
    t.strictSame(mistakes, [], `${title}: no mistake`)
    t.match(values, expected, title)
    for (const key in expected)
      if (expected[key] === undefined) t.equal(values[key as 'token'], undefined, title)
  }
  t.end()
})

t.test('a mistake names option, value, place and what is taken', (t) => {
  const cases: [Parameters<typeof load>[0], ...string[]][] = [
    [
      { argv: '--ping-interval abc' },
      '--ping-interval: "abc" (flag) is not a duration; it takes 500ms, 30s, 5m, 1h or milliseconds, 100ms or more',
    ],
    [
      { argv: '--ping-interval 99' },
      '--ping-interval: "99" (flag) is less than 100ms; it takes 500ms, 30s, 5m, 1h or milliseconds, 100ms or more',
    ],
    [
      { argv: '--ping-interval 0' },
      '--ping-interval: "0" (flag) is less than 100ms; it takes 500ms, 30s, 5m, 1h or milliseconds, 100ms or more',
    ],
    [
      { argv: '--idle-timeout 1.5s' },
      '--idle-timeout: "1.5s" (flag) is not a duration; it takes 500ms, 30s, 5m, 1h or milliseconds, 100ms or more, or 0 for off',
    ],
    [
      { argv: '--idle-timeout 597h' },
      '--idle-timeout: "597h" (flag) is more than 596h; it takes 500ms, 30s, 5m, 1h or milliseconds, 100ms or more, or 0 for off',
    ],
    [
      { env: { GW_MAX_BODY: '3zb' } },
      '--max-body: "3zb" (env GW_MAX_BODY) is not a size; it takes 64kb, 10mb or bytes, or 0 for off',
    ],
    [
      { file: 'listen:\n  port: 70000' },
      '--port: "70000" (gw.yaml:2:9) is more than 65535; it takes a port from 0 to 65535',
    ],
    [{ argv: '--port 3e3' }, '--port: "3e3" (flag) is not a whole number; it takes a port from 0 to 65535'],
    [{ argv: '--port -1' }, '--port: "-1" (flag) is less than 0; it takes a port from 0 to 65535'],
    [{ argv: '--links 9' }, '--links: "9" (flag) is more than 8; it takes a whole number from 1 to 8'],
    [{ argv: '--engine bun' }, '--engine: "bun" (flag) is not known; it takes uws or node'],
    [{ argv: '--host' }, '--host: "" (flag) is empty; it takes an address'],
    [{ argv: '--port 1 --port 2' }, '--port: "1" and "2" (flag) are 2 values; it takes one'],
    [
      { argv: '--insecure=maybe' },
      '--insecure: "maybe" (flag) is neither true nor false; it takes true or false',
    ],
    [{ argv: '--no-port' }, '--no-port: --port takes a value, it cannot be negated'],
    [{ argv: '--label a' }, '--label: "a" (flag) is not key=value; it takes key=value'],
    [
      { argv: '--label a=1,a=2' },
      '--label: "a=2" (flag) names a key that stands there already; it takes key=value',
    ],
    [
      { argv: '--token hunter2' },
      '--token: *** (flag) is not a whole number; it takes a whole number, 0 or more',
    ],
    [{ argv: '--prot 1' }, '--prot is not an option; did you mean --port?'],
    [{ argv: '--pingInterval 1s' }, '--pingInterval is not an option; did you mean --ping-interval?'],
    [{ argv: '--constructor -x' }, '--constructor is not an option', '-x is not an option'],
    [{ file: 'prot: 1' }, 'gw.yaml:1:1: "prot" is not an option; did you mean port?'],
    [{ file: 'listen:\n  nonsense: 1' }, 'gw.yaml:2:3: "nonsense" is not an option'],
    [{ file: 'config: x' }, 'gw.yaml:1:1: config is a flag and a variable only, it cannot stand in the file'],
    [{ file: 'port: 1\nlisten: { port: 2 }' }, 'gw.yaml:2:11: port stands already at gw.yaml:1:7'],
    [
      { file: 'ping-interval: 1s\nping_interval: 2s' },
      'gw.yaml:2:1: ping-interval stands already at gw.yaml:1:16',
    ],
    [{ file: 'port:' }, '--port: nothing (gw.yaml:1:6) stands there; it takes a port from 0 to 65535'],
    [{ file: 'port: [1]' }, '--port: a list (gw.yaml:1:7) stands there; it takes a port from 0 to 65535'],
    [{ file: 'label: { a: [1] }' }, 'gw.yaml:1:13: label.a holds a list; it takes text'],
    [{ file: 'limits: 3' }, 'gw.yaml:1:9: one value stands here; limits takes a mapping'],
    [{ file: '- port' }, 'gw.yaml:1:1: a list stands here; the file takes a mapping'],
    [{ file: 'tunnels: 3' }, 'gw.yaml:1:10: tunnels holds one value; it takes a list'],
    [{ file: 'tunnels: [{ name: "" }]' }, '--name: "" (gw.yaml:1:19) is empty; it takes text'],
    [
      { argv: '--port 1', file: 'port: x' },
      '--port: "x" (gw.yaml:1:7) is not a whole number; it takes a port from 0 to 65535',
    ],
    [
      { file: 'domain: [a, "", "\\t"]' },
      '--domain: "" (gw.yaml:1:13) is empty; it takes text',
      '--domain: "" (gw.yaml:1:17) is empty; it takes text',
    ],
  ]
  for (const [given, ...expected] of cases) t.strictSame(load(given).mistakes, expected, expected[0] ?? '')
  t.end()
})

t.test('all mistakes are told together', (t) => {
  const { mistakes } = load({
    argv: '--prot 1 --links x',
    env: { GW_PORT: 'y' },
    file: 'nope: 1\nmax-body: z',
  })
  t.equal(mistakes.length, 5)
  t.end()
})

t.test('values are frozen, and each knows where it came from', (t) => {
  const { values, provenance, items } = load({
    argv: '--port 1 --token 7',
    env: { GW_HOST: 'h' },
    file: 'domain:\n  - a\n  - b\ntunnels:\n  - name: x\n  - {}',
  })
  t.ok([values, provenance, items, values.domain, values.label, items[0]?.values].every(Object.isFrozen))
  t.strictSame(formatOrigin(provenance.port!.origin), 'flag')
  t.strictSame(formatOrigin(provenance.host!.origin), 'env GW_HOST')
  t.strictSame(formatOrigin(provenance.domain!.origin), 'gw.yaml:2:5')
  t.strictSame(formatOrigin(provenance.logLevel!.origin), 'default')
  t.equal(provenance.engine, undefined)
  t.equal(provenance.domain?.text, 'a,b')
  t.equal(provenance.token?.text, '***')
  t.strictSame(
    items.map((item) => item.values),
    [{ name: 'x' }, {}],
  )
  t.end()
})

t.test('types follow from the records', (t) => {
  const { values } = load({})
  const port: number = values.port
  const engine: 'uws' | 'node' | undefined = values.engine
  const domain: readonly string[] = values.domain
  // @ts-expect-error: without a default it may be undefined
  const wrong: string = values.engine
  t.ok([port, engine, domain, wrong])
  t.end()
})

t.test('files that are no configuration are refused with their place', (t) => {
  const nested = `${'a: { '.repeat(20)}${'}'.repeat(20)}`
  const bomb = [
    'a: &a [1,1,1,1,1,1,1,1,1,1]',
    ...'bcdefg'.split('').map((name, i) => `${name}: &${name} [${`*${'abcdef'[i]},`.repeat(10)}]`),
  ]
  const cases: [string, RegExp][] = [
    ['a: [1\nb: }', /^gw\.yaml:2:\d+: /],
    ['port: 1\nport: 2', /^gw\.yaml:2:1: Map keys must be unique/],
    ['port: 1\n---\nport: 2', /^gw\.yaml:2:1: a second document begins here/],
    ['port: *nope', /^gw\.yaml:1:7: /],
    ['? [a]\n: 1', /^gw\.yaml:1:3: a key must be a word/],
    ['a: &a [*a]', /deeper than 16/],
    [nested, /deeper than 16/],
    [bomb.join('\n'), /more than 20000 values/],
  ]
  for (const [file, expected] of cases) {
    try {
      parseConfig(file, 'gw.yaml')
      t.fail(`taken: ${file}`)
    } catch (error) {
      t.ok(error instanceof ConfigFileError, file)
      t.match(String((error as Error).message), expected, file)
    }
  }
  t.end()
})

t.test('durations and sizes are read back from what they are written as', (t) => {
  const whole = fc.integer({ min: 0, max: LONGEST_TIMER_MS })
  fc.assert(fc.property(whole, (ms) => parseDuration(formatDuration(ms)) === ms))
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseSize(formatSize(bytes)) === bytes))
  fc.assert(fc.property(whole, (n) => parseDuration(String(n)) === n && parseSize(String(n)) === n))
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (junk) => {
      const [ms, bytes] = [parseDuration(junk), parseSize(junk)]
      return [ms, bytes].every((value) => value === undefined || Number.isSafeInteger(value))
    }),
  )
  for (const bad of [
    '',
    '-1',
    '1.5s',
    '1 s',
    's',
    '1d',
    '1S',
    '0x1',
    '1e3',
    '99999999999999999',
    '9999999999999999h',
    '١s',
  ]) {
    t.equal(parseDuration(bad), undefined, `duration ${JSON.stringify(bad)}`)
  }
  for (const bad of ['', '-1', '1.5kb', '1 kb', 'kb', '1tb', '1k', '1kib'])
    t.equal(parseSize(bad), undefined, `size ${bad}`)
  t.end()
})

t.test('a word that is nearly right is recognised', (t) => {
  const words = ['port', 'host', 'ping-interval', 'serve']
  const cases: [string, string | undefined][] = [
    ['prot', 'port'],
    ['hots', 'host'],
    ['srve', 'serve'],
    ['ping-intervall', 'ping-interval'],
    ['x', undefined],
    ['nonsense', undefined],
  ]
  for (const [word, expected] of cases) t.equal(nearest(word, words), expected, word)
  t.end()
})

t.test('help fits its terminal and tells every option', (t) => {
  const specs: Specs = gatewayOptions.specs
  for (const columns of [60, 80, 200]) {
    const help = renderHelp(
      { usage: 'gw', summary: 's', examples: [['gw', 'x']], commands: [], specs },
      columns,
    )
    const longest = Math.max(...help.split('\n').map((line) => line.length))
    t.ok(longest <= Math.min(columns, 100), `${columns} columns, longest line ${longest}`)
    t.ok(help.indexOf('Examples') < help.indexOf('--port PORT'), 'examples come first')
    for (const key in specs) t.match(help, specs[key]!.help.split(' ')[0]!)
  }
  t.end()
})

t.test('the table for the README has a row an option', (t) => {
  const rows = renderTable(options.specs).trimEnd().split('\n')
  t.equal(rows.length, Object.keys(options.specs).length + 2)
  t.equal(rows[3], '| `--port PORT` | `GW_PORT` | `3000` | port |')
  t.equal(rows[9], '| `--engine uws\\|node` | `GW_ENGINE` | what loads | engine |')
  t.match(rows[12], '`GW_OTHER_TOKEN`, `GW_TOKEN`')
  t.end()
})

t.test("the gateway's defaults are good values", (t) => {
  t.match(defaultsOf(gatewayOptions), {
    host: '127.0.0.1',
    port: 3000,
    wsPath: '/ws',
    dataDir: '.gw',
    policy: 'least-inflight',
    pingInterval: 15_000,
    pingTimeout: 10_000,
    responseTimeout: 60_000,
    idleTimeout: 300_000,
    minUploadRate: 100,
    maxTimeout: 3_600_000,
    hold: 0,
    holdLimit: 60_000,
    holdMax: 4000,
    queueTimeout: 30_000,
    maxBody: 0,
    maxMessage: 16_777_216,
    drainTimeout: 30_000,
    engine: 'auto',
    accessLog: 'on',
    logLevel: 'info',
    maxStreams: 1000,
    helloTimeout: 5000,
    maxResets: 200,
    maxHead: 16_384,
    maxConnections: 15_000,
  })
  t.end()
})

t.test("addresses of the gateway's neighbourhood", (t) => {
  const { specs } = gatewayOptions
  const cases: [keyof typeof specs, string, unknown][] = [
    ['domain', 'GW.Example.com.', ['gw.example.com']],
    ['domain', 'localhost', ['localhost']],
    ['domain', '10.0.0.1', undefined],
    ['domain', '*.example.com', undefined],
    ['domain', 'a..b', undefined],
    ['publicUrl', 'https://gw.example.com/', 'https://gw.example.com'],
    ['publicUrl', 'https://gw.example.com/base/', 'https://gw.example.com/base'],
    ['publicUrl', 'ftp://gw.example.com', undefined],
    ['publicUrl', 'https://a:b@gw.example.com', undefined],
    ['publicUrl', 'https://gw.example.com?x', undefined],
    ['trustedProxies', '10.0.0.0/8', ['10.0.0.0/8']],
    ['trustedProxies', '::1', ['::1/128']],
    ['trustedProxies', '127.0.0.1', ['127.0.0.1/32']],
    ['trustedProxies', '10.0.0.0/33', undefined],
    ['trustedProxies', '10.0.0.0/8/8', undefined],
    ['trustedProxies', '10.0.0.0/', undefined],
    ['trustedProxies', 'fe80::1%eth0', undefined],
    ['wsPath', '/a/b', '/a/b'],
    ['wsPath', 'ws', undefined],
    ['wsPath', '/ws?x', undefined],
    ['pingInterval', '2h', undefined],
    ['maxHead', '1mb', undefined],
  ]
  for (const [key, given, expected] of cases) {
    let refused = 0
    const value = specs[key].type.parse([given], () => (refused += 1))
    t.equal(refused, expected === undefined ? 1 : 0, `${key} ${given}`)
    if (expected !== undefined) t.strictSame(value, expected, `${key} ${given}`)
  }
  t.end()
})
