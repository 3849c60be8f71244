/** When tasks run, by a clock that the test winds. */
import t from 'tap'
import type { ApiRequest } from '../../gateway/api/request.js'
import type { Reply } from '../../gateway/edge/reply.js'
import { codeTask, type ScheduleSpec } from '../../gateway/scheduler/code-task.js'
import { cronAfter, instant } from '../../gateway/scheduler/cron.js'
import type { Task } from '../../gateway/scheduler/task.js'
import { TaskStore } from '../../gateway/scheduler/task-store.js'
import { tasksApi } from '../../gateway/scheduler/tasks-api.js'
import { directoryFor } from '../helpers/directory.js'
import { DAY, gate, HOUR, MINUTE, NOW, Rig, read, SECOND, tasksOf } from '../helpers/scheduler-rig.js'

t.test('scheduler.yaml is read with all its keys', async (t) => {
  const tasks = tasksOf(`
  - { name: cleanup, type: interval, interval: 3600, command: ./cleanup.sh, timeout: 300 }
  - { name: backup, type: cron, cron: "0 3 * * *", timezone: Europe/Berlin, command: [./backup.sh, all] }
  - { name: reminder, type: one_shot, run_at: "2026-12-25T09:00:00Z", command: echo hi }
  - { name: local, type: one_shot, run_at: 2026-12-25T09:00, timezone: Europe/Berlin, command: x }
  - { name: soon, type: one_shot, delay: 5m, command: x, working_dir: sub, env: { A: 1 } }
  - { name: call, type: interval, interval: 0.5, delay: 0, enabled: false, description: d,
      request: { path: "/t/x?a=b", headers: { x-a: b }, body: "{}" } }
  - { name: get, type: cron, cron: "@daily", request: { path: /status } }
`)
  t.match(tasks, [
    {
      name: 'cleanup',
      timing: { kind: 'interval', everyMs: HOUR, delayMs: HOUR },
      work: { kind: 'command', command: './cleanup.sh', workingDir: '/srv' },
      timeoutMs: 300_000,
      enabled: true,
    },
    {
      timing: { kind: 'cron', pattern: '0 3 * * *', timezone: 'Europe/Berlin' },
      work: { command: ['./backup.sh', 'all'] },
    },
    { timing: { kind: 'at', at: Date.UTC(2026, 11, 25, 9) } },
    { timing: { kind: 'at', at: Date.UTC(2026, 11, 25, 8) } },
    { timing: { kind: 'after', delayMs: 5 * MINUTE }, work: { workingDir: '/srv/sub', env: { A: '1' } } },
    {
      timing: { kind: 'interval', everyMs: 500, delayMs: 0 },
      enabled: false,
      description: 'd',
      work: { request: { method: 'POST', path: '/t/x?a=b', headers: { 'x-a': 'b' }, body: '{}' } },
    },
    { work: { request: { method: 'GET', path: '/status', body: undefined } } },
  ])
})

