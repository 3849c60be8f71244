import t from 'tap'
import { parseCommandLine } from '../../shared/cli.js'
import { parseConfig } from '../../shared/config-file.js'
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
import { defineOptions, formatSource, loadOptions } from '../../shared/options.js'

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
    password: { type: text(), secret: true, flag: false, file: false, group: 'auth', help: 'secret' },
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
    ['one that has a variable only', { env: { GW_PASSWORD: 'x' } }, { password: 'x' }],
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
    [
      { file: 'listen:\n  nonsense: 1' },
      'gw.yaml:2:3: "nonsense" is not an option; this section takes host, port, domain, engine, label',
    ],
    [{ argv: '--password x' }, '--password is not an option'],
    [
      { env: { GW_PASSWORD: '\t' } },
      'GW_PASSWORD: *** (env GW_PASSWORD) holds a control character; it takes text',
    ],
    [{ file: 'password: x' }, 'gw.yaml:1:1: password is a variable only, it cannot stand in the file'],
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
  t.strictSame(formatSource(provenance.port!.source), 'flag')
  t.strictSame(formatSource(provenance.host!.source), 'env GW_HOST')
  t.strictSame(formatSource(provenance.domain!.source), 'gw.yaml:2:5')
  t.strictSame(formatSource(provenance.logLevel!.source), 'default')
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
