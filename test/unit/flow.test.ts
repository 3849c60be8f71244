/** What is counted and timed: windows, heartbeat, backoff. And the fields that travel. */
import fc from 'fast-check'
import t from 'tap'
import { Backoff } from '../../shared/backoff.js'
import * as headers from '../../shared/headers.js'
import { Heartbeat } from '../../shared/heartbeat.js'
import { MAX_STREAM_WINDOW, STREAM_WINDOW, WINDOW_POOL } from '../../shared/limits.js'
import { type Timed, TimerQueue } from '../../shared/timer-queue.js'
import { ReceiveWindow, SendWindow, WindowPool } from '../../shared/window.js'

const KIB = 1024

t.test('a send window counts down, and up to 2^32 - 1', async (t) => {
  const window = new SendWindow(10)
  window.spend(10)
  t.equal(window.available, 0)
  window.credit(0xffff_ffff, 'stream 1')
  t.throws(() => window.credit(1, 'stream 1'), {
    name: 'ProtocolError',
    message: 'stream 1: credit overflows 2^32 - 1',
  })
})

t.test('a receive window gives credit by quarters, for what was read', async (t) => {
  const window = new ReceiveWindow(new WindowPool(), 0)
  window.receive(STREAM_WINDOW, 7)
  t.throws(() => window.receive(1, 7), {
    name: 'ProtocolError',
    message: 'stream 7: window exceeded by 1 bytes',
  })
  const quarter = new ReceiveWindow(new WindowPool(), 0)
  quarter.receive(STREAM_WINDOW, 7)
  t.same([quarter.read(64 * KIB - 1, 0, 0), quarter.read(1, 0, 0), quarter.held], [0, 64 * KIB, 192 * KIB])
  t.same([quarter.read(192 * KIB, 0, 0), quarter.held, quarter.size], [192 * KIB, 0, STREAM_WINDOW])
})

/** A reader that takes all at once, every `pause` ms. @returns the window's size after each turn. */
function turns(window: ReceiveWindow, count: number, pause: number, rtt: number, now = 0): number[] {
  let open = STREAM_WINDOW
  return Array.from({ length: count }, () => {
    window.receive(open, 1)
    now += pause
    open = window.read(open, now, rtt)
    return window.size / KIB
  })
}

t.test('a window grows while the reader takes it within two round trips', async (t) => {
  const pool = new WindowPool()
  const fast = new ReceiveWindow(pool, 0)
  t.same(turns(fast, 8, 100, 100), [512, 1024, 2048, 4096, 8192, 16384, 16384, 16384])
  t.same([fast.size, pool.free], [MAX_STREAM_WINDOW, WINDOW_POOL - MAX_STREAM_WINDOW + STREAM_WINDOW])
  t.same(turns(new ReceiveWindow(pool, 0), 3, 300, 100), [256, 256, 256], 'not in three')
  t.same(turns(new ReceiveWindow(pool, 0), 3, 0, 0), [256, 256, 256], 'not before the round trip is known')
  fast.release()
  const holding = new ReceiveWindow(pool, 0)
  holding.receive(STREAM_WINDOW, 1)
  t.same(
    [holding.read(STREAM_WINDOW / 2, 1, 100), holding.size],
    [STREAM_WINDOW / 2, STREAM_WINDOW],
    'not behind',
  )
})

t.test('an empty pool stops growth and nothing else', async (t) => {
  const pool = new WindowPool(512 * KIB)
  const [first, second] = [new ReceiveWindow(pool, 0), new ReceiveWindow(pool, 0)]
  t.same(
    [turns(first, 3, 1, 100), turns(second, 3, 1, 100)],
    [
      [512, 512, 512],
      [512, 512, 512],
    ],
  )
  t.same([pool.free, turns(new ReceiveWindow(pool, 0), 2, 1, 100)], [0, [256, 256]])
  first.release()
  t.equal(pool.free, 256 * KIB)
})

t.test('a window that was not read for two seconds gives its growth back as it drains', async (t) => {
  const pool = new WindowPool()
  const window = new ReceiveWindow(pool, 0)
  turns(window, 2, 10, 100)
  window.receive(1024 * KIB, 1)
  let credit = 0
  for (let i = 1; i <= 16; i++) credit += window.read(64 * KIB, 3000 + i, 0)
  t.same([window.size / KIB, window.held, pool.free], [256, 0, WINDOW_POOL])
  t.equal(credit, STREAM_WINDOW, 'and promises no more than it has')
})

