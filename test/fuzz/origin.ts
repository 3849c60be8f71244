/** The server behind a lane: takes strict requests alone, answers in an order that can be told, keeps what it got. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { readStrictly, type StrictRequest, valuesOf } from './strict.js'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** An empty close frame with the code 1000. */
const GOODBYE = Buffer.of(0x88, 0x02, 0x03, 0xe8)

export class Origin {
  /** Requests of this case in the order in which their heads came. */
  requests: StrictRequest[] = []
  /** What came and is no request. */
  faults: string[] = []
  /** Counts whatever happens. */
  events = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket))
  }

  static async start(): Promise<Origin> {
    const origin = new Origin()
    await once(origin.#server.listen(0, '127.0.0.1'), 'listening')
    return origin
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Connections that the agent still has. */
  get connections(): number {
    return this.#sockets.size
  }

  begin(): void {
    this.requests = []
    this.faults = []
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #serve(socket: Socket): void {
    this.events++
    this.#sockets.add(socket)
    let bytes = Buffer.alloc(0)
    let current: StrictRequest | undefined
    socket.on('error', () => {})
    socket.on('close', () => {
      this.events++
      this.#sockets.delete(socket)
    })
    let upgraded = false
    socket.on('data', (chunk) => {
      this.events++
      if (upgraded) return
      bytes = Buffer.concat([bytes, chunk])
      const { requests, fault } = readStrictly(bytes)
      if (fault !== undefined)
        this.faults.push(`${fault}: ${JSON.stringify(bytes.toString('latin1', 0, 300))}`)
      for (const request of requests) {
        if (current === undefined) this.requests.push(request)
        else Object.assign(current, { body: request.body, complete: request.complete, to: request.to })
        current ??= request
        if (!current.complete) continue
        upgraded = this.#answer(socket, current, this.requests.indexOf(current) + 1)
        bytes = bytes.subarray(current.to)
        current = undefined
      }
    })
  }

  /** In one of several ways, always the same one for a request. `nth`: from 1. @returns whether it is a WebSocket now. */
  #answer(socket: Socket, request: StrictRequest, nth: number): boolean {
    const [key] = valuesOf(request, 'sec-websocket-key')
    if (key !== undefined && valuesOf(request, 'upgrade').length > 0 && request.target.endsWith('/ws')) {
      const accept = createHash('sha1')
        .update(key + GUID)
        .digest('base64')
      const fields = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\nX-Nth: ${nth}`
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`)
      socket.write(GOODBYE)
      return true
    }
    const ways = [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Nth: #\r\n\r\nok',
      'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nX-Nth: #\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      'HTTP/1.1 204 No Content\r\nX-Nth: #\r\n\r\n',
      'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nX-Nth: #\r\n\r\n',
    ] as const
    const text = ways[(request.target.length + request.body.length) % ways.length]!.replace('#', String(nth))
    socket.write(request.method === 'HEAD' ? text.slice(0, text.indexOf('\r\n\r\n') + 4) : text)
    return false
  }
}
