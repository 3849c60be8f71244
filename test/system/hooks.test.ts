/** Hooks and tasks as they run: processes, their groups, their input and output; and the files they stand in. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ApiRequest } from '../../gateway/api/request.js'
import { Automation } from '../../gateway/automation/automation.js'
import type { Reply } from '../../gateway/edge/reply.js'
import { EventBus } from '../../gateway/events/bus.js'
import type { GatewayEvent } from '../../gateway/events/event.js'
import { type CommandResult, commandRunner } from '../../gateway/hooks/command.js'
import { HookRunner } from '../../gateway/hooks/hook-runner.js'
import { Hooks } from '../../gateway/hooks/hooks.js'
import { hookRunsApi } from '../../gateway/hooks/hooks-api.js'
import { loadHooks } from '../../gateway/hooks/hooks-file.js'
import { Launcher } from '../../gateway/hooks/launcher.js'
import type { HookRun } from '../../gateway/hooks/run-history.js'
import { systemClock } from '../../gateway/scheduler/clock.js'
import { Scheduler } from '../../gateway/scheduler/scheduler.js'
import { loadTasks } from '../../gateway/scheduler/scheduler-file.js'
import { type TaskRun, TaskStore } from '../../gateway/scheduler/task-store.js'
import type { TaskView } from '../../gateway/scheduler/task-view.js'
import { createLogger } from '../../shared/log.js'
import { UsageError } from '../../shared/options.js'
import { directoryFor } from '../helpers/directory.js'
import { installed, runProgram } from '../helpers/processes.js'

const log = createLogger({ write() {} })
const never = new AbortController().signal
const run = commandRunner()
const ENV = { PATH: process.env.PATH ?? '' }

const command = (line: string | string[], timeoutMs = 20_000, input?: string): Promise<CommandResult> =>
  run(
    { command: line, workingDir: '/', env: ENV, timeoutMs, ...(input === undefined ? {} : { input }) },
    never,
  )

/** False also of one that has ended and that nobody has asked for its exit code. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
  return !/^\d+ \(.*\) Z/.test(stat)
}

/** Whether it has ended; what was killed may take a moment. */
async function gone(pid: number): Promise<boolean> {
  for (let left = 1000; left > 0 && lives(pid); left -= 1) await setTimeout(5)
  return !lives(pid)
}

/** A file of hooks, and what came of one event. */
async function hooked(t: Test, file: string, data: Record<string, unknown>): Promise<HookRun[]> {
  const directory = directoryFor(t, { 'hooks.yaml': file })
  const bus = new EventBus({ log })
  const hooks = new Hooks({ bus, run, log, nodeId: () => 'node-1' })
  hooks.replace(loadHooks(directory)!)
  hooks.start()
  bus.tell({ type: 'session:start', sessionId: 's1', data })
  await hooks.close(5000)
  const reply = (await hookRunsApi(hooks)({} as ApiRequest)) as Reply
  t.equal(reply.head.status, 200)
  return JSON.parse(String(reply.body)).runs
}

