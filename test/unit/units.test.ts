/** Under a supervisor: systemd's units, the container and the composition. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { agentService } from '../../agent/service.js'
import { gatewayService } from '../../gateway/ops/service.js'
import { gatewayOptions } from '../../gateway/options.js'
import { interpretCommandLine, type Program } from '../../shared/program.js'
import { folder, installed } from '../helpers/processes.js'

/** What a command of a service prints. */
async function printed(
  t: Test,
  name: string,
  commands: typeof gatewayService,
  argv: string[],
  env: Record<string, string> = {},
): Promise<string> {
  const program = { name, version: '1', summary: '', commands: [...commands] as never } as Program
  const outcome = await interpretCommandLine(program, { argv, env, directory: '/', columns: 80 })
  if (outcome.kind === 'print') return outcome.text
  const chunks: string[] = []
  const capture = t.intercept(process.stdout, 'write', {
    value: (chunk: string) => chunks.push(chunk) > 0,
    writable: true,
  })
  const before = { ...process.env }
  Object.assign(process.env, env)
  try {
    await outcome.run()
  } finally {
    capture.restore()
    for (const key of Object.keys(env)) delete process.env[key]
    Object.assign(process.env, before)
  }
  return chunks.join('')
}

t.test('units', async (t) => {
  const gateway = (...argv: string[]) =>
    printed(t, 'gw-gateway', gatewayService, ['service', 'install', '--print', ...argv])
  const agent = (...argv: string[]) =>
    printed(t, 'gw-agent', agentService, ['service', 'install', '--print', ...argv])
  const unit = await gateway('--system', '--port', '80', '--public-url', 'https://x/$a%b')
  t.match(unit, /^ExecStart=\S+ \S+ serve --port=80 "--public-url=https:\/\/x\/\$\$a%%b"$/m)
  t.match(unit, /^EnvironmentFile=-\/etc\/gw-gateway\/environment$/m)
  t.match(unit, /^DynamicUser=yes$/m)
  const its = await agent('--system', '8080', '--static', 'site', '--gateway', 'https://gw.example.com')
  t.match(its, /^ExecStart=\S+ \S+ --forward=8080 --static=\/.*\/site --gateway=https:\/\/gw\.example\.com$/m)
  t.match(its, /^EnvironmentFile=-\/etc\/gw-agent\/environment$/m)
  t.match(its, /^CapabilityBoundingSet=$/m)
  t.notMatch(its, /gw-gateway|GW_TOKEN/, 'nothing of the gateway')
  t.notMatch(await gateway('--user'), /DynamicUser|CapabilityBoundingSet/)
  await t.rejects(agent('--token', 'x'), /--token: everybody may read a unit/)
  await t.rejects(agent('--user', '--system'), /--user and --system exclude each other/)
})

t.test('systemd takes the units', installed('systemd-analyze'), async (t) => {
  const root = folder(t)
  for (const [name, commands] of [
    ['gw-gateway', gatewayService],
    ['gw-agent', agentService],
  ] as const) {
    for (const manager of ['--system', '--user']) {
      const file = join(root, `${name}.service`)
      writeFileSync(file, await printed(t, name, commands, ['service', 'install', '--print', manager]))
      const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', manager, file], {
        encoding: 'utf8',
        env: { ...process.env, XDG_RUNTIME_DIR: root },
      })
      t.equal(`${stdout}${stderr}`, '', `${name} ${manager}`)
      t.equal(status, 0, `${name} ${manager}`)
    }
  }
})