t.test('every mistake in scheduler.yaml is told with its place', async (t) => {
  const { mistakes } = read(`tasks:
  - { type: interval, interval: 0.01, command: x }
  - { name: a, type: cron, cron: "0 0 30 2 *", command: x }
  - { name: a, type: cron, cron: "61 * * * *", command: x }
  - { name: b, type: cron, cron: "2026-12-25T09:00:00Z", command: x, timezone: Mars/Olympus }
  - { name: c, type: one_shot, run_at: tomorrow, delay: 5, command: x }
  - { name: d, type: one_shot, run_at: 2026-02-30T09:00:00Z, command: x }
  - { name: e, type: weekly, command: x }
  - { name: f, type: interval, cron: "* * * * *", command: x, request: { path: / } }
  - { name: g, type: one_shot, delay: 1, request: { method: "A B", path: x, headers: { "a b": c, host: d }, boddy: x }, env: {} }
  - { name: h, interval: 5 }
  - { name: i, type: cron, cron: "2026-12-25T09:00:00Z", comand: x }
`)
  t.same(mistakes, [
    'scheduler.yaml:2:5: an entry of tasks has no name; it takes a name of up to 100 characters',
    'scheduler.yaml:2:33: interval "0.01" is less than 0.1 s; it takes seconds, 500ms, 30s, 5m or 1h',
    'scheduler.yaml:3:34: cron "0 0 30 2 *" never fires; it takes one such as "0 3 * * *"',
    'scheduler.yaml:4:13: name "a" stands there already',
    'scheduler.yaml:4:34: cron "61 * * * *" is no pattern of cron (Invalid value for minute: 61); it takes one such as "0 3 * * *"',
    'scheduler.yaml:5:80: timezone "Mars/Olympus" is not known; it takes a time zone such as Europe/Berlin',
    'scheduler.yaml:5:34: cron "2026-12-25T09:00:00Z" is no pattern of cron (is a date); it takes one such as "0 3 * * *"',
    'scheduler.yaml:6:5: a one_shot takes either run_at or delay',
    'scheduler.yaml:7:40: run_at "2026-02-30T09:00:00Z" is no date; it takes a date such as 2026-12-25T09:00:00Z',
    'scheduler.yaml:8:22: type "weekly" is not known; it takes interval, cron or one_shot',
    'scheduler.yaml:9:38: cron is nothing that type interval takes',
    'scheduler.yaml:9:5: the task has no interval',
    'scheduler.yaml:9:5: a task takes either a command or a request',
    'scheduler.yaml:10:126: env is nothing that a request takes',
    'scheduler.yaml:10:109: "boddy" is no key of request; did you mean body?',
    'scheduler.yaml:10:74: path "x" is none; it begins with / and is percent-encoded',
    'scheduler.yaml:10:61: method "A B" is none that is served',
    'scheduler.yaml:10:88: headers "a b" is no name of a field',
    'scheduler.yaml:10:98: headers "host" is set by the gateway',
    'scheduler.yaml:11:5: the task has no type; it takes interval, cron or one_shot',
    'scheduler.yaml:11:5: a task takes either a command or a request',
    'scheduler.yaml:12:58: "comand" is no key of an entry of tasks; did you mean command?',
    'scheduler.yaml:12:34: cron "2026-12-25T09:00:00Z" is no pattern of cron (is a date); it takes one such as "0 3 * * *"',
    'scheduler.yaml:12:5: a task takes either a command or a request',
  ])
})

t.test('cron follows time zones and their changes of clock', async (t) => {
  const runs = (pattern: string, timezone: string | undefined, from: string, count: number): string[] => {
    const found: string[] = []
    let at: number | undefined = Date.parse(from)
    while (found.length < count && (at = cronAfter(pattern, timezone, at)) !== undefined)
      found.push(new Date(at).toISOString().slice(5, 16))
    return found
  }
  t.same(
    runs('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', 3),
    ['03-28T01:30', '03-29T01:00', '03-30T00:30'],
    'half past two is not there on the 29th',
  )
  t.same(
    runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00:00Z', 3),
    ['10-24T00:30', '10-25T00:30', '10-26T01:30'],
    'it is there twice on the 25th, and runs once',
  )
  t.same(
    runs('*/30 * * * *', 'Europe/Berlin', '2026-10-25T00:00:00Z', 4),
    ['10-25T00:30', '10-25T01:00', '10-25T01:30', '10-25T02:00'],
    'every half an hour goes on',
  )
  t.same(runs('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', 1), ['02-29T00:00'], 'years away')
  t.same(runs('0 3 1 * 1', 'UTC', '2026-10-24T00:00:00Z', 3), ['10-26T03:00', '11-01T03:00', '11-02T03:00'])
  t.same(runs('0 3 * * 7', 'UTC', '2026-10-24T00:00:00Z', 1), ['10-25T03:00'], 'Sunday is 7, too')
  t.same(runs('15 0 3 * * *', 'UTC', '2026-10-24T00:00:00Z', 1), ['10-24T03:00'], 'seconds')
  t.equal(instant('2026-12-25T09:00:00+01:00', 'Asia/Tokyo'), Date.UTC(2026, 11, 25, 8))
  t.equal(instant('2026-07-01T09:00', 'Europe/Berlin'), Date.UTC(2026, 6, 1, 7))
})

