/** The parts of running it: locks, live options, sources that are read again. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { renderDifferences, renderSettings, settingsOf } from '../../gateway/ops/in-force.js'
import { LiveOptions } from '../../gateway/ops/live.js'
import { followAccess } from '../../gateway/ops/live-access.js'
import { clearStaleLock, type LockEntry, readLock, takeLock } from '../../gateway/ops/lock.js'
import { Reloader } from '../../gateway/ops/reload.js'
import { gatewayOptions, gatewaySources } from '../../gateway/options.js'
import { defineCommand, type Started } from '../../shared/command.js'
import { parseConfig } from '../../shared/config-file.js'
import { createLogger } from '../../shared/log.js'
import type { Specs } from '../../shared/option-spec.js'
import { path, port, text } from '../../shared/option-types.js'
import { defaultsOf, defineOptions, loadOptions, UsageError } from '../../shared/options.js'
import { lives, markOf } from '../../shared/process-mark.js'
import { interpretCommandLine, type Program } from '../../shared/program.js'
import { distrust } from '../../shared/trusted-file.js'
import { folder } from '../helpers/processes.js'

const HOW = { args: ['--port=0'], directory: '/', logfile: '/dev/null' }

t.test('a process is told from another with its pid', async (t) => {
  const own = markOf(process.pid)!
  t.ok(lives(own))
  t.notOk(lives({ ...own, began: `${own.began}0` }), 'another that had this pid before')
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  t.equal(markOf(pid), undefined, 'one that has ended')
})

t.test('a lock is held by one that lives', async (t) => {
  const dataDir = join(folder(t), 'data')
  const take = () => takeLock(dataDir, HOW)
  const files = () => readdirSync(dataDir).sort()
  t.equal(take(), undefined)
  t.match(readLock(dataDir), { pid: process.pid, ...HOW })
  t.equal(readFileSync(join(dataDir, 'gateway.pid'), 'utf8'), `${process.pid}\n`)
  t.equal(statSync(join(dataDir, 'gateway.lock')).mode & 0o777, 0o600)
  t.equal(take()?.pid, process.pid, 'held')
  clearStaleLock(dataDir)
  t.equal(take()?.pid, process.pid, 'what lives is not cleared away')
  t.same(files(), ['gateway.lock', 'gateway.pid'])

  const lock = join(dataDir, 'gateway.lock')
  const entry = readLock(dataDir)!
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  const stale: [string, string][] = [
    ['of a dead one', JSON.stringify({ ...entry, pid: gone })],
    ['of a pid that another has now', JSON.stringify({ ...entry, pid: process.ppid, began: 'before' })],
    ['of this pid in another boot', JSON.stringify({ ...entry, began: 'before' } satisfies LockEntry)],
    ['cut short', '{"pid":'],
    ['empty', ''],
    ['of something else', '{"pid":"1"}'],
    ['with a pid that is none', JSON.stringify({ ...entry, pid: -1 })],
  ]
  for (const [title, content] of stale) {
    writeFileSync(lock, content)
    writeFileSync(join(dataDir, 'gateway.pid'), String(process.ppid))
    t.equal(take(), undefined, title)
    t.equal(readLock(dataDir)?.pid, process.pid, title)
    t.equal(readFileSync(join(dataDir, 'gateway.pid'), 'utf8'), `${process.pid}\n`, title)
    writeFileSync(lock, content)
    writeFileSync(`${lock}.${gone}`, '')
    writeFileSync(`${lock}.turn`, content)
    clearStaleLock(dataDir)
    t.same(files(), [], title)
  }
  clearStaleLock(join(dataDir, 'none'))
})

t.test('of many that want a stale lock at once one gets it', async (t) => {
  const dataDir = folder(t)
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  writeFileSync(join(dataDir, 'gateway.lock'), JSON.stringify({ ...HOW, pid: gone, began: 'x' }))
  const lock = new URL('../../gateway/ops/lock.js', import.meta.url).href
  const code = `
    const { takeLock } = await import(${JSON.stringify(lock)})
    process.stdin.resume()
    console.log(takeLock(${JSON.stringify(dataDir)}, ${JSON.stringify(HOW)}) === undefined ? 'mine' : 'held')
  `
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  t.teardown(() => children.forEach((child) => void child.kill('SIGKILL')))
  const said = await Promise.all(
    children.map(async (child) => String((await once(child.stdout, 'data'))[0]).trim()),
  )
  t.same(said.sort(), ['held', 'held', 'held', 'held', 'held', 'mine'])
  for (const child of children) child.stdin.end()
  await Promise.all(children.map((child) => once(child, 'exit')))
  t.same(readdirSync(dataDir), [], 'released at the end of the process')
})

t.test('a file that others may change is not taken from its default place', async (t) => {
  const root = folder(t)
  chmodSync(root, 0o755)
  const file = join(root, 'gateway.yaml')
  t.equal(distrust(file), undefined, 'none is there')
  writeFileSync(file, 'port: 1')
  chmodSync(file, 0o644)
  t.equal(distrust(file), undefined)
  chmodSync(file, 0o664)
  t.match(
    distrust(file),
    /gateway\.yaml: not used, because others may write to .*gateway\.yaml \(mode 0664\)/,
  )
  chmodSync(file, 0o646)
  t.match(distrust(file), /mode 0646/)
  chmodSync(file, 0o600)
  chmodSync(root, 0o1777)
  t.match(distrust(file), /gateway\.yaml: not used, because others may write to .* \(mode 1777\)/)

  const program = (started: (found: Started<unknown>) => void): Program => ({
    name: 'gw-gateway',
    version: '1',
    summary: '',
    commands: [
      defineCommand({
        name: 'serve',
        summary: '',
        options: defineOptions({
          port: { type: port(), default: '3', group: 'listen', help: '' },
          config: { type: path(), group: 'files', file: false, help: '' },
        }),
        ...gatewaySources,
        examples: [],
        resolve: ({ values }) => values.port,
        run: async (_, found) => {
          started(found)
          return 0
        },
      }),
    ],
  })
  const run = async (argv: string[]) => {
    let found: Started<unknown> | undefined
    const around = { argv, env: {}, directory: root, columns: 80 }
    const outcome = await interpretCommandLine(
      program((one) => (found = one)),
      around,
    )
    if (outcome.kind === 'run') await outcome.run()
    return found!
  }
  await t.rejects(run([]), /gateway\.yaml: not used/)
  t.equal((await run(['--config', 'gateway.yaml'])).again(), 1, 'unless it is named')
  chmodSync(root, 0o700)
  const found = await run([])
  t.equal(found.again(), 1)
  writeFileSync(file, 'port: 2')
  t.equal(found.again(), 2, 'the sources are read anew')
  writeFileSync(file, 'port: x\nnope: 1')
  try {
    found.again()
    t.fail('a bad file is taken')
  } catch (error) {
    t.ok(error instanceof UsageError)
    t.equal((error as UsageError).mistakes.length, 2)
  }
})

t.test('a smaller command takes its own options out of the file', async (t) => {
  const options = defineOptions({
    dataDir: { type: path('DIR'), default: '.gw', group: 'files', help: '' },
    json: { type: text(), group: 'output', file: false, help: '' },
    config: { type: path(), group: 'files', file: false, help: '' },
  })
  const root = folder(t)
  const seen = async (yaml: string, ...argv: string[]) => {
    writeFileSync(join(root, 'gateway.yaml'), yaml)
    let dataDir = ''
    const command = defineCommand({
      name: 'stop',
      summary: '',
      options,
      ...gatewaySources,
      partly: true,
      examples: [],
      resolve: ({ values }) => values,
      run: async (values) => {
        dataDir = values.dataDir
        return 0
      },
    })
    const program: Program = { name: 'p', version: '', summary: '', commands: [command] }
    const outcome = await interpretCommandLine(program, { argv, env: {}, directory: root, columns: 80 })
    if (outcome.kind === 'run') await outcome.run()
    return dataDir
  }
  t.equal(await seen('port: nonsense\nnope: [1]\njson: x\ndata_dir: a'), 'a')
  t.equal(await seen('files: { data-dir: b, nope: 1 }\nlisten: 3'), 'b')
  t.equal(await seen('- 1'), '.gw')
  t.equal(await seen('port: [', '--data-dir', 'c'), 'c', 'a broken one, where it is not needed')
  await t.rejects(seen('port: ['), /gateway\.yaml:1:/)
  await t.rejects(seen('data-dir: [1, 2]'), /it takes a directory/)
})

t.test('a mistake in a section says what the section takes', async (t) => {
  const mistakes: string[] = []
  const file = parseConfig('log:\n  zzzzzzz: 1\n  levle: info\n', 'gw.yaml')
  loadOptions(gatewayOptions, { flags: new Map(), env: {}, file }, (mistake) => void mistakes.push(mistake))
  t.match(mistakes, [
    /^gw\.yaml:2:3: "zzzzzzz" is not an option; this section takes .*access-log.*log-level/,
    /^gw\.yaml:3:3: "levle" is not an option/,
  ])
})

function live() {
  const options = defaultsOf(gatewayOptions)
  return { options, live: new LiveOptions(options) }
}

t.test('new options reach the parts that hold them', async (t) => {
  const { options, live: one } = live()
  const settings = one.settings(({ hold, port, maxBody }) => ({ hold, port, half: maxBody / 2 }))
  t.same(await one.take({ ...options, hold: 7, port: 1, maxBody: 8 }), {
    changed: ['hold', 'max-body'],
    restart: ['port'],
  })
  t.same(settings, { hold: 7, port: 3000, half: 4 })
  t.match(one.current, { hold: 7, port: 3000, maxBody: 8 })
  t.same(await one.take({ ...options, hold: 7, port: 1, maxBody: 8 }), { changed: [], restart: ['port'] })
  t.same(await one.take({ ...options, domain: [] }), { changed: ['hold', 'max-body'], restart: [] })
})

t.test('a part that refuses keeps everything as it was', async (t) => {
  const { options, live: one } = live()
  const settings = one.settings(({ hold }) => ({ hold }))
  let fault: Error | undefined = new Error('hooks.yaml:1:1: no')
  one.follow(async ({ hold }) => {
    await new Promise((resolve) => setImmediate(resolve))
    if (fault !== undefined) throw fault
    return hold === 0 ? undefined : { changed: ['hooks'], apply() {} }
  })
  const refused = one.take({ ...options, hold: 5 })
  const after = one.take({ ...options, hold: 6 })
  await t.rejects(refused, fault)
  await t.rejects(after, fault)
  t.equal(settings.hold, 0)
  t.equal(one.current.hold, 0)
  fault = undefined
  const both = await Promise.all([one.take({ ...options, hold: 5 }), one.take({ ...options, hold: 6 })])
  t.same(both, [
    { changed: ['hold', 'hooks'], restart: [] },
    { changed: ['hold', 'hooks'], restart: [] },
  ])
  t.equal(settings.hold, 6, 'one after the other')
})

t.test('secrets follow their files', async (t) => {
  const root = folder(t)
  const tokenFile = join(root, 'token')
  writeFileSync(tokenFile, 'the first secret of all')
  const options = { ...defaultsOf(gatewayOptions), auth: ['token'] as const, tokenFile }
  const one = new LiveOptions(options)
  const renewed: unknown[] = []
  const secrets = { root: 'the first secret of all', password: undefined }
  followAccess(one, secrets, { renew: (settings) => void renewed.push(settings.root) })
  t.same(await one.take(options), { changed: [], restart: [] })
  writeFileSync(tokenFile, 'another secret of all')
  t.same(await one.take(options), { changed: ['root secret'], restart: [] })
  t.same(await one.take(options), { changed: [], restart: [] }, 'once')
  writeFileSync(tokenFile, '')
  await t.rejects(one.take({ ...options, hold: 9 }), /--token-file: .* holds nothing/)
  t.equal(one.current.hold, 0)
  t.same(renewed, ['another secret of all'])
})

t.test('what a running gateway has, and where from', async (t) => {
  const load = (yaml: string, env: Record<string, string> = {}) => {
    const wrong: string[] = []
    const file = parseConfig(yaml, 'gw.yaml')
    const loaded = loadOptions(gatewayOptions, { flags: new Map([['port', ['1']]]), env, file }, (mistake) =>
      wrong.push(mistake),
    )
    if (wrong.length > 0) throw new UsageError(wrong)
    return loaded
  }
  const secret = { GW_TOKEN: 'do-not-show' }
  let next = () => load('hold: 1s\npolicy: first', secret)
  const loaded = next()
  const lines: string[] = []
  const log = createLogger({ write: (chunk) => void lines.push(chunk) })
  const one = new LiveOptions(loaded.values)
  const gateway = { reload: (options: typeof loaded.values) => one.take(options) }
  const reloader = new Reloader({ gateway, loaded, again: () => next(), log })
  const setting = (name: string) => reloader.settings.find((each) => each.name === name)
  t.same(setting('hold'), { name: 'hold', value: '1s', from: 'gw.yaml:1:7', live: true })
  t.same(setting('port'), { name: 'port', value: '1', from: 'flag', live: false })
  t.match(setting('token'), { value: '***', from: 'env GW_TOKEN' })
  t.match(setting('public-url'), { value: null, from: 'default' })
  next = () => load('policy: random\nws-path: /x\nhold: 2s', secret)
  t.same(await reloader.reload(), { changed: ['policy', 'hold'], restart: ['ws-path'] })
  t.match(setting('hold'), { value: '2s', from: 'gw.yaml:3:7' })
  t.match(setting('ws-path'), { value: '/ws', from: 'default' })
  next = () => load('policy: x\nnope: 1')
  await t.rejects(reloader.reload(), {
    code: 'bad_configuration',
    message: /gw\.yaml:2:1.*\n.*--policy: "x" \(gw/,
  })
  t.match(setting('policy'), { value: 'random' })
  log.flush()
  t.match(lines.join(''), /"changed":\["policy","hold"\],"needs_restart":\["ws-path"\]/)

  const now = settingsOf(load('ws-path: /x\nhold: 2s\npolicy: first', secret))
  const text = renderSettings(now)
  t.match(text, /^port +1 +flag$/m)
  t.match(text, /^hold +2s +gw\.yaml:2:7$/m)
  t.match(text, /^token +\*\*\* +env GW_TOKEN$/m)
  t.match(text, /^public-url +\(from host and port\) +default$/m)
  t.notMatch(text, 'do-not-show')
  t.equal(
    renderDifferences(now, reloader.settings, 'it'),
    [
      '# ws-path: it has /ws (default); needs a restart\n',
      '# policy: it has random (gw.yaml:1:9); gw-gateway reload takes the new one up\n',
    ].join(''),
  )
})

t.test('which options a running gateway takes up', async (t) => {
  const specs: Specs = gatewayOptions.specs
  for (const key of [
    'logLevel',
    'policy',
    'hold',
    'idleTimeout',
    'pingInterval',
    'maxBody',
    'maxStreams',
    'rateLimit',
  ])
    t.ok(specs[key]?.live, key)
  for (const key of ['host', 'port', 'engine', 'dataDir', 'wsPath', 'domain', 'publicUrl'])
    t.notOk(specs[key]?.live, key)
})
