import { connect, type Socket } from 'node:net'
import { percentile } from './figure.js'
import { requestHead } from './request-head.js'
import type { Delays, StreamOrder, StreamReport } from './streams.js'

/**
 * Reads paced event streams in a process of its own, and notes how long each event was on its way. On raw sockets: a
 * client of HTTP would take as much CPU for a stream as the tunnel, on the same two cores.
 */
const order = JSON.parse(process.argv[2] ?? '{}') as StreamOrder
const [host = '', port = ''] = order.host.split(':')
const request = Buffer.from(requestHead(order))
/** The sender's clock, which is the machine's. */
const EVENT = /data: (\d+)\n\n/g
/** What is no event after so many characters is something else. */
const MOST_BETWEEN = 4096
const firsts: number[] = []
const delays: number[] = []
const open = new Set<Stream>()
let opened = 0
let stalled = 0
/** First they are opened one after the other, then their events count. */
let phase: 'opening' | 'counting' | 'over' = 'opening'
/** Between two openings, milliseconds. */
const PACE_MS = 0.5
/**
 * Streams that come and go do so for a while before they count: this process, too, has code to compile, and a subject
 * that was idle for some seconds gives memory back a second later, which stops it for 10 to 20 ms.
 */
const OPENING_MS = Math.max(order.streams * PACE_MS, 4 * (order.lifeMs ?? 0))

class Stream {
  readonly #socket: Socket
  readonly #began = performance.now()
  #rest = ''
  #answered = false
  #last: number | undefined
  #stalled = false

  constructor() {
    open.add(this)
    this.#socket = connect({ host, port: Number(port), noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('error', () => {})
    this.#socket.on('data', (text: string) => this.#read(text))
    this.#socket.write(request)
    // Spread over their whole life, so that they do not all end at once.
    if (order.lifeMs !== null) setTimeout(() => this.#renew(), order.lifeMs * (0.5 + Math.random()))
  }

  /** Called when all is over too: a stream that then waits for too long has stalled as well. */
  look(now: number): void {
    if (now - (this.#last ?? this.#began) > order.stallMs) this.#stalled = true
    if (this.#stalled) stalled++
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #renew(): void {
    if (phase === 'over') return
    this.look(performance.now())
    open.delete(this)
    this.destroy()
    new Stream()
  }

  #read(text: string): void {
    if (phase === 'over') return
    const [now, clock] = [performance.now(), process.hrtime.bigint()]
    this.#rest += text
    if (!this.#answered) {
      if (!this.#rest.includes('\r\n\r\n')) return
      if (!this.#rest.startsWith('HTTP/1.1 200')) fail(`answered ${this.#rest.slice(9, 300)}`)
      this.#answered = true
      opened++
    }
    // Between two events stand the frames of their chunks, which tell nothing.
    let end = 0
    for (const { 0: event, 1: sent = '', index } of this.#rest.matchAll(EVENT)) {
      end = index + event.length
      if (phase === 'counting') delays.push(Number(clock - BigInt(sent)) / 1e6)
    }
    this.#rest = this.#rest.slice(end)
    if (this.#rest.length > MOST_BETWEEN) fail(`no event is ${this.#rest.slice(0, 300)}`)
    if (end > 0) this.#came(now)
  }

  #came(now: number): void {
    if (this.#last === undefined) firsts.push(now - this.#began)
    else if (now - this.#last > order.stallMs) this.#stalled = true
    this.#last = now
  }
}

function fail(reason: string): never {
  console.log(reason)
  process.exit(1)
}

function delaysOf(values: number[]): Delays {
  values.sort((a, b) => a - b)
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: percentile(values, 1) }
}

for (let n = 0; n < order.streams; n++) setTimeout(() => new Stream(), n * PACE_MS)

setTimeout(() => {
  phase = 'counting'
  if (order.lifeMs !== null) firsts.length = 0
  const began = performance.now()
  setTimeout(() => finish((performance.now() - began) / 1000), order.seconds * 1000)
}, OPENING_MS)

function finish(seconds: number): void {
  phase = 'over'
  for (const stream of open) stream.look(performance.now())
  const report: StreamReport = {
    opened,
    stalled,
    events: delays.length,
    seconds,
    first: delaysOf(firsts),
    event: delaysOf(delays),
  }
  console.log(`RESULT ${JSON.stringify(report)}`)
  for (const stream of open) stream.destroy()
}