t.test('an interval keeps its beat, whatever a run takes and whoever sets the clock', async (t) => {
  const rig = new Rig(
    t,
    `
  - { name: a, type: interval, interval: 60, command: a }
  - { name: b, type: interval, interval: 45m, delay: 5, command: b }
  - { name: c, type: interval, interval: 1, command: c, enabled: false }`,
  )
  await rig.clock.pass(MINUTE)
  t.same(rig.ran, [], 'nothing before the start')
  rig.scheduler.start()
  await rig.clock.pass(0)
  t.same(rig.ran, ['a 60', 'b 60'])
  const { promise, open } = gate()
  rig.hold = promise
  await rig.clock.pass(3 * MINUTE)
  t.same(rig.ran.slice(2), ['a 120'], 'it never overlaps itself')
  t.match(rig.said, /left out[^\n]*"task":"a"/)
  rig.hold = undefined
  await open()
  rig.clock.wall -= DAY
  await rig.clock.pass(2 * MINUTE)
  rig.clock.wall += 30 * DAY
  await rig.clock.pass(MINUTE)
  t.same(rig.ran.slice(3), ['a 300', 'a 360', 'a 420'])
  await rig.clock.pass(39 * MINUTE)
  t.same(
    rig.ran.filter((run) => run.startsWith('b')),
    ['b 60', 'b 2705'],
    'the first was late, the second is not',
  )
  t.ok(rig.clock.longest <= MINUTE)
})

t.test('a far date is reached in short sleeps, and cron follows a clock that is set', async (t) => {
  const rig = new Rig(
    t,
    `
  - { name: year, type: one_shot, run_at: 2026-05-01T00:00:00Z, command: year }
  - { name: daily, type: cron, cron: "0 3 * * *", timezone: UTC, command: daily }`,
  )
  rig.scheduler.start()
  const [year, daily] = rig.scheduler.tasks
  t.match(year, { type: 'one_shot', next_run_at: '2026-05-01T00:00:00.000Z', last_run: null, running: false })
  t.match(daily, { schedule: '0 3 * * *', timezone: 'UTC', next_run_at: '2026-03-01T03:00:00.000Z' })
  await rig.clock.pass(4 * HOUR)
  t.same(rig.ran, ['daily 10800'])
  rig.clock.wall += DAY
  await rig.clock.pass(HOUR)
  t.equal(rig.ran.length, 1, 'what the clock jumped over is not made up')
  t.match(rig.said, /"level":"warn","msg":"a run of a task was missed","task":"daily"/)
  t.match(rig.scheduler.tasks[1], { next_run_at: '2026-03-03T03:00:00.000Z' })
  rig.clock.wall -= 2 * DAY
  await rig.clock.pass(MINUTE)
  t.match(
    rig.scheduler.tasks[1],
    { next_run_at: '2026-03-01T03:00:00.000Z' },
    'set back, it goes by the clock',
  )
  rig.clock.wall = Date.UTC(2026, 3, 30, 23)
  await rig.clock.pass(2 * HOUR)
  t.ok(rig.ran.includes(`year ${rig.clock.monotonic / SECOND - 5 - HOUR / SECOND}`))
  t.equal(rig.scheduler.tasks[0]!.next_run_at, null)
})

