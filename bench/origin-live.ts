import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Material } from './material.js'
import { FrameReader, Opcode, serverFrame, WEBSOCKET_GUID } from './websocket.js'

/** The origin for what a file server cannot do: reading, hashing, pacing and echoing. Runs in its own process. */

function number(query: URLSearchParams, name: string): number {
  const value = Number(query.get(name))
  if (!Number.isSafeInteger(value) || value <= 0) throw new Error(`${name} is missing`)
  return value
}

async function download(query: URLSearchParams, response: ServerResponse): Promise<void> {
  const bytes = number(query, 'bytes')
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes })
  const pieces = new Material(query.get('seed') ?? '').pieces(bytes)
  await pipeline(Readable.from(pieces, { highWaterMark: 16 }), response)
}

/** Reads a body and tells its length, and its hash where that is asked for. */
async function upload(
  request: IncomingMessage,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const hash = query.has('hash') ? createHash('sha256') : undefined
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    hash?.update(piece)
  }
  response.writeHead(200, { 'content-type': 'text/plain' }).end(`${bytes} ${hash?.digest('hex') ?? '-'}`)
}

/** Server-sent events at once and then at a steady pace; each holds the time it left, on the clock all processes share. */
function stream(query: URLSearchParams, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // nginx passes a stream on piece by piece only where it is told so.
    'x-accel-buffering': 'no',
  })
  const send = () => void response.write(`data: ${process.hrtime.bigint()}\n\n`)
  send()
  const timer = setInterval(send, number(query, 'interval'))
  response.on('close', () => clearInterval(timer))
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://origin')
  switch (pathname) {
    case '/':
      response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 13 }).end('Hello, world!')
      return
    case '/download':
      return await download(searchParams, response)
    case '/upload':
      return await upload(request, searchParams, response)
    case '/stream':
      return stream(searchParams, response)
    default:
      response.writeHead(404).end()
  }
}

/** A WebSocket that sends back what it gets. */
function echo(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const key = request.headers['sec-websocket-key'] ?? ''
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${createHash('sha1')
      .update(key + WEBSOCKET_GUID)
      .digest('base64')}`,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const reader = new FrameReader((opcode, payload) => {
    if (opcode === Opcode.binary) socket.write(serverFrame(Opcode.binary, payload))
    else if (opcode === Opcode.ping) socket.write(serverFrame(Opcode.pong, payload))
    else if (opcode === Opcode.close) socket.end(serverFrame(Opcode.close, payload))
  })
  if ('setNoDelay' in socket) (socket as Socket).setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('data', (data: Buffer) => reader.push(data))
  if (head.length > 0) reader.push(head)
}

const server = createServer((request, response) => {
  serve(request, response).catch(() => response.destroy())
})
server.on('upgrade', echo)
server.keepAliveTimeout = 300_000
server.requestTimeout = 0
server.listen(0, '127.0.0.1', 4096, () => {
  const address = server.address()
  if (address && typeof address === 'object') console.log(`listening on 127.0.0.1:${address.port}`)
})