t.test('after the end, growth stays out of the pool as long as its bytes are held', async (t) => {
  const pool = new WindowPool()
  const window = new ReceiveWindow(pool, 0)
  turns(window, 2, 10, 100)
  window.receive(1000 * KIB, 1)
  window.finish()
  t.equal(WINDOW_POOL - pool.free, 744 * KIB)
  t.same([window.read(500 * KIB, 20, 100), WINDOW_POOL - pool.free], [0, 244 * KIB])
  t.same([window.read(500 * KIB, 20, 100), WINDOW_POOL - pool.free], [0, 0])
  window.release()
  window.read(1, 30, 100)
  t.equal(pool.free, WINDOW_POOL)
})

t.test('whatever is sent and read, a window keeps its promise and the pool its count', async (t) => {
  const move = fc.record({
    send: fc.double({ min: 0, max: 1, noNaN: true }),
    read: fc.double({ min: 0, max: 1, noNaN: true }),
    wait: fc.nat(3000),
  })
  const property = fc.property(
    fc.array(move, { maxLength: 60 }),
    fc.nat(200),
    fc.boolean(),
    (moves, rtt, reset) => {
      const pool = new WindowPool(4096 * KIB)
      const window = new ReceiveWindow(pool, 0)
      let [now, open, held] = [0, STREAM_WINDOW, 0]
      for (const { send, read, wait } of moves) {
        const sent = Math.floor(open * send)
        window.receive(sent, 1)
        held += sent
        now += wait
        const taken = Math.floor(held * read)
        held -= taken
        open += window.read(taken, now, rtt) - sent
        if (open + held > window.size || window.held !== held) return false
        if (pool.free + window.size - STREAM_WINDOW !== 4096 * KIB) return false
      }
      // All read and still nothing to send: a stream that stands for ever.
      if (held === 0 && open === 0) return false
      if (reset) window.release()
      else {
        window.finish()
        window.read(held, now, rtt)
      }
      return pool.free === 4096 * KIB
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }))
})

t.test('a heartbeat', async (t) => {
  type Step = [at: number, what: 'tick' | 'heard' | 'pong' | 'old pong', result: unknown, next: number]
  const cases: Record<string, Step[]> = {
    'pings at once, and again an interval after the answer': [
      [0, 'tick', 'ping', 1000],
      [40, 'heard', false, 1000],
      [40, 'pong', 40, 15_040],
      [1000, 'tick', 'idle', 15_040],
      [15_040, 'tick', 'ping', 16_040],
    ],
    'calls a peer unresponsive after a second, once, and dead after interval and timeout': [
      [0, 'tick', 'ping', 1000],
      [999, 'tick', 'idle', 1000],
      [1000, 'tick', 'unresponsive', 25_000],
      [2000, 'tick', 'idle', 25_000],
      [24_999, 'tick', 'idle', 25_000],
      [25_000, 'tick', 'dead', 25_000],
    ],
    'takes anything that comes for life, and says that the peer is back': [
      [0, 'tick', 'ping', 1000],
      [1000, 'tick', 'unresponsive', 25_000],
      [20_000, 'heard', true, 35_000],
      [25_000, 'tick', 'idle', 35_000],
      [35_000, 'tick', 'ping', 36_000],
    ],
    'is patient where bulk delays the pong': [
      [0, 'tick', 'ping', 1000],
      [500, 'heard', false, 1000],
      [1000, 'tick', 'idle', 16_000],
      [1500, 'heard', false, 16_000],
      [1500, 'pong', 1500, 16_500],
      [16_500, 'tick', 'ping', 17_500],
    ],
    'measures by the last ping alone, once': [
      [0, 'tick', 'ping', 1000],
      [10, 'pong', 10, 15_010],
      [11, 'pong', undefined, 15_010],
      [15_010, 'tick', 'ping', 16_010],
      [15_020, 'old pong', undefined, 16_010],
      [15_030, 'pong', 20, 25_000],
    ],
    'gives a silent peer up while no ping is due': [
      [0, 'tick', 'ping', 1000],
      [10, 'heard', false, 1000],
      [10, 'pong', 10, 15_010],
      [25_009, 'tick', 'ping', 25_010],
      [25_010, 'tick', 'dead', 25_010],
    ],
  }
  for (const [name, steps] of Object.entries(cases)) {
    const heartbeat = new Heartbeat({ interval: 15_000, timeout: 10_000 }, 0)
    t.equal(heartbeat.next, 0)
    for (const [at, what, result, next] of steps) {
      const { nonce } = heartbeat
      const got =
        what === 'tick'
          ? heartbeat.tick(at)
          : what === 'heard'
            ? heartbeat.heard(at)
            : heartbeat.pong(what === 'pong' ? nonce : nonce - 1, at)
      t.same([at, what, got, heartbeat.next], [at, what, result, next], name)
    }
  }
  const quick = new Heartbeat({ interval: 100, timeout: 100 }, 50)
  t.same([quick.patience, quick.next, quick.unresponsive, quick.heardAt], [25, 50, false, 50])
  t.same([quick.tick(50), quick.tick(75), quick.unresponsive], ['ping', 'unresponsive', true])
})

