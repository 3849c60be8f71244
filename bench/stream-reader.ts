import { Agent, type ClientRequest, get, type IncomingMessage } from 'node:http'
import { percentile } from './figure.js'
import { fieldsOf } from './service.js'
import type { Delays, StreamOrder, StreamReport } from './streams.js'

/** Reads paced event streams in a process of its own, and notes how long each event was on its way. */
const order = JSON.parse(process.argv[2] ?? '{}') as StreamOrder
const agent = new Agent({ keepAlive: true, maxSockets: order.streams })
const headers = fieldsOf(order.headers)
const firsts: number[] = []
const delays: number[] = []
const open = new Set<Stream>()
let opened = 0
let stalled = 0
/** First they are opened one after the other, then their events count. */
let phase: 'opening' | 'counting' | 'over' = 'opening'
/** Between two openings, milliseconds. */
const PACE_MS = 0.5
/** Streams that come and go do so for a while before they count: this process, too, has code to compile. */
const OPENING_MS = Math.max(order.streams * PACE_MS, 2 * (order.lifeMs ?? 0))

class Stream {
  readonly #request: ClientRequest
  readonly #began = performance.now()
  #last: number | undefined
  #stalled = false

  constructor() {
    open.add(this)
    this.#request = get(`http://${order.host}${order.path}`, { agent, headers }, (response) =>
      this.#read(response),
    ).on('error', () => {})
    // Spread over their whole life, so that they do not all end at once.
    if (order.lifeMs !== null) setTimeout(() => this.#renew(), order.lifeMs * (0.5 + Math.random()))
  }

  /** Called when all is over too: a stream that then waits for too long has stalled as well. */
  look(now: number): void {
    if (now - (this.#last ?? this.#began) > order.stallMs) this.#stalled = true
    if (this.#stalled) stalled++
  }

  destroy(): void {
    this.#request.destroy()
  }

  #renew(): void {
    if (phase === 'over') return
    this.look(performance.now())
    open.delete(this)
    this.destroy()
    new Stream()
  }

  #read(response: IncomingMessage): void {
    if (response.statusCode !== 200) return
    opened++
    let rest = ''
    response.setEncoding('latin1')
    response.on('error', () => {})
    response.on('data', (data: string) => {
      if (phase === 'over') return
      const [now, clock] = [performance.now(), process.hrtime.bigint()]
      if (this.#last === undefined) firsts.push(now - this.#began)
      else if (now - this.#last > order.stallMs) this.#stalled = true
      this.#last = now
      rest += data
      for (let at = rest.indexOf('\n\n'); at >= 0; at = rest.indexOf('\n\n')) {
        // `data: ` and the sender's clock, which is the machine's.
        if (phase === 'counting') delays.push(Number(clock - BigInt(rest.slice(6, at))) / 1e6)
        rest = rest.slice(at + 2)
      }
    })
  }
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
