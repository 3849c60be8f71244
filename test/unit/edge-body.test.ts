/** A request's body on its way, its deadlines, and the line that is left of it. */
import { mock } from 'node:test'
import t from 'tap'
import { readBody } from '../../gateway/api/body.js'
import { AccessLog, type AccessMode } from '../../gateway/edge/access-log.js'
import { Deadlines, type Sweepable } from '../../gateway/edge/deadlines.js'
import type { Ended } from '../../gateway/edge/ended.js'
import type { Caller, RequestHead } from '../../gateway/edge/engine.js'
import { HELD, Upload, type UploadLimits } from '../../gateway/edge/upload.js'
import { createLogger, type LogFormat } from '../../shared/log.js'
import { Pair } from '../helpers/pair.js'
import { POST, Tape } from '../helpers/tape.js'

/** A caller that only says whether it is paused. */
function caller(): Caller & { said: string[] } {
  const said: string[] = []
  return {
    said,
    head: { method: 'POST', target: '/', headers: [], remoteAddress: '', secure: false },
    events: { data() {}, end() {}, writable() {}, aborted() {} },
    pause: () => said.push('pause'),
    resume: () => said.push('resume'),
    respond() {},
    start() {},
    write: () => true,
    end() {},
    cut() {},
  }
}

/** An upload and the stream it may go to; the agent reads only when it is told to. */
function uploading(limits: Partial<UploadLimits> = {}, length?: number) {
  const source = caller()
  const upload = new Upload(source, { maxBody: 0, minUploadRate: 100, ...limits }, length, 0)
  const agent = new Tape()
  agent.eager = false
  const pair = new Pair({
    accept: (stream) => {
      agent.stream = stream
      return agent
    },
  })
  const open = () =>
    pair.gateway.mux.open(POST, { head() {}, data() {}, end() {}, drain: () => upload.resume(), reset() {} })
  return { source, upload, agent, pair, open }
}

t.test('a short body is held, goes with the head, and can go again', async (t) => {
  const { upload, pair, agent, open, source } = uploading()
  t.equal(upload.whole, undefined, 'not before it is complete')
  upload.data(Buffer.from('ab'), 1)
  upload.data(Buffer.from('cd'), 2)
  t.ok(upload.replayable)
  upload.end()
  t.equal(String(upload.whole), 'abcd')
  for (let i = 0; i < 2; i++) {
    upload.attach(open(), false)
    pair.drive()
    t.same([agent.text.slice(-4), agent.said.at(-1)], ['abcd', 'end'])
    upload.detach()
  }
  t.same(source.said, [])
  const { upload: none } = uploading()
  none.end()
  t.equal(none.whole, null)
})

t.test('a body of 64 KiB is held whole, one byte more pauses the caller', async (t) => {
  const { upload, source, open, pair, agent } = uploading()
  upload.data(Buffer.alloc(HELD), 1)
  t.same([source.said, upload.replayable], [[], true])
  upload.data(Buffer.alloc(1), 2)
  t.same([source.said, upload.replayable], [['pause'], false])
  upload.attach(open(), false)
  t.same(source.said, ['pause', 'resume'])
  pair.drive()
  t.equal(agent.held, HELD + 1)
})

t.test('an agent that does not read stops the caller, and its reading lets it on', async (t) => {
  const { upload, source, open, pair, agent } = uploading()
  const stream = open()
  upload.attach(stream, false)
  let sent = 0
  for (; source.said.length === 0; sent += HELD) {
    upload.data(Buffer.alloc(HELD), sent)
    pair.drive()
  }
  t.same(source.said, ['pause'])
  t.ok(sent <= 512 * 1024, `${sent} bytes are on the way`)
  const before = upload.lastMoved(1_000_000)
  t.equal(upload.lastMoved(1_000_001), before, 'nothing moves')
  agent.read()
  pair.drive()
  t.same(source.said, ['pause', 'resume'])
  t.equal(upload.lastMoved(2_000_000), 2_000_000, 'bytes moved on to the agent')
})

t.test('a body over the bound is refused, declared or not', async (t) => {
  t.equal(uploading({ maxBody: 10 }, 10).upload.data(Buffer.alloc(1), 0), undefined)
  t.throws(() => uploading({ maxBody: 10 }, 11), { code: 'payload_too_large' })
  const { upload } = uploading({ maxBody: 10 })
  t.equal(upload.data(Buffer.alloc(10), 1), undefined)
  t.match(upload.data(Buffer.alloc(1), 2), { code: 'payload_too_large' })
})

t.test('an upload is too slow below its rate over 10 s in which we were ready to read', async (t) => {
  const { upload, source } = uploading()
  const empty = uploading({ minUploadRate: 0 })
  /** Sends so many bytes a second. @returns when it is told that this is too slow. */
  const seconds = (from: number, to: number, bytes: number) => {
    for (let second = from + 1; second <= to; second++) {
      if (bytes > 0) upload.data(Buffer.alloc(bytes), second * 1000)
      if (upload.overdue(second * 1000, 0)?.code === 'request_timeout') return second
    }
    return undefined
  }
  t.equal(seconds(0, 30, 100), undefined, 'as fast as it must')
  t.equal(seconds(30, 60, 99), 40, 'told at the end of the window')
  upload.data(Buffer.alloc(HELD), 40_000)
  t.same(source.said, ['pause'])
  t.equal(seconds(40, 90, 0), undefined, 'while we do not read')
  upload.end()
  t.equal(seconds(90, 120, 0), undefined, 'when it is complete')
  t.equal(empty.upload.overdue(1_000_000, 0), undefined, 'without a limit')
  t.match(empty.upload.overdue(1_000_000, 1000), { code: 'response_timeout' })
})