t.test('a service is written, kept from foreign hands, and removed', async (t) => {
  const config = join(folder(t), 'config')
  const env = { XDG_CONFIG_HOME: config, PATH: '' }
  const run = (...argv: string[]) => printed(t, 'gw-agent', agentService, ['service', ...argv, '--user'], env)
  const unit = join(config, 'systemd/user/gw-agent.service')
  const secrets = join(config, 'gw-agent/environment')
  t.match(
    await run('install'),
    /next: systemctl --user daemon-reload && systemctl --user enable --now gw-agent/,
  )
  t.match(readFileSync(unit, 'utf8'), /^\[Service\]$/m)
  t.equal(statSync(secrets).mode & 0o777, 0o600)
  t.equal(statSync(join(config, 'gw-agent')).mode & 0o777, 0o700)
  writeFileSync(secrets, 'GW_AGENT_TOKEN=gwt_x')
  await run('install')
  t.equal(readFileSync(secrets, 'utf8'), 'GW_AGENT_TOKEN=gwt_x', 'a second installation keeps the secret')
  t.match(await run('uninstall'), /removed: .*gw-agent\.service/)
  t.notOk(existsSync(unit))
  t.ok(existsSync(secrets))
  t.match(await run('uninstall'), /not installed/)
  mkdirSync(join(config, 'systemd/user'), { recursive: true })
  writeFileSync(unit, '[Service]\n')
  await t.rejects(run('install'), /was not written by this command/)
  await t.rejects(run('uninstall'), /was not written by this command/)
})

const file = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')

t.test('the container', async (t) => {
  const instructions = file('Dockerfile')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const all = (word: string) => instructions.filter((line) => line.startsWith(`${word} `))
  for (const from of all('FROM')) t.match(from, /^FROM (node:22-bookworm-slim|base) AS \w+$/)
  t.match(all('FROM').at(-1), / AS gateway$/, 'what is built where no target is named')
  t.same(all('USER'), ['USER node'])
  t.same(all('STOPSIGNAL'), ['STOPSIGNAL SIGTERM'])
  t.same(all('VOLUME'), ['VOLUME /data'])
  t.equal(all('HEALTHCHECK').length, 1)
  for (const entry of all('ENTRYPOINT')) t.match(entry, /^ENTRYPOINT \["gw-(gateway|agent)"\]$/, 'no shell')
  t.notMatch(instructions.join('\n'), /ALLOW_UNAUTHENTICATED|TOKEN|^ADD |:latest/m)
  const copied = all('COPY').filter((line) => !line.includes('--from'))
  for (const line of copied) {
    for (const source of line.split(' ').slice(1, -1))
      t.ok(existsSync(new URL(`../../../${source}`, import.meta.url)), source)
  }
  const ignored = file('.dockerignore').split('\n')
  t.equal(ignored[0], '*', 'nothing comes in that is not named')
  for (const name of ['**/node_modules', '**/dist', '**/.gw']) t.ok(ignored.includes(name), name)
})

t.test('the composition', async (t) => {
  const { services, secrets, volumes } = parse(file('compose.yaml'))
  t.same(Object.keys(services), ['gateway', 'agent'])
  for (const [name, service] of Object.entries<Record<string, never>>(services)) {
    t.match(service, { restart: 'unless-stopped', read_only: true, cap_drop: ['ALL'], init: true }, name)
    t.match(service, { build: { context: '.', target: name }, stop_grace_period: '45s' })
    for (const variable of Object.keys(service.environment!)) {
      const key = variable
        .slice(3)
        .toLowerCase()
        .replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
      const { specs } =
        name === 'gateway' ? gatewayOptions : (await import('../../agent/options.js')).agentOptions
      t.ok(key in specs, `${variable} is an option`)
    }
  }
  t.same(services.gateway.secrets, ['root-token'])
  t.same(services.agent.secrets, ['agent-token'], 'not the root secret')
  t.same(Object.keys(secrets), ['root-token', 'agent-token'])
  t.same(Object.keys(volumes), ['gateway-data', 'agent-data'])
  t.equal(services.gateway.environment.GW_AUTH, 'token')
  t.match(services.gateway.ports, [/^127\.0\.0\.1:/])
  t.ok(file('.gitignore').split('\n').includes('secrets/'))
})