t.test('a backoff is uniform below a ceiling that doubles, or around what is advised', async (t) => {
  let random = 0.5
  const backoff = new Backoff({ base: 250, max: 15_000, random: () => random })
  t.same(
    Array.from({ length: 8 }, () => backoff.next()),
    [125, 250, 500, 1000, 2000, 4000, 7500, 7500],
  )
  t.same([backoff.next(2000), backoff.next()], [2000, 7500])
  random = 0
  t.same([backoff.next(), backoff.next(2000)], [0, 1000])
  random = 0.999
  t.ok(backoff.next(2000) < 3000)
  for (let i = 0; i < 2000; i++) backoff.next()
  t.ok(backoff.next() <= 15_000, 'for ever')
  backoff.reset()
  random = 0.5
  t.equal(backoff.next(), 125)
})

t.test('fields: what is well-formed, what travels, what a list holds', async (t) => {
  for (const name of ['a', 'GET', 'x-a_b', "!#$%&'*+-.^_`|~0"]) t.ok(headers.isToken(name), name)
  for (const name of ['', ' ', 'a b', 'a:', 'é', 'a\n', '(', '"a"']) t.notOk(headers.isToken(name), name)
  for (const value of ['', 'a b', '\t', 'é\x80\xff', '"']) t.ok(headers.isFieldValue(value), value)
  for (const value of ['\r\nx: y', '\n', '\0', '\x7f', '\x1f', 'Ā', '😀'])
    t.notOk(headers.isFieldValue(value), value)
  const fields = ['via', 'a, b', 'x', '1', 'via', ' c ,,d', 'te', 'trailers']
  t.same([headers.getField(fields, 'via'), headers.getField(fields, 'none')], ['a, b', undefined])
  t.same(headers.listField(fields, 'via'), ['a', 'b', 'c', 'd'])
  t.same([headers.isHopByHop('te'), headers.isHopByHop('host')], [true, false])
  const list = (text: string) => text.split('; ').flatMap((field) => (field === '' ? [] : field.split(': ')))
  const cases: [given: string, kept: string][] = [
    ['host: h; connection: close; upgrade: x; a: 1', 'host: h; a: 1'],
    ['connection: X-Mine, keep-alive; x-mine: 1; x-mine-too: 2', 'x-mine-too: 2'],
    ['connection: , ,; connection: a; connection: b; a: 1; b: 2; c: 3', 'c: 3'],
    ['connection: host, Authorization, x-forwarded-for, gw-request-id, cookie; cookie: a', 'cookie: a'],
    ['transfer-encoding: chunked; trailer: x; proxy-authorization: p; proxy-connection: c', ''],
  ]
  for (const [given, kept] of cases) t.same(headers.endToEnd(list(given)), list(kept))
  t.same(headers.nominated(['connection', 'keep-alive, close, Upgrade']), new Set(['close']))
  t.equal(headers.nominated(['connection', 'Upgrade']), undefined)
})

t.test('a queue of timers fires each once, in the order they are due, as last set', async (t) => {
  const queue = new TimerQueue()
  const fired: Timed[] = []
  const late: number[] = []
  const seen = new Promise<void>((resolve) => {
    queue.set(timed(resolve), 60)
  })
  const all = Array.from({ length: 500 }, () => timed())
  for (const [at, each] of all.entries()) {
    queue.set(each, (at * 7919) % 41)
    if (at % 3 === 0) queue.set(all[(at * 31) % (at + 1)]!, (at * 13) % 50)
    if (at % 5 === 0) queue.clear(all[(at * 17) % (at + 1)]!)
  }
  const set = all.filter(({ place }) => place >= 0)
  t.equal(queue.size, set.length + 1)
  await seen
  t.equal(fired.length, set.length + 1)
  t.same(
    fired.map(({ dueAt }) => dueAt),
    fired.map(({ dueAt }) => dueAt).sort((a, b) => a - b),
  )
  t.ok(set.every((each) => each.place === -1 && fired.includes(each)))
  t.equal(
    late.findIndex((ms) => ms < 0),
    -1,
    'none too early',
  )
  t.equal(queue.size, 0)

  function timed(done = () => {}): Timed {
    return {
      dueAt: 0,
      place: -1,
      due() {
        late.push(performance.now() - this.dueAt)
        fired.push(this)
        done()
      },
    }
  }
})

t.test('a timer that throws keeps no other one of its queue from firing', async (t) => {
  const queue = new TimerQueue()
  const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
  const other = new Promise<void>((resolve) => queue.set({ dueAt: 0, place: -1, due: resolve }, 1))
  const throws = () => {
    throw new Error('of a timer')
  }
  queue.set({ dueAt: 0, place: -1, due: throws }, 0)
  await other
  t.match(await thrown, { message: 'of a timer' })
})
