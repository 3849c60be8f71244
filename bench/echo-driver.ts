import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { EchoOrder, EchoReport } from './echo.js'
import { percentile } from './figure.js'
import { requestHead } from './request-head.js'
import { FrameReader, frame, Opcode } from './websocket.js'

/** WebSockets that each have one message on its way, in a process of its own. */
const order = JSON.parse(process.argv[2] ?? '{}') as EchoOrder
const [host = '', port = ''] = order.host.split(':')
const message = frame(Opcode.binary, Buffer.alloc(order.bytes, 'x'))
const delays: number[] = []
let open = 0
let began = 0

function fail(reason: string): never {
  console.log(reason)
  process.exit(1)
}

function start(): void {
  const socket = connect({ host, port: Number(port), noDelay: true })
  let head: string | undefined = ''
  let sentAt = 0
  const send = () => {
    sentAt = performance.now()
    socket.write(message)
  }
  const reader = new FrameReader((opcode, payload) => {
    if (opcode === Opcode.ping) socket.write(frame(Opcode.pong, payload))
    if (opcode !== Opcode.binary) return
    if (payload.length !== order.bytes) fail(`a message of ${payload.length} bytes came back`)
    delays.push(performance.now() - sentAt)
    send()
  })
  socket.on('error', (error) => fail(error.message))
  socket.on('close', () => fail('a connection ended'))
  socket.on('connect', () => {
    const upgrade = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ]
    socket.write(requestHead(order, 'GET', upgrade))
  })
  socket.on('data', (data: Buffer) => {
    if (head === undefined) {
      reader.push(data)
      return
    }
    head += data.toString('latin1')
    if (!head.includes('\r\n\r\n')) return
    if (!head.startsWith('HTTP/1.1 101')) fail(`answered ${head.slice(9, 300)}`)
    head = undefined
    if (++open < order.connections) start()
    else begin()
    send()
  })
}

/** What came before all were open is not counted. */
function begin(): void {
  delays.length = 0
  began = performance.now()
  setTimeout(() => {
    const seconds = (performance.now() - began) / 1000
    delays.sort((a, b) => a - b)
    const report: EchoReport = {
      messages: delays.length,
      seconds,
      p50Ms: percentile(delays, 0.5),
      p99Ms: percentile(delays, 0.99),
    }
    console.log(`RESULT ${JSON.stringify(report)}`)
    process.exit(0)
  }, order.seconds * 1000)
}

start()
