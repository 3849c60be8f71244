import { Agent, get, type IncomingMessage } from 'node:http'
import type { StreamOrder, StreamReport } from './streams.js'

/** Reads paced event streams in a process of its own, and notes how long each event was on its way. */
const order = JSON.parse(process.argv[2] ?? '{}') as StreamOrder
const agent = new Agent({ keepAlive: true, maxSockets: order.streams })
const delays: number[] = []
let opened = 0
let over = false

function read(response: IncomingMessage): void {
  if (response.statusCode === 200) opened++
  let rest = ''
  response.setEncoding('latin1')
  response.on('error', () => {})
  response.on('data', (data: string) => {
    const now = process.hrtime.bigint()
    rest += data
    for (let at = rest.indexOf('\n\n'); at >= 0; at = rest.indexOf('\n\n')) {
      // `data: ` and the sender's clock, which is the machine's.
      const sent = BigInt(rest.slice(6, at))
      rest = rest.slice(at + 2)
      if (!over) delays.push(Number(now - sent) / 1e6)
    }
  })
}

const began = performance.now()
const requests = Array.from({ length: order.streams }, () =>
  get(`http://${order.host}${order.path}`, { agent }, read).on('error', () => {}),
)

setTimeout(() => {
  over = true
  const seconds = (performance.now() - began) / 1000
  delays.sort((a, b) => a - b)
  const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0
  const report: StreamReport = {
    opened,
    events: delays.length,
    seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  }
  console.log(`RESULT ${JSON.stringify(report)}`)
  for (const request of requests) request.destroy()
}, order.seconds * 1000)