t.test('a one-shot runs once, at the next start where it was missed', async (t) => {
  const path = `${directoryFor(t)}/tasks.db`
  const tasks = `
  - { name: past, type: one_shot, run_at: 2026-02-01T00:00:00Z, command: past }
  - { name: soon, type: one_shot, delay: 10m, command: soon }
  - { name: off, type: one_shot, run_at: 2026-02-01T00:00:00Z, command: off, enabled: false }`
  const first = new Rig(t, tasks, new TaskStore(path))
  first.scheduler.start()
  await first.clock.pass(MINUTE)
  t.same(first.ran, ['past 0'])
  await first.scheduler.close(5000)

  const second = new Rig(t, tasks, new TaskStore(path))
  second.clock.wall += 9 * MINUTE
  second.scheduler.start()
  await second.clock.pass(2 * MINUTE)
  t.same(second.ran, ['soon 60'], 'the delay counts from when it was first seen')
  t.match(second.scheduler.runs('past'), [{ task: 'past', cause: 'schedule', status: 'ok', output: 'out' }])
  second.scheduler.replace([])
  second.scheduler.replace(tasksOf(tasks))
  await second.clock.pass(MINUTE)
  t.equal(second.ran.length, 1)
  second.scheduler.replace(tasksOf(tasks.replace('2026-02-01', '2026-02-02')))
  await second.clock.pass(MINUTE)
  t.same(second.ran.slice(1), ['past 180'], 'another date is another one')
  await second.scheduler.close(5000)

  const dies = new Rig(
    t,
    '\n  - { name: new, type: one_shot, run_at: 2026-02-01T00:00:00Z, command: new }',
    new TaskStore(path),
  )
  const { promise, open } = gate()
  dies.hold = promise
  dies.scheduler.start()
  await dies.clock.pass(0)
  t.same(dies.ran, ['new 0'])
  t.equal(dies.scheduler.tasks[0]!.running, true)
  dies.store.close()
  const after = new TaskStore(path)
  t.equal(after.oneShot('["new",{"kind":"at","at":1769904000000}]', 0), undefined, 'done before it began')
  t.match(after.runs('new'), [{ status: 'interrupted', duration_ms: null }])
  after.close()
  await open()
})

t.test('the store keeps the last hundred runs of each task', async (t) => {
  const store = new TaskStore(':memory:')
  const ok = { status: 'ok', output: 'o', exitCode: 0 } as const
  store.end(store.begin('rare', 'schedule', NOW).id, ok, 5)
  for (let n = 0; n < 250; n += 1) store.end(store.begin('often', 'manual', NOW + n).id, ok, n)
  t.match(store.runs('rare'), [
    {
      task: 'rare',
      cause: 'schedule',
      status: 'ok',
      exit_code: 0,
      http_status: null,
      started_at: '2026-03-01T00:00:00.000Z',
      duration_ms: 5,
      output: 'o',
      error: null,
    },
  ])
  const often = store.runs('often')
  t.same([often.length, often[0]!.duration_ms, often[99]!.duration_ms], [100, 249, 150])
  store.close()
})

t.test('a request is an error from status 400', async (t) => {
  const rig = new Rig(
    t,
    '\n  - { name: call, type: interval, interval: 60, request: { path: /t/x, body: "{}" } }',
  )
  rig.scheduler.start()
  await rig.clock.pass(MINUTE)
  t.same(rig.requests, [{ method: 'POST', path: '/t/x', headers: {}, body: '{}' }])
  rig.answer = async () => ({ status: 404, body: Buffer.from('no\u001b') })
  await rig.clock.pass(MINUTE)
  rig.answer = async () => Promise.reject(new Error('cut'))
  await rig.clock.pass(MINUTE)
  t.match(rig.scheduler.runs('call'), [
    { status: 'failed', http_status: null, error: 'cut' },
    { status: 'failed', http_status: 404, output: 'no\\u001b' },
    { status: 'ok', http_status: 200, output: 'yes' },
  ])
  t.match(rig.told, [
    { type: 'scheduler:task_run', data: { task: 'call', status: 'ok', http_status: 200, cause: 'schedule' } },
    { type: 'scheduler:task_error', data: { http_status: 404 } },
    { type: 'scheduler:task_error', data: { error: 'cut' } },
  ])
})

