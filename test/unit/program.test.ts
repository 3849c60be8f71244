import t from 'tap'
import { agentCommand } from '../../agent/command.js'
import type { AgentConfig } from '../../agent/config.js'
import { serveCommand } from '../../gateway/command.js'
import type { LoadedGateway } from '../../gateway/options.js'
import type { Started } from '../../shared/command.js'
import { defineCommand } from '../../shared/command.js'
import { defineOptions, UsageError } from '../../shared/options.js'
import { interpretCommandLine, type Program } from '../../shared/program.js'
import { packageVersion } from '../../shared/version.js'
import { directoryFor } from '../helpers/directory.js'

interface Ran<C> {
  config?: C
  started?: Started
}

function gateway() {
  const ran: Ran<LoadedGateway> & { created?: boolean } = {}
  const program: Program = {
    name: 'gw-gateway',
    version: '1.2.3',
    summary: 'The public server.',
    commands: [
      serveCommand(async (config, started) => {
        Object.assign(ran, { config, started })
        return 0
      }),
      defineCommand({
        name: 'token create',
        summary: 'make a token',
        options: defineOptions({}),
        examples: [['gw-gateway token create', 'make one']],
        resolve: () => true,
        run: async (created) => {
          Object.assign(ran, { created })
          return 7
        },
      }),
    ],
  }
  return { program, ran }
}

function agent() {
  const ran: Ran<AgentConfig> = {}
  const command = agentCommand(async (config, started) => {
    Object.assign(ran, { config, started })
    return 3
  })
  const program: Program = { name: 'gw-agent', version: '1.2.3', summary: 'The agent.', commands: [command] }
  return { program, ran }
}

async function start(
  program: Program,
  argv: string,
  env: Record<string, string> = {},
  directory = '/nowhere',
) {
  const outcome = await interpretCommandLine(program, {
    argv: argv === '' ? [] : argv.split(' '),
    env,
    directory,
    columns: 80,
  })
  return outcome.kind === 'run' ? await outcome.run() : outcome.text
}

/** The mistakes for which a command line is refused. */
async function refusal(started: Promise<unknown>): Promise<readonly string[]> {
  try {
    await started
  } catch (error) {
    if (error instanceof UsageError) return error.mistakes
    throw error
  }
  return []
}

t.test('serve is meant where no command is named', async (t) => {
  for (const argv of ['--port 1', 'serve --port 1', '--port 1 serve', '--port=1']) {
    const { program, ran } = gateway()
    t.equal(await start(program, argv), 0, argv)
    t.equal(ran.config?.values.port, 1, argv)
    t.match(ran.started, { version: '1.2.3', configFile: undefined }, argv)
  }
})

t.test('another command is found by its words and takes its own options', async (t) => {
  const { program, ran } = gateway()
  t.equal(await start(program, 'token create'), 7)
  t.equal(ran.created, true)
  t.strictSame(await refusal(start(program, 'token create --port 1')), ['--port is not an option'])
  t.match(await start(program, 'token create --help'), /make a token/)
})

t.test('the bare argument is the upstream', async (t) => {
  const { program, ran } = agent()
  t.equal(await start(program, '8080'), 3)
  t.match(ran.config?.tunnels, [{ forward: { port: 8080 } }])
  t.equal(await start(program, '--weight 2 -- 8081'), 3)
  t.match(ran.config?.tunnels, [{ forward: { port: 8081 }, weight: 2 }])
})

