import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import { createLogger, type LoggerOptions } from '../../shared/log.js'

const TIME = Date.UTC(2026, 0, 24, 8, 0, 0, 7)

function collect(options: Partial<LoggerOptions> = {}) {
  const chunks: string[] = []
  const log = createLogger({ now: () => TIME, write: (chunk) => void chunks.push(chunk), ...options })
  const lines = () => {
    log.flush()
    return chunks.join('').split('\n').slice(0, -1)
  }
  return { log, chunks, lines }
}

t.test('a JSON line has time, level, message and fields, in this order', (t) => {
  const { log, lines } = collect()
  log
    .child({ tunnel_id: 'agent_x' })
    .info('connected', { rtt_ms: 0.4, name: undefined, big: 1n, nested: { a: [1] } })
  t.strictSame(lines(), [
    '{"time":"2026-01-24T08:00:00.007Z","level":"info","msg":"connected","tunnel_id":"agent_x","rtt_ms":0.4,"big":"1","nested":{"a":[1]}}',
  ])
  t.end()
})

t.test('a pretty line is for people', (t) => {
  const { log, lines } = collect({ format: 'pretty' })
  log.warn('slow agent', { tunnel_id: 'agent_x', path: '/a b', ms: 12, error: refused() })
  const [line = ''] = lines()
  t.match(
    line,
    /^\d\d:00:00\.007 WARN {2}slow agent tunnel_id=agent_x path="\/a b" ms=12 error="connect ECONNREFUSED"$/,
  )
  t.end()
})

t.test('colour is there only where it is asked for', (t) => {
  const [plain, colored] = [collect({ format: 'pretty' }), collect({ format: 'pretty', color: true })]
  plain.log.info('x')
  colored.log.info('x')
  t.notMatch(plain.lines()[0], '\u001b')
  t.match(colored.lines()[0], '\u001b[32mINFO \u001b[0m x')
  t.end()
})

t.test('levels', (t) => {
  const kinds = ['debug', 'info', 'warn', 'error', 'notice'] as const
  const cases = [
    ['debug', 'debug info warn error notice'],
    ['info', 'info warn error notice'],
    ['warn', 'warn error notice'],
    ['error', 'error notice'],
  ] as const
  for (const [level, expected] of cases) {
    const { log, lines } = collect({ level })
    for (const kind of kinds) log[kind](kind)
    t.equal(
      lines()
        .map((line) => JSON.parse(line).msg)
        .join(' '),
      expected,
      level,
    )
  }
  const { log, lines } = collect({ level: 'error' })
  const child = log.child({ a: 1 })
  log.setLevel('debug')
  child.debug('now')
  t.equal(lines().length, 1, 'a new level counts for children too')
  t.end()
})

t.test('an event is one line of printable characters, whatever it holds', (t) => {
  const unit = fc.constantFrom(
    '\u001b',
    '\n',
    '\r',
    '\0',
    '\u007f',
    '\u0085',
    '\u009b',
    '\u2028',
    '\u202e',
    '\ud800',
    '"',
    '\\',
    ' ',
    '=',
    'ä',
  )
  const nasty = fc.string({ unit })
  fc.assert(
    fc.property(nasty, nasty, nasty, (msg, key, value) => {
      for (const format of ['json', 'pretty'] as const) {
        const { log, lines } = collect({ format })
        log.info(msg, { [`k${key}`]: value, list: [value], error: new Error(value) })
        const [line = '', ...more] = lines()
        t.equal(more.length, 0)
        t.notMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/)
        if (format === 'json') t.match(JSON.parse(line), { msg, [`k${key}`]: value, list: [value] })
      }
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('an error is told by message and code, and by nothing else it carries', (t) => {
  const { log, lines } = collect()
  const circular: Record<string, unknown> = {}
  circular.self = circular
  log.error('a', { error: Object.assign(refused(), { headers: { authorization: 'secret' } }) })
  log.error('b', { error: new AggregateError([refused()]) })
  log.error('c', { error: new TypeError('') })
  log.error('d', { value: circular })
  const events = lines().map((line) => JSON.parse(line))
  t.strictSame(
    events.map((event) => event.error),
    [
      { message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
      { message: 'connect ECONNREFUSED' },
      { message: 'TypeError' },
      undefined,
    ],
  )
  t.equal(events[3].value, '[not to be shown]')
  t.end()
})

t.test('lines of one turn go out together, and at once when they are many', async (t) => {
  const { log, chunks } = collect()
  log.raw('one')
  log.raw('two')
  t.strictSame(chunks, [])
  await new Promise(setImmediate)
  t.strictSame(chunks, ['one\ntwo\n'])
  log.raw('x'.repeat(16 * 1024))
  t.equal(chunks.length, 2, 'a full batch does not wait')
  log.raw('last')
  log.flush()
  t.equal(chunks.at(-1), 'last\n')
  await new Promise(setImmediate)
  t.equal(chunks.length, 3, 'nothing is written twice')
})

t.test('what is logged last is written before the process ends', (t) => {
  const module = new URL('../../shared/log.js', import.meta.url).href
  const script = `const { createLogger } = await import('${module}')
    for (let i = 0; i < 20; i += 1) createLogger({ now: () => 0 }).info('last ' + i)
    process.exit(0)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  t.equal(stdout.split('\n').length, 21)
  t.match(stdout, /"msg":"last 19"}\n$/)
  t.equal(stderr, '', 'and many loggers are no leak')
  t.end()
})

function refused(): Error {
  return Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
}