t.test('what fails or takes too long is told', async (t) => {
  const rig = new Rig(t, '\n  - { name: a, type: interval, interval: 60, command: a }')
  rig.scheduler.start()
  for (const result of [{ status: 'failed', exitCode: 3 }, { status: 'timeout' }] as const) {
    rig.result = result
    await rig.clock.pass(MINUTE)
  }
  t.match(rig.told, [
    { type: 'scheduler:task_error', data: { task: 'a', status: 'failed', exit_code: 3, output: 'out' } },
    { type: 'scheduler:task_error', data: { status: 'timeout' } },
  ])
})

t.test('somebody may run a task now, unless it runs', async (t) => {
  const rig = new Rig(
    t,
    `
  - { name: once, type: one_shot, delay: 10, command: once }
  - { name: off, type: interval, interval: 1h, command: off, enabled: false }`,
  )
  rig.scheduler.start()
  t.match(rig.scheduler.run('off'), { task: 'off', cause: 'manual', status: 'running' })
  const { promise, open } = gate()
  rig.hold = promise
  rig.scheduler.run('once')
  t.throws(() => rig.scheduler.run('once'), { code: 'conflict' })
  t.throws(() => rig.scheduler.run('none'), { code: 'not_found' })
  t.throws(() => rig.scheduler.runs('none'), { code: 'not_found' })
  await rig.clock.pass(MINUTE)
  t.same(rig.ran, ['off 0', 'once 0'])
  rig.hold = undefined
  await open()
  await rig.clock.pass(0)
  t.same(rig.ran.slice(2), ['once 60'], 'its own time is not lost')
  await rig.scheduler.close(5000)
  t.throws(() => rig.scheduler.run('off'), { code: 'draining' })
})

t.test('tasks are served as JSON', async (t) => {
  const rig = new Rig(
    t,
    '\n  - { name: a b, type: interval, interval: 1h, command: "echo secret", description: d }',
  )
  const api = tasksApi(rig.scheduler)
  const ask = async (handler: keyof typeof api, name = ''): Promise<{ status: number; body: unknown }> => {
    const { head, body } = (await api[handler]({ params: { name } } as unknown as ApiRequest)) as Reply
    return { status: head.status, body: JSON.parse(String(body)) }
  }
  t.match(await ask('runTask', 'a b'), { status: 202, body: { id: 1, task: 'a b', status: 'running' } })
  await new Promise(setImmediate)
  const { status, body } = await ask('tasks')
  t.equal(status, 200)
  t.strictSame(body, {
    tasks: [
      {
        name: 'a b',
        type: 'interval',
        schedule: '1h',
        timezone: null,
        description: 'd',
        enabled: true,
        kind: 'command',
        running: false,
        next_run_at: '2026-03-01T01:00:00.000Z',
        last_run: rig.scheduler.runs('a b')[0],
      },
    ],
  })
  t.match(await ask('taskRuns', 'a b'), {
    status: 200,
    body: { runs: [{ id: 1, status: 'ok', output: 'out' }] },
  })
  await t.rejects(ask('taskRuns', 'b'), { code: 'not_found' })
})

