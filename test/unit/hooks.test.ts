/** Events, the file of hooks, and which of them run; no process is started. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { EventBus } from '../../gateway/events/bus.js'
import { EVENT_TYPES, type GatewayEvent } from '../../gateway/events/event.js'
import { nodeId } from '../../gateway/events/node-id.js'
import { eventJson } from '../../gateway/events/wire-event.js'
import type { CommandResult, ProcessSpec, RunCommand } from '../../gateway/hooks/command.js'
import { eventVariables } from '../../gateway/hooks/environment.js'
import { Hooks } from '../../gateway/hooks/hooks.js'
import { type HookDefinition, parseHooks } from '../../gateway/hooks/hooks-file.js'
import { MOST_OUTPUT, OutputTail } from '../../gateway/hooks/output-tail.js'
import { parseTasks } from '../../gateway/scheduler/scheduler-file.js'
import { parseConfig } from '../../shared/config-file.js'
import { createLogger } from '../../shared/log.js'
import { directoryFor } from '../helpers/directory.js'

const TIME = Date.UTC(2026, 0, 24, 8)

function logged() {
  const lines: string[] = []
  const log = createLogger({ level: 'debug', write: (chunk) => void lines.push(chunk) })
  return {
    log,
    text: () => {
      log.flush()
      return lines.join('')
    },
  }
}

function read(text: string): { hooks: HookDefinition[]; mistakes: string[] } {
  const mistakes: string[] = []
  const hooks = parseHooks(parseConfig(text, 'hooks.yaml'), '/etc/gw', (mistake) => mistakes.push(mistake))
  return { hooks, mistakes }
}

const hooksOf = (text: string): HookDefinition[] => read(text).hooks

/** Runs nothing: each command waits until it is let go. */
class FakeCommands {
  readonly specs: ProcessSpec[] = []
  readonly #ends: ((status?: CommandResult['status']) => void)[] = []
  most = 0
  #now = 0

