/**
 * A long line: a TCP relay in user space with a round trip and, as TCP on such a line has, a window. What was sent
 * counts against the window for a whole round trip.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export interface Line {
  /** Milliseconds. */
  roundTrip: number
  /** Bytes on the way, each direction. */
  window: number
}

export class DelayProxy {
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, target: number, line: Line) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (near: Socket) => {
      const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from)
        from.setNoDelay(true)
        from.on('error', () => to.destroy())
        from.on('end', () => setTimeout(() => to.end(), line.roundTrip / 2))
        carry(from, to, line)
      }
    })
  }

  static async start(target: number, line: Line): Promise<DelayProxy> {
    const server = createServer({ allowHalfOpen: true })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return new DelayProxy(server, target, line)
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

function carry(from: Socket, to: Socket, { roundTrip, window }: Line): void {
  let inFlight = 0
  from.on('data', (bytes: Buffer) => {
    inFlight += bytes.length
    if (inFlight >= window) from.pause()
    setTimeout(() => void (to.destroyed || to.write(bytes)), roundTrip / 2)
    setTimeout(() => {
      inFlight -= bytes.length
      if (inFlight < window) from.resume()
    }, roundTrip)
  })
}
