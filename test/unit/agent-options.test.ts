import t from 'tap'
import { type AgentConfig, resolveAgent } from '../../agent/config.js'
import { agentOptions } from '../../agent/options.js'
import { parseCommandLine } from '../../shared/cli.js'
import { parseConfig } from '../../shared/config-file.js'
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
    ['a public tunnel', { argv: '--public' }, [{ public: { basicAuth: undefined, allowIp: [] } }]],
    ['none', {}, [{ public: undefined }]],
    [
      'and its guard',
      { argv: '--public --allow-ip 10.0.0.0/8 --allow-ip ::1', env: { GW_BASIC_AUTH: 'a:b,c:d' } },
      [{ public: { basicAuth: 'a:b,c:d', allowIp: ['10.0.0.0/8', '::1/128'] } }],
    ],
    [
      'of some entries',
      {
        file: 'public: true\nbasic-auth: a:b\ntunnels:\n  - { forward: 1, name: x }\n  - { forward: 2, name: y, public: false }\n  - { forward: 3, name: z, basic-auth: c:d }',
      },
      [{ public: { basicAuth: 'a:b' } }, { public: undefined }, { public: { basicAuth: 'c:d' } }],
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

t.test('a name does not change which identity is kept', (t) => {
  t.equal(resolve({ argv: '--name x' }).config?.tunnels[0]?.slot, '')
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
  t.match(resolve({ argv: '--public --basic-auth a:b' }).config?.warnings, [
    /--basic-auth can be read by others/,
  ])
  t.strictSame(resolve({ argv: '--public', env: { GW_BASIC_AUTH: 'a:b' } }).config?.warnings, [])
  t.strictSame(resolve({ env: { GW_TOKEN: 'a' } }).config?.warnings, [])
  t.end()
})

t.test('rules that join options', (t) => {
  const far = '--gateway http://gw.example.com'
  const cases: [Parameters<typeof resolve>[0], ...RegExp[]][] = [
    [{ argv: `--tunnel-id ${A} --tunnel-id ${A}` }, /--tunnel-id: .* is given to several tunnels/],
    [{ argv: `--tunnel-id ${A} --tunnel-id ${B} --name x` }, /--name: "x" is given to several tunnels/],
    [{ argv: '--token a --token-file b' }, /exclude each other/],
    [{ argv: '--forward 7 --static ./x' }, /--forward and --static exclude each other/],
    [{ file: `tunnels: [{ forward: 7, handlers: ./x }]` }, /--forward and --handlers exclude each other/],
    [{ argv: '--client-key k' }, /--client-key needs --client-cert/],
    [{ argv: '--client-cert c' }, /--client-cert needs --client-key/],
    [{ argv: far, env: { GW_TOKEN: 'a' } }, /would carry the token in the clear/],
    [{ argv: `${far} --insecure`, env: { GW_TOKEN: 'a' } }],
    [{ argv: far }],
    [{ argv: '--gateway http://[::1]:3000', env: { GW_TOKEN: 'a' } }],
    [{ argv: '--gateway ws://127.0.0.2:3000', env: { GW_TOKEN: 'a' } }],
    [{ argv: '--gateway ws://127.evil.example', env: { GW_TOKEN: 'a' } }, /in the clear/],
    [{ argv: '--gateway https://gw.example.com', env: { GW_TOKEN: 'a' } }],
    [{ argv: `${far} --public --basic-auth a:b` }, /would carry what --basic-auth asks for in the clear/],
    [{ argv: `${far} --public --basic-auth a:b --insecure` }],
    [{ argv: `${far} --public` }],
    [{ argv: '--basic-auth a:b --allow-ip ::1' }, /--basic-auth needs --public/, /--allow-ip needs --public/],
    [{ file: 'basic-auth: a:b\ntunnels: [{ forward: 1 }, { forward: 2 }]' }, /--basic-auth needs --public/],
    [
      { argv: '--public --basic-auth ab' },
      /--basic-auth: \*\*\* \(flag\) has no colon between user and password/,
    ],
    [{ argv: '--public --allow-ip here' }, /--allow-ip: "here" \(flag\) is not an address or CIDR/],
    [
      { argv: `--public --allow-ip ${Array(129).fill('::1').join()}` },
      /--allow-ip: 129 ranges are given; it takes at most 128/,
    ],
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