  readonly run: RunCommand = (spec, stop) =>
    new Promise((resolve) => {
      this.specs.push(spec)
      this.#now += 1
      this.most = Math.max(this.most, this.#now)
      const end = (status: CommandResult['status'] = 'ok'): void => {
        this.#now -= 1
        resolve({
          status,
          exitCode: 0,
          signal: null,
          output: '',
          error: undefined,
          startedAt: TIME,
          durationMs: 1,
        })
      }
      this.#ends.push(end)
      stop.addEventListener('abort', () => end('stopped'))
    })

  get running(): number {
    return this.#ends.length
  }

  /** The first that runs ends. */
  async end(): Promise<void> {
    this.#ends.shift()!()
    await new Promise(setImmediate)
  }
}

function rig(text: string) {
  const { log, text: said } = logged()
  const bus = new EventBus({ log, now: () => TIME })
  const commands = new FakeCommands()
  const hooks = new Hooks({ bus, run: commands.run, log, nodeId: () => 'node-1' })
  hooks.replace(hooksOf(text))
  hooks.start()
  return { bus, commands, hooks, said }
}

t.test('events reach those who listen, later, in order, whatever one of them does', async (t) => {
  const { log, text } = logged()
  const bus = new EventBus({ log, now: () => TIME })
  const heard: string[] = []
  const hear = (who: string) => (event: GatewayEvent) => void heard.push(`${who} ${event.seq} ${event.type}`)
  bus.on('session:start', () => {
    throw new Error('thrown')
  })
  bus.on('session:*', async () => {
    throw new Error('rejected')
  })
  const off = bus.on('session:*', hear('prefix'))
  bus.on('session:end', hear('exact'))
  bus.on('*', hear('all'))
  bus.on('session:start', () => bus.tell({ type: 'auth:failed' }))
  bus.tell({ type: 'session:start', sessionId: 's' })
  bus.tell({ type: 'session:end' })
  t.same(heard, [], 'not in the turn that tells')
  await new Promise(setImmediate)
  off()
  bus.tell({ type: 'session:start' })
  bus.flush()
  bus.flush()
  t.same(heard.slice(0, 6), [
    'prefix 1 session:start',
    'all 1 session:start',
    'prefix 2 session:end',
    'exact 2 session:end',
    'all 2 session:end',
    'all 3 auth:failed',
  ])
  t.same(heard.slice(6), ['all 4 session:start', 'all 5 auth:failed'])
  await new Promise(setImmediate)
  t.match(text(), /thrown(.|\n)*rejected/)
  t.throws(() => bus.on('sesion:start', () => {}), /"sesion:start" is no event; did you mean session:start\?/)
})

t.test('what one turn tells is bounded', async (t) => {
  const { log } = logged()
  const bus = new EventBus({ log })
  let heard = 0
  bus.tell({ type: 'auth:failed' })
  bus.on('auth:failed', () => (heard += 1))
  for (let n = 0; n < 20_000; n += 1) bus.tell({ type: 'auth:failed' })
  bus.flush()
  t.same([heard, bus.dropped], [16_384, 20_000 - 16_384])
})

t.test('hooks.yaml is read with all its keys', async (t) => {
  const { hooks, mistakes } = read(`
hooks:
  - name: log-startup
    event: gateway:startup
    command: echo "Gateway started at $GW_TIMESTAMP"
    timeout: 30
  - { name: b, event: "session:*", command: [notify, "a b", ""], timeout: 5m, enabled: no, working-dir: sub,
      priority: -3, description: what it does, env: { A: "1", B: } }
  - { name: c, event: "*", command: x, timeout: 0.5, working_dir: /abs }
`)
  t.same(mistakes, [])
  t.match(hooks[0], {
    name: 'log-startup',
    command: 'echo "Gateway started at $GW_TIMESTAMP"',
    timeoutMs: 30_000,
    enabled: true,
    workingDir: '/etc/gw',
    priority: 0,
    description: undefined,
  })
  t.same([...hooks[0]!.types], ['gateway:startup'])
  t.match(hooks[1], {
    command: ['notify', 'a b', ''],
    timeoutMs: 300_000,
    enabled: false,
    workingDir: '/etc/gw/sub',
    priority: -3,
    description: 'what it does',
  })
  t.same({ ...hooks[1]!.env }, { A: '1', B: '' })
  t.same([...hooks[1]!.types], ['session:start', 'session:end', 'session:timeout'])
  t.same([...hooks[2]!.types], [...EVENT_TYPES])
  t.same([hooks[2]!.timeoutMs, hooks[2]!.workingDir], [500, '/abs'])
  for (const empty of ['', '# nothing', 'hooks:', 'hooks: []'])
    t.same(read(empty), { hooks: [], mistakes: [] })
})

t.test('every mistake in hooks.yaml is told with its place', async (t) => {
  const { mistakes } = read(`hooks:
  - name: a
    evnt: gateway:startup
    event: gateway:start
    command: []
    timeout: soon
    enabled: maybe
    priority: high
    env: { GW_EVENT_DATA: x, "1A": x, B: [1] }
  - name: a
    event: [gateway:startup]
    command: { a: b }
    timeout: 0
    working_dir: ""
  - just text
  - { command: x }
  - { name: c, event: "nothing:*", command: ["", x], env: text, timeout: 600h, description: [] }
other: 1
`)
  t.same(mistakes, [
    'hooks.yaml:18:1: "other" is no key of the file; it takes hooks',
    'hooks.yaml:15:5: one value stands here; an entry of hooks takes a mapping',
    'hooks.yaml:3:5: "evnt" is no key of an entry of hooks; did you mean event?',
    'hooks.yaml:4:12: event "gateway:start" is no event; did you mean gateway:startup?',
    'hooks.yaml:5:14: command names no program; a list begins with one',
    'hooks.yaml:6:14: timeout "soon" is not a duration; it takes seconds, 500ms, 30s, 5m or 1h',
    'hooks.yaml:7:14: enabled "maybe" is neither true nor false; it takes true or false',
    'hooks.yaml:8:15: priority "high" is not a whole number; it takes a whole number',
    'hooks.yaml:9:12: env "GW_EVENT_DATA" is set by the event',
    'hooks.yaml:9:30: env "1A" is no name of a variable',
    'hooks.yaml:9:39: env "B" holds a list',
    'hooks.yaml:10:11: name "a" stands there already',
    'hooks.yaml:11:12: event holds a list; it takes the name of an event, or a prefix with *',
    'hooks.yaml:12:14: command holds a mapping; it takes a line for the shell, or a list for no shell',
    'hooks.yaml:13:14: timeout "0" is less than 0.001 s; it takes seconds, 500ms, 30s, 5m or 1h',
    'hooks.yaml:14:18: working_dir is empty; it takes a directory',
    'hooks.yaml:16:5: an entry of hooks has no name; it takes a name of up to 100 characters',
    'hooks.yaml:16:5: the hook has no event',
    `hooks.yaml:17:23: event "nothing:*" is no event; it takes ${EVENT_TYPES.join(', ')}`,
    'hooks.yaml:17:45: command names no program; a list begins with one',
    'hooks.yaml:17:74: timeout "600h" is more than 596 h; it takes seconds, 500ms, 30s, 5m or 1h',
    'hooks.yaml:17:93: description holds a list; it takes text',
    'hooks.yaml:17:59: env holds one value; it takes a mapping',
  ])
  t.match(read('[]').mistakes[0], /hooks.yaml:1:1: a list stands here; the file takes a mapping/)
  t.match(read('hooks: { a: 1 }').mistakes[0], /hooks.yaml:1:8: hooks holds a mapping; it takes a list/)
})

t.test('the examples in docs/automation.md are taken', async (t) => {
  const page = readFileSync(new URL('../../../docs/automation.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/^ {4}(hooks|tasks):\n(?:(?: {4}.*)?\n)+/gm)]
  const mistakes: string[] = []
  const names = blocks.flatMap(([text, key]) => {
    const root = parseConfig(text.replace(/^ {4}/gm, ''), 'automation.md')
    const report = (mistake: string): void => void mistakes.push(mistake)
    return (key === 'hooks' ? parseHooks(root, '/', report) : parseTasks(root, '/', TIME, report)).map(
      ({ name }) => name,
    )
  })
  t.same(mistakes, [])
  t.same(names, [
    'log-startup',
    'tell-the-chat',
    'keep-errors',
    'cleanup',
    'backup',
    'reminder',
    'nightly-report',
  ])
  for (const type of EVENT_TYPES) t.match(page, `\`${type}\``)
})

t.test('an event reaches a command by variables and standard input', async (t) => {
  const event: GatewayEvent = {
    seq: 7,
    type: 'session:start',
    timestamp: '2026-01-24T08:00:00.000Z',
    sessionId: 's1',
    userId: 'a\0b$(x)',
    data: { text: 'é\u0000' },
  }
  const json = eventJson(event)
  const place = { nodeId: () => 'n', platform: 'linux' }
  t.same(eventVariables(event, json, place), {
    GW_EVENT_TYPE: 'session:start',
    GW_TIMESTAMP: '2026-01-24T08:00:00.000Z',
    GW_NODE_ID: 'n',
    GW_PLATFORM: 'linux',
    GW_USER_ID: 'ab$(x)',
    GW_CHANNEL_ID: '',
    GW_REQUEST_ID: '',
    GW_TUNNEL_ID: '',
    GW_SESSION_ID: 's1',
    GW_EVENT_DATA: json,
  })
  t.strictSame(JSON.parse(json), {
    type: 'session:start',
    timestamp: '2026-01-24T08:00:00.000Z',
    seq: 7,
    user_id: 'a\0b$(x)',
    session_id: 's1',
    data: { text: 'é\u0000' },
  })
  const least = eventJson({ ...event, data: { text: '' } }).length
  const fits = eventJson({ ...event, data: { text: 'x'.repeat(64 * 1024 - least) } })
  t.equal(eventVariables(event, fits, place).GW_EVENT_DATA, fits)
  t.match(eventVariables(event, `${fits}x`, place), { GW_EVENT_DATA: '', GW_EVENT_TRUNCATED: '1' })
  t.match(JSON.parse(eventJson({ ...event, data: { n: 1n } })), { data: {}, data_error: /BigInt/ })
})

t.test('hooks start by priority, eight at once, and what comes beyond 256 is dropped', async (t) => {
  const { bus, commands, hooks, said } = rig(`hooks:
  - { name: low, event: auth:failed, command: low, priority: 1 }
  - { name: high, event: "auth:*", command: [high], priority: 2, env: { A: a } }
  - { name: out, event: auth:failed, command: out, enabled: false }
  - { name: end, event: gateway:shutdown, command: end }
`)
  t.match(said(), /"msg":"hook","hook":"low","event":"auth:failed","command":"low"/)
  bus.tell({ type: 'session:start' })
  for (let n = 0; n < 5000; n += 1) bus.tell({ type: 'auth:failed', requestId: `r${n}` })
  t.equal(commands.specs.length, 0, 'nothing in the turn that tells')
  bus.flush()
  t.same(
    commands.specs.map(({ command }) => command),
    [['high'], 'low', ['high'], 'low', ['high'], 'low', ['high'], 'low'],
  )
  t.match(commands.specs[2], { timeoutMs: 30_000, workingDir: '/etc/gw' })
  t.match(commands.specs[2]!.env, { A: 'a', GW_REQUEST_ID: 'r1', GW_NODE_ID: 'node-1' })
  t.equal(commands.specs[2]!.input, commands.specs[2]!.env.GW_EVENT_DATA)
  t.match(hooks.runs, { running: 8, waiting: 256, dropped: 10_000 - 264, runs: [] })

  hooks.replace(hooksOf('hooks: [{ name: end, event: gateway:shutdown, command: end }]'))
  bus.tell({ type: 'auth:failed' })
  bus.tell({ type: 'gateway:shutdown' })
  bus.flush()
  t.equal(commands.specs.at(-1)!.command, 'end', 'the last one cannot wait')
  t.match(hooks.runs, { running: 9, waiting: 256, dropped: 10_000 - 264 })
  for (let n = 0; n < 255; n += 1) await commands.end()
  t.match(hooks.runs, { running: 8, waiting: 2 })
  t.equal(commands.most, 9)
  const closed = hooks.close(5000)
  t.match(hooks.runs, { running: 8, waiting: 0, dropped: 10_000 - 264 + 2 })
  for (let n = 0; n < 8; n += 1) await commands.end()
  await closed
  t.equal(hooks.runs.runs.length, 100)
  t.match(hooks.runs.runs[0], {
    name: 'low',
    event: 'auth:failed',
    status: 'ok',
    exit_code: 0,
    duration_ms: 1,
    started_at: '2026-01-24T08:00:00.000Z',
  })
  bus.tell({ type: 'gateway:shutdown' })
  bus.flush()
  t.equal(hooks.runs.running, 0, 'a closed one hears nothing')
})

t.test('of an output the end is kept, and nothing that a terminal acts on', async (t) => {
  const small = new OutputTail()
  small.push(Buffer.from('a\u001b[31mb\r\n'))
  small.push(Buffer.from('\u202e\tc\u0000'))
  t.equal(small.text(), 'a\\u001b[31mb\n\\u202e\tc\\u0000')
  const large = new OutputTail()
  for (let n = 0; n < 10_000; n += 1) large.push(Buffer.from('äö'))
  large.push(Buffer.from('!'))
  t.equal(large.text(), `…${'äö'.repeat(MOST_OUTPUT / 4).slice(1)}!`)
})

t.test('a gateway keeps its id', async (t) => {
  const directory = `${directoryFor(t)}/data`
  const id = nodeId(directory)
  t.match(id, /^[0-9a-f-]{36}$/)
  t.equal(nodeId(directory), id)
  t.throws(() => nodeId(directoryFor(t, { 'node-id': 'x' })), /holds no node id: remove it/)
})