t.test('a new file takes over: what runs goes on, what is the same keeps its phase', async (t) => {
  const rig = new Rig(
    t,
    `
  - { name: same, type: interval, interval: 60, command: same }
  - { name: changed, type: interval, interval: 60, command: changed }
  - { name: gone, type: interval, interval: 60, command: gone }`,
  )
  rig.scheduler.start()
  await rig.clock.pass(40 * SECOND)
  rig.scheduler.replace(
    tasksOf(`
  - { name: same, type: interval, interval: 60, command: new }
  - { name: changed, type: interval, interval: 50, command: changed }`),
  )
  const { promise, open } = gate()
  rig.hold = promise
  await rig.clock.pass(20 * SECOND)
  t.same(rig.ran, ['new 60'])
  const [same] = tasksOf('\n  - { name: same, type: interval, interval: 5, command: newer }')
  rig.scheduler.replace([])
  rig.scheduler.replace([same!])
  await rig.clock.pass(10 * SECOND)
  t.equal(rig.ran.length, 1, 'nor does it overlap itself after it was out and in again')
  rig.hold = undefined
  await open()
  await rig.clock.pass(5 * SECOND)
  t.same(rig.ran.slice(1), ['newer 75'])
  t.throws(() => {
    rig.scheduler.add(code({ type: 'interval', interval: 1, name: 'same' }))
  }, /there is a task "same" already/)
})

t.test('no more than 32 tasks run at once', async (t) => {
  const lines = Array.from(
    { length: 40 },
    (_, n) => `  - { name: t${n}, type: cron, cron: "0 3 * * *", timezone: UTC, command: c${n} }`,
  )
  const rig = new Rig(t, lines.join('\n'))
  const { promise, open } = gate()
  rig.hold = promise
  rig.scheduler.start()
  await rig.clock.pass(3 * HOUR)
  t.equal(rig.ran.length, 32)
  t.equal(rig.scheduler.tasks.filter(({ running }) => running).length, 40)
  rig.hold = undefined
  await open()
  t.equal(rig.ran.length, 40)
  t.equal(rig.told.length, 40)
})

const code = (spec: ScheduleSpec, run: (signal: AbortSignal) => unknown = () => {}): Task =>
  codeTask(spec, run, 'code-1', NOW)

t.test('a program has tasks of its own', async (t) => {
  const rig = new Rig(t, '\n  - { name: file, type: interval, interval: 1h, command: x }')
  rig.scheduler.start()
  let calls = 0
  const off = rig.scheduler.add(
    code({ type: 'cron', cron: '0 3 * * *', timezone: 'UTC' }, async () => (calls += 1)),
  )
  rig.scheduler.add(
    code({ type: 'interval', interval: '5m', name: 'fails' }, () => {
      throw new Error('no')
    }),
  )
  rig.scheduler.replace([])
  t.same(
    rig.scheduler.tasks.map(({ name, kind }) => [name, kind]),
    [
      ['code-1', 'code'],
      ['fails', 'code'],
    ],
  )
  await rig.clock.pass(3 * HOUR)
  t.equal(calls, 1)
  t.match(rig.scheduler.runs('fails')[0], { status: 'failed', error: 'no' })
  off()
  await rig.clock.pass(DAY)
  t.equal(calls, 1)
  t.ok(rig.scheduler.hasCode('fails'))
  t.throws(() => code({ type: 'one_shot', runAt: '2026-02-01T00:00:00Z' }), /run_at lies in the past/)
  t.throws(() => code({ type: 'cron', cron: 'x', command: 'y' } as ScheduleSpec), TypeError)
  t.throws(() => code({ type: 'cron' }), /schedule:1:1: the task has no cron/)
})

t.test('code is told of its time limit, and of the end', async (t) => {
  const rig = new Rig(t, '')
  rig.scheduler.start()
  const ended = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const over = new Promise<void>((resolve) => {
    rig.scheduler.add(
      code({ type: 'one_shot', delay: 1, name: 'slow', timeout: '20ms' }, (signal) =>
        ended(signal).finally(() => setImmediate(resolve)),
      ),
    )
  })
  await rig.clock.pass(SECOND)
  await over
  t.match(rig.scheduler.runs('slow'), [{ status: 'timeout', error: 'it took longer than 20ms' }])
  t.match(rig.told, [{ type: 'scheduler:task_error' }])
})