t.test('a hook gets the event, and nothing else that the gateway has', async (t) => {
  process.env.GW_ROOT_SECRET = 'secret'
  process.env.GW_TUNNEL_ID = 'agent_x'
  const file = `hooks:
  - { name: env, event: session:start, command: [sh, -c, "env | grep '^[A-Za-z_]*=' | cut -c 1-400"], env: { MINE: "$(exit 1)" } }
  - { name: stdin, event: "session:*", command: 'cat; pwd' }
  - { name: quoted, event: "*", command: 'printf %s "$GW_EVENT_DATA" | wc -c; touch made; exit 3' }
`
  const text = `"; touch hacked; $(touch hacked) \`touch hacked\``
  const runs = await hooked(t, file, { text })
  const byName = new Map(runs.map((run) => [run.name, run]))
  const env = Object.fromEntries(
    byName
      .get('env')!
      .output.trim()
      .split('\n')
      // The test runner puts some of its own into every process, with more lines than are kept of an output; a shell too.
      .filter((line) => /^\w+=/.test(line) && !/^(?:_?TAP\w*|NODE_OPTIONS|PWD|OLDPWD|SHLVL|_)=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  const own = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'].filter((name) => process.env[name] !== undefined)
  t.same(Object.keys(env).sort(), [
    ...[
      ...own,
      'GW_CHANNEL_ID',
      'GW_EVENT_DATA',
      'GW_EVENT_TYPE',
      'GW_NODE_ID',
      'GW_PLATFORM',
      'GW_REQUEST_ID',
      'GW_SESSION_ID',
      'GW_TIMESTAMP',
      'GW_TUNNEL_ID',
      'GW_USER_ID',
      'MINE',
    ].sort(),
  ])
  t.match(env, { GW_SESSION_ID: 's1', GW_TUNNEL_ID: '', GW_NODE_ID: 'node-1', MINE: '$(exit 1)' })
  t.same(JSON.parse(env.GW_EVENT_DATA!).data, { text })
  t.equal(byName.get('stdin')!.output, `${env.GW_EVENT_DATA}${t.testdirName}\n`)
  t.match(byName.get('quoted'), { status: 'failed', exit_code: 3, event: 'session:start' })
  t.equal(byName.get('quoted')!.output.trim(), String(Buffer.byteLength(env.GW_EVENT_DATA!)))
  t.ok(existsSync(join(t.testdirName, 'made')), 'commands run beside their file')
  t.notOk(existsSync(join(t.testdirName, 'hacked')))
})

t.test('standard input has the whole of a large event, also for one who does not read it', async (t) => {
  const file = `hooks:
  - { name: counts, event: session:start, command: 'wc -c; echo "[$GW_EVENT_DATA]$GW_EVENT_TRUNCATED"' }
  - { name: closes, event: session:start, command: 'exec <&-; echo done' }
`
  const runs = await hooked(t, file, { text: 'é'.repeat(500_000) })
  t.match(runs.find(({ name }) => name === 'counts')!.output, /^\s*10001\d\d\n\[\]1\n$/)
  t.match(
    runs.find(({ name }) => name === 'closes'),
    { status: 'ok', output: 'done\n' },
  )
})

t.test('a command that cannot start, or fails, is a result', async (t) => {
  const [none, elsewhere, fails, killed, long] = await Promise.all([
    command(['gw-no-such-program']),
    run({ command: 'true', workingDir: '/no/such/dir', env: ENV, timeoutMs: 9000 }, never),
    command('echo out; echo err >&2; exit 7'),
    command('kill -9 $$'),
    command('yes 0123456 | head -n 100000; printf "\\033[31mend"'),
  ])
  t.match(none, { status: 'not_started', exitCode: null, error: /ENOENT/ })
  t.match(elsewhere, { status: 'not_started', error: 'the directory /no/such/dir is not there' })
  t.match(fails, { status: 'failed', exitCode: 7, output: /out\nerr|err\nout/ })
  t.match(killed, { status: 'failed', exitCode: null, signal: 'SIGKILL' })
  t.match(long, { status: 'ok', output: /^….*\n(0123456\n)+\\u001b\[31mend$/ })
  t.ok(long.output.length < 9000)
  t.match(await command(['printf', 'a\0']), { status: 'not_started', error: /null bytes/ })
})

t.test('its time over, the whole group goes', async (t) => {
  const stubborn = command("trap '' TERM; sleep 300 & echo $$ $!; wait; sleep 300", 300)
  // The shell ends at once; who holds its output counts against its time.
  const behind = command('sleep 300 & echo $!', 300)
  const quick = command('trap "echo bye; exit 0" TERM; sleep 300 & echo $$ $!; wait', 300)
  const own = command('sleep 300 >/dev/null 2>&1 & echo $!')
  const leaves = installed('setsid').skip === false
  const escaped = leaves ? command('setsid sleep 300 & echo $!; wait', 300) : undefined
  for (const result of [await stubborn, await behind, await quick]) {
    t.equal(result.status, 'timeout')
    const pids = result.output.match(/\d+/g)!.map(Number)
    t.ok(pids.length > 0)
    for (const pid of pids) t.ok(await gone(pid), `${pid} of ${result.output}`)
  }
  t.match((await quick).output, /bye/)
  t.ok((await quick).durationMs < (await stubborn).durationMs, 'who heeds SIGTERM has no more to wait for')
  const { status, output } = await own
  t.equal(status, 'ok')
  t.ok(lives(Number(output)), 'with its output elsewhere it is on its own')
  process.kill(Number(output))
  if (escaped === undefined) return
  t.equal((await escaped).status, 'timeout', 'what has left the group does not hold up the end')
  process.kill(Number((await escaped).output))
})

t.test('a launcher runs commands from a process of its own', async (t) => {
  const launcher = new Launcher()
  const spec = { workingDir: '/', env: ENV, timeoutMs: 20_000 }
  const [cat, parent] = await Promise.all([
    launcher.run({ ...spec, command: ['cat'], input: 'é\u0000"'.repeat(100_000) }, never),
    launcher.run({ ...spec, command: 'echo $PPID' }, never),
  ])
  t.match(cat, { status: 'ok', exitCode: 0, output: /^….*é\\u0000"$/ })
  const first = Number(parent.output)
  t.not(first, process.pid)
  const stop = new AbortController()
  const stopped = launcher.run({ ...spec, command: 'sleep 300' }, stop.signal)
  stop.abort()
  t.match(await stopped, { status: 'stopped' })
  t.match(await launcher.run({ ...spec, command: 'sleep 300' }, stop.signal), { status: 'stopped' })
  const cut = launcher.run({ ...spec, command: 'kill -9 $PPID; exec sleep 1' }, never)
  t.match(await cut, { status: 'failed', error: 'the process that runs commands has ended' })
  const next = await launcher.run({ ...spec, command: 'echo $PPID' }, never)
  t.equal(next.status, 'ok', 'another has taken its place')
  t.not(Number(next.output), first)
  launcher.close()
  t.ok(await gone(Number(next.output)))
})

t.test('a gateway that is killed takes its commands with it', async (t) => {
  const module = new URL('../../gateway/hooks/launcher.js', import.meta.url).href
  const program = `
    import { existsSync } from 'node:fs'
    import { Launcher } from ${JSON.stringify(module)}
    const spec = { workingDir: process.cwd(), env: process.env, timeoutMs: 300000 }
    void new Launcher().run({ ...spec, command: 'echo $$ > pid; mv pid pid.whole; exec sleep 300' }, new AbortController().signal)
    setInterval(() => existsSync('pid.whole') && process.kill(process.pid, 'SIGKILL'), 5)`
  const cwd = directoryFor(t)
  const { code, err } = await runProgram(process.execPath, ['--input-type=module', '-e', program], { cwd })
  t.equal(code, null, err)
  t.ok(await gone(Number(readFileSync(join(cwd, 'pid.whole'), 'utf8'))))
})

t.test('a storm of slow hooks: exact counts, a loop that goes on, and no process is left', async (t) => {
  const [hook] = loadHooks(
    directoryFor(t, {
      'hooks.yaml':
        'hooks: [{ name: slow, event: "*", command: "sleep 300 & echo $$ $! > made.$$; mv made.$$ pids.$$; wait" }]',
    }),
  )!
  const launcher = new Launcher()
  launcher.start()
  const runner = new HookRunner({ run: launcher.run, log, place: { nodeId: () => 'n', platform: 'p' } })
  const bus = new EventBus({ log })
  bus.on('*', (event) => runner.offer([hook!], event))
  const lag = monitorEventLoopDelay({ resolution: 1 })
  lag.enable()
  for (let burst = 0; burst < 10; burst += 1) {
    for (let n = 0; n < 1000; n += 1) bus.tell({ type: 'request:error', data: { n } })
    await setTimeout(10)
  }
  t.same([runner.running, runner.waiting, runner.dropped, bus.dropped], [8, 256, 10_000 - 264, 0])
  lag.disable()
  t.comment(
    `loop delay: p99 ${(lag.percentile(99) / 1e6).toFixed(1)} ms, max ${(lag.max / 1e6).toFixed(1)} ms`,
  )
  const begun = (): string[] => readdirSync(t.testdirName).filter((name) => name.startsWith('pids.'))
  while (begun().length < 8) await setTimeout(5)
  await runner.close(100)
  launcher.close()
  t.same([runner.running, runner.waiting, runner.dropped], [0, 0, 10_000 - 8])
  t.same(
    runner.history.runs.map(({ status }) => status),
    Array(8).fill('stopped'),
  )
  for (const name of begun())
    for (const pid of readFileSync(join(t.testdirName, name), 'utf8').trim().split(' '))
      t.ok(await gone(Number(pid)))
})

t.test('tasks run beside their file, and their runs are kept', async (t) => {
  const directory = directoryFor(t, {
    'scheduler.yaml': `tasks:
  - { name: often, type: interval, interval: 0.1, delay: 0, command: 'echo "$A"; env | grep -c SECRET', env: { A: a } }
  - { name: late, type: interval, interval: 1h, command: sleep 300, timeout: 0.2 }
  - { name: call, type: interval, interval: 1h, timeout: 0.2, request: { path: /t/x } }
  - { name: missed, type: one_shot, run_at: 2020-01-01T00:00:00Z, command: pwd }
`,
  })
  process.env.GW_SECRET = 'secret'
  const failed: unknown[] = []
  let toldTwice = (): void => {}
  const twice = new Promise<void>((resolve) => {
    toldTwice = resolve
  })
  const parts = {
    clock: systemClock,
    log,
    run,
    send: (_: unknown, signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    tell: ({ type, data }: { type: string; data?: Readonly<Record<string, unknown>> }) => {
      if (type === 'scheduler:task_error' && data?.status === 'timeout') failed.push(data.task)
      if (failed.length === 2) toldTwice()
    },
  }
  const path = join(directory, 'data', 'tasks.db')
  const scheduler = new Scheduler({ ...parts, store: new TaskStore(path) })
  scheduler.replace(loadTasks(directory)!)
  scheduler.start()
  t.match(scheduler.run('late'), { status: 'running', cause: 'manual' })
  scheduler.run('call')
  await twice
  t.same(failed.sort(), ['call', 'late'])
  await scheduler.close(5000)

  const again = new Scheduler({ ...parts, store: new TaskStore(path) })
  again.replace(loadTasks(directory)!)
  const runs = (name: string): TaskRun[] => again.runs(name)
  t.match(runs('missed'), [{ status: 'ok', output: `${directory}\n`, cause: 'schedule' }])
  t.match(runs('often').at(-1), { status: 'failed', exit_code: 1, output: 'a\n0\n' })
  t.match(runs('call'), [{ status: 'timeout', error: 'it took longer than 200ms' }])
  t.equal(again.tasks.find(({ name }: TaskView) => name === 'missed')!.next_run_at, null)
  await again.close(5000)
})

t.test('what stands at the default place is believed only where nobody else may write', async (t) => {
  const directory = directoryFor(t)
  mkdirSync(join(directory, 'hooks'), { mode: 0o755 })
  chmodSync(directory, 0o755)
  const before = process.cwd()
  process.chdir(directory)
  t.teardown(() => process.chdir(before))
  t.equal(loadHooks(undefined), undefined, 'no file is no hooks')
  t.equal(loadTasks(undefined), undefined)
  writeFileSync('hooks/hooks.yaml', 'hooks: [{ name: a, event: "*", command: x }]', { mode: 0o644 })
  writeFileSync('scheduler.yaml', 'tasks: [{ name: a, type: one_shot, delay: 5, command: x }]', {
    mode: 0o644,
  })
  t.match(loadHooks(undefined), [{ workingDir: join(directory, 'hooks') }])
  t.match(loadTasks(undefined), [{ name: 'a' }])
  chmodSync('hooks', 0o777)
  chmodSync('scheduler.yaml', 0o666)
  t.throws(() => loadHooks(undefined), { name: 'UsageError', message: /hooks\/hooks\.yaml/ })
  t.throws(() => loadTasks(undefined), { name: 'UsageError', message: /scheduler\.yaml/ })
  t.equal(loadHooks('hooks')!.length, 1, 'a directory that was named is not doubted')
  t.equal(loadTasks('.')!.length, 1)
  writeFileSync('scheduler.yaml', 'tasks:\n  - { nam: a }\n  - { nam: b }\n')
  writeFileSync('hooks/hooks.yaml', 'hooks: [')
  try {
    loadTasks('.')
    t.fail('taken')
  } catch (error) {
    const { mistakes } = error as UsageError
    t.ok(error instanceof UsageError)
    t.equal(mistakes.length, 8)
    t.match(mistakes[0], /^scheduler\.yaml:2:7: "nam" is no key/)
  }
  t.throws(() => loadHooks('hooks'), { name: 'UsageError', message: /^hooks\/hooks\.yaml:1:\d+: / })
})

t.test('a gateway has both: started, reloaded whole or not at all, closed', async (t) => {
  const directory = directoryFor(t, {
    'hooks.yaml': 'hooks: [{ name: told, event: "scheduler:*", command: "echo $GW_NODE_ID" }]',
    'scheduler.yaml': 'tasks: [{ name: echo, type: interval, interval: 1h, command: exit 4 }]',
  })
  let said = ''
  const bus = new EventBus({ log })
  const parts = {
    bus,
    log: createLogger({ write: (chunk) => (said += chunk) }),
    dataDir: join(directory, 'data'),
    hooksDir: directory,
    schedulerDir: directory,
    send: () => Promise.reject(new Error('nowhere')),
  }
  const automation = new Automation(parts)
  const ask = async (handler: keyof Automation['handlers'], name = '') => {
    const reply = await automation.handlers[handler]({ params: { name } } as unknown as ApiRequest)
    return JSON.parse(String((reply as Reply).body))
  }
  automation.start()
  const heard = new Promise<GatewayEvent>((resolve) => bus.on('scheduler:task_error', resolve))
  await ask('runTask', 'echo')
  t.match((await heard).data, { task: 'echo', exit_code: 4 })
  while ((await ask('hookRuns')).runs.length === 0) await setTimeout(5)
  const id = readFileSync(join(directory, 'data', 'node-id'), 'utf8')
  t.match(await ask('hookRuns'), { runs: [{ name: 'told', event: 'scheduler:task_error', output: id }] })

  writeFileSync(join(directory, 'scheduler.yaml'), 'tasks: [{ name: other, type: cron }]')
  writeFileSync(join(directory, 'hooks.yaml'), 'hooks: [{ name: told }]')
  t.throws(() => automation.prepare(), { name: 'UsageError', mistakes: { length: 4 } })
  writeFileSync(join(directory, 'hooks.yaml'), 'hooks: []')
  t.throws(() => automation.prepare(), { name: 'UsageError', mistakes: { length: 2 } })
  t.match(await ask('tasks'), { tasks: [{ name: 'echo' }] })
  const off = automation.schedule({ type: 'interval', interval: '1h', name: 'mine' }, () => {})
  writeFileSync(
    join(directory, 'scheduler.yaml'),
    'tasks: [{ name: mine, type: interval, interval: 5, command: x }]',
  )
  t.throws(() => automation.prepare(), /the program has a task "mine" already/)
  off()
  automation.schedule({ type: 'one_shot', delay: '1h' }, () => {})
  const prepared = automation.prepare()
  t.same(prepared.changed, ['hooks', 'schedule'])
  t.equal((await ask('tasks')).tasks[0].name, 'echo', 'nothing has changed yet')
  prepared.apply()
  t.same(automation.prepare().changed, [])
  t.same(
    (await ask('tasks')).tasks.map(({ name }: TaskView) => name),
    ['code-2', 'mine'],
  )
  rmSync(join(directory, 'hooks.yaml'))
  automation.prepare().apply()
  await setTimeout(1)
  t.match(said, /"level":"warn","msg":"no hooks.yaml there"/)
  t.match(said, /"msg":"hook","hook":"told","event":"scheduler:\*","command":"echo \$GW_NODE_ID"/)
  t.match(
    said,
    /"msg":"task","task":"echo","type":"interval","schedule":"1h","enabled":true,"command":"exit 4"/,
  )
  await automation.close()
})