t.test('help, version and completion are printed whatever else stands there', async (t) => {
  const { program } = gateway()
  t.match(await start(program, '--help --prot'), /Usage\n {2}gw-gateway \[serve\] \[options\]/)
  t.match(await start(agent().program, '-h'), /Usage\n {2}gw-agent \[target\] \[options\]/)
  t.match(await start(program, 'token --help'), /Usage\n {2}gw-gateway token COMMAND/)
  const [short, full] = [await start(program, '-h'), await start(program, '--help')].map(String)
  t.match(full, /--port PORT[\s\S]*--max-resets N/)
  t.match(short, /--port PORT[\s\S]*all \d+ options/)
  t.notMatch(short, '--max-resets')
  t.ok(short!.split('\n').length < 70, 'a screen')
  t.equal(await start(program, '--version --port x'), '1.2.3\n')
  t.equal(await start(program, '-v'), '1.2.3\n')
  t.match(await start(program, 'completion'), /_gw-gateway_yargs_completions/)
  t.match(await start(program, '--get-yargs-completions gw-gateway --p'), /^--port/m)
  t.match(await start(program, '--get-yargs-completions gw-gateway --engine u'), /uws/)
})

t.test('what is no command and what is too much is refused', async (t) => {
  const cases: [Program, string, string[]][] = [
    [gateway().program, 'srve', ['"srve" is not a command; did you mean serve?']],
    [gateway().program, 'serve x', ['"x" is not a command']],
    [gateway().program, 'token', ['"token" alone is not a command; there is token create']],
    [gateway().program, 'serve x y', ['"x" is not a command', '"y" is one argument too many']],
    [agent().program, '8080 8081', ['"8081" is one argument too many']],
    [agent().program, '8080 --forward 1', ['--forward: "1" and "8080" (flag) are 2 values; it takes one']],
    [
      agent().program,
      '--port 1 --links 0',
      ['--port is not an option', '--links: "0" (flag) is less than 1; it takes a whole number from 1 to 64'],
    ],
  ]
  for (const [program, argv, mistakes] of cases) {
    t.strictSame(await refusal(start(program, argv)), mistakes, argv)
  }
})

t.test('the config file', async (t) => {
  const directory = directoryFor(t, {
    'gateway.yaml': 'port: 1',
    'other.yaml': 'port: 2',
    'bad.yaml': 'port: x\nnope: 1',
    empty: {},
  })
  const cases: [string, Record<string, string>, string, number, string | undefined][] = [
    ['', {}, directory, 1, 'gateway.yaml'],
    ['', {}, `${directory}/empty`, 3000, undefined],
    ['--config other.yaml', {}, directory, 2, 'other.yaml'],
    ['', { GW_CONFIG: 'other.yaml' }, directory, 2, 'other.yaml'],
    ['', { GW_CONFIG: '' }, directory, 1, 'gateway.yaml'],
    [`--config ${directory}/other.yaml`, { GW_CONFIG: 'bad.yaml' }, '/nowhere', 2, `${directory}/other.yaml`],
  ]
  for (const [argv, env, where, port, file] of cases) {
    const { program, ran } = gateway()
    await start(program, argv, env, where)
    t.equal(ran.config?.values.port, port, `${argv} ${JSON.stringify(env)}`)
    t.equal(ran.started?.configFile, file)
  }
  const { program } = gateway()
  t.match(await refusal(start(program, '--config none.yaml', {}, directory)), [/^none\.yaml: ENOENT/])
  t.strictSame(await refusal(start(program, '--config bad.yaml --links 2', {}, directory)), [
    '--links is not an option',
    'bad.yaml:2:1: "nope" is not an option',
    '--port: "x" (bad.yaml:1:7) is not a whole number; it takes a port from 0 to 65535',
  ])
})

t.test("a hook's variable for a tunnel does not make its command that tunnel", async (t) => {
  const { program, ran } = agent()
  const id = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'
  await start(program, '', { GW_TUNNEL_ID: id })
  t.equal(ran.config?.tunnels[0]?.id?.id, id)
  await start(program, '', { GW_TUNNEL_ID: id, GW_EVENT_TYPE: 'agent:connected' })
  t.equal(ran.config?.tunnels[0]?.id, undefined)
})

t.test('the version is that of the package', (t) => {
  t.match(packageVersion(import.meta.url), /^\d+\.\d+\.\d+$/)
  t.throws(() => packageVersion('file:///nowhere/at/all.js'), /no package\.json/)
  t.end()
})