t.test('deadlines are looked at while there are any', async (t) => {
  let now = 0
  const deadlines = new Deadlines(() => ++now)
  const seen: number[] = []
  await new Promise<void>((resolve) => {
    const one: Sweepable = {
      requestId: '',
      place: -1,
      destroy() {},
      sweep: (at: number) => {
        seen.push(at)
        if (seen.length < 2) return
        deadlines.forget(one)
        resolve()
      },
    }
    deadlines.watch(one)
  })
  t.same(seen, [1, 2])
  deadlines.close()
})

const HEAD: RequestHead = {
  method: 'GET',
  target: '/a"b\u00e9?secret',
  headers: [],
  remoteAddress: '192.0.2.1',
  secure: false,
}
const SUMMARY: Ended = {
  requestId: 'the-id',
  route: 'forward',
  status: 200,
  code: undefined,
  tunnelId: 'agent_x',
  bytesIn: 1,
  bytesOut: 2,
  duration: 1.005,
  queued: 0.1,
  firstByte: 0.5,
  moves: 0,
}

function logged(mode: AccessMode, format: LogFormat, write: (log: AccessLog) => void): string[] {
  let text = ''
  const logger = createLogger({ format, write: (chunk) => (text += chunk) })
  write(new AccessLog(mode, format, logger))
  logger.flush()
  return text.split('\n').slice(0, -1)
}

t.test('one line a request, and it stays one', async (t) => {
  const [line] = logged('on', 'json', (log) => log.ended(HEAD, SUMMARY))
  const { time, ...facts } = JSON.parse(line!) as Record<string, unknown>
  t.match(time, /^\d{4}-.*Z$/)
  t.same(facts, {
    level: 'info',
    msg: 'request',
    request_id: 'the-id',
    method: 'GET',
    path: '/a"b\u00e9',
    status: 200,
    route: 'forward',
    tunnel_id: 'agent_x',
    duration_ms: 1,
    bytes_in: 1,
    bytes_out: 2,
    remote_address: '192.0.2.1',
  })
  t.match(line, /^[\x20-\x7e]*$/)
  t.match(
    JSON.parse(
      logged('on', 'json', (log) => log.ended(HEAD, { ...SUMMARY, code: 'idle_timeout', moves: 2 }))[0]!,
    ),
    { code: 'idle_timeout', moves: 2 },
  )
  const evil = { ...HEAD, method: 'G":\u001b[31m\r\n', target: '/\u2028\n' }
  const refused = (log: AccessLog) => log.ended(evil, { ...SUMMARY, status: 400, code: 'bad_request' })
  t.match(JSON.parse(logged('on', 'json', refused)[0]!), {
    method: evil.method,
    path: evil.target,
    status: 400,
    code: 'bad_request',
  })
  for (const format of ['json', 'pretty'] as const) {
    const lines = logged('on', format, refused)
    t.equal(lines.length, 1)
    t.match(lines[0], /^[\x20-\x7e]*$/)
  }
  t.match(
    logged('on', 'pretty', (log) => log.ended(HEAD, SUMMARY))[0],
    /^\d\d:\d\d:\d\d\.\d{3} 200 GET "\/a\\"b\\u00e9" 1ms agent_x the-id$/,
  )
})

t.test('the mode says which lines there are', async (t) => {
  const all = (log: AccessLog) => {
    log.ended(HEAD, SUMMARY)
    log.ended(HEAD, { ...SUMMARY, status: 404 })
    log.ended(HEAD, { ...SUMMARY, status: 500 })
    log.ended(HEAD, { ...SUMMARY, code: 'aborted' })
    log.ended(HEAD, { ...SUMMARY, status: 404, code: 'not_found' })
    log.ended(HEAD, { ...SUMMARY, route: 'api' })
    log.ended(HEAD, { ...SUMMARY, route: 'api', status: 503 })
  }
  const counts = (['on', 'errors', 'off'] as const).map((mode) => logged(mode, 'json', all).length)
  t.same(counts, [7, 4, 0])
})

t.test("a body for the gateway's own endpoints keeps its pace", async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const sender = caller()
  const asked = readBody(sender, 4000, 100)
  const refused = t.rejects(asked, { code: 'request_timeout', status: 408 })
  sender.events.data(Buffer.alloc(1000))
  mock.timers.tick(10_000)
  sender.events.data(Buffer.alloc(999))
  mock.timers.tick(9999)
  t.same(await Promise.race([asked.catch(() => 'refused'), Promise.resolve('waits')]), 'waits')
  mock.timers.tick(1)
  await refused

  const unhurried = readBody(sender, 4000)
  mock.timers.tick(60_000)
  sender.events.data(Buffer.from('x'))
  sender.events.end()
  t.equal(String(await unhurried), 'x')
})
