import fc from 'fast-check'
import t from 'tap'
import { gatewayOptions } from '../../gateway/options.js'
import { ConfigFileError, parseConfig } from '../../shared/config-file.js'
import { renderHelp, renderTable } from '../../shared/help.js'
import { nearest } from '../../shared/nearest.js'
import { choice, integer, list, port, text } from '../../shared/option-types.js'
import { defaultsOf, defineOptions, type Specs } from '../../shared/options.js'
import {
  formatDuration,
  formatSize,
  LONGEST_TIMER_MS,
  parseDuration,
  parseSize,
} from '../../shared/quantity.js'

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
    '1w',
    '1S',
    '0x1',
    '1e3',
    '99999999999999999',
    '9999999999999999h',
    '١s',
  ]) {
    t.equal(parseDuration(bad), undefined, `duration ${JSON.stringify(bad)}`)
  }
  t.equal(parseDuration('30d'), 30 * 24 * 3_600_000)
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
  const { specs } = defineOptions({
    port: { type: port(), default: '3000', group: 'listen', help: 'port' },
    engine: { type: choice('uws', 'node'), group: 'listen', help: 'engine', otherwise: 'what loads' },
    domain: { type: list(text('DOMAIN')), group: 'listen', help: 'domains' },
    token: { type: integer(), secret: true, env: ['GW_OTHER_TOKEN'], group: 'auth', help: 'secret' },
    password: { type: text(), secret: true, flag: false, group: 'auth', help: 'secret' },
  })
  t.equal(
    renderTable(specs),
    `| option | variable | default | meaning |
| --- | --- | --- | --- |
| \`--port PORT\` | \`GW_PORT\` | \`3000\` | port |
| \`--engine uws\\|node\` | \`GW_ENGINE\` | what loads | engine |
| \`--domain DOMAIN\` | \`GW_DOMAIN\` |  | domains |
| \`--token N\` | \`GW_OTHER_TOKEN\`, \`GW_TOKEN\` |  | secret |
|  | \`GW_PASSWORD\` |  | secret |
`,
  )
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
