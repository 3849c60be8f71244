import { connect, type Socket } from 'node:net'
import { AnswerCounter } from './answer.js'
import { percentile } from './figure.js'
import type { LoadOrder } from './load.js'
import { requestHead } from './request-head.js'

/** The load generator where there is no wrk: raw sockets, one process, one request at a time on each. */
const order = JSON.parse(process.argv[2] ?? '{}') as LoadOrder
const [host = '', port = ''] = order.host.split(':')
const head = requestHead(order, order.upload > 0 ? 'POST' : 'GET', [
  ...(order.upload > 0 ? [`Content-Length: ${order.upload}`] : []),
  ...(order.reuse ? [] : ['Connection: close']),
])
const request = Buffer.concat([Buffer.from(head), Buffer.alloc(order.upload, 'x')])

const sockets = new Set<Socket>()
const latencies: number[] = []
let requests = 0
let bytes = 0
let refused = 0
let broken = 0
let over = false

function open(): void {
  const socket = connect({ host, port: Number(port), noDelay: true })
  let sentAt = 0
  const send = () => {
    sentAt = performance.now()
    socket.write(request)
  }
  const counter = new AnswerCounter((status) => {
    requests++
    if (status < 200 || status > 399) refused++
    latencies.push(performance.now() - sentAt)
    if (over) return
    if (order.reuse) send()
    else again()
  })
  let gone = false
  const again = () => {
    if (gone) return
    gone = true
    sockets.delete(socket)
    socket.destroy()
    if (!over) open()
  }
  sockets.add(socket)
  socket.on('connect', send)
  socket.on('data', (data: Buffer) => {
    if (bytes === 0) console.log('STARTED')
    bytes += data.length
    counter.push(data)
  })
  socket.on('error', () => {
    if (!over && !gone) broken++
  })
  socket.on('close', again)
}

const began = performance.now()
for (let n = 0; n < order.connections; n++) open()

setTimeout(() => {
  over = true
  const seconds = (performance.now() - began) / 1000
  latencies.sort((a, b) => a - b)
  const [p50Ms, p99Ms] = [percentile(latencies, 0.5), percentile(latencies, 0.99)]
  console.log(`RESULT ${JSON.stringify({ requests, bytes, seconds, p50Ms, p99Ms, refused, broken })}`)
  for (const socket of sockets) socket.destroy()
}, order.seconds * 1000)
