/** The server behind the tunnel: takes strict requests alone, and keeps them by the case that they belong to. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { readStrictly, type StrictRequest } from '../../fuzz/strict.js'

export class Origin {
  /** Requests whose target begins with the name of a case, by that name. */
  readonly byTag = new Map<string, StrictRequest[]>()
  /** What is no request, or is nobody's. */
  readonly strange: string[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket))
  }

  static async start(): Promise<Origin> {
    const origin = new Origin()
    await once(origin.#server.listen({ port: 0, host: '127.0.0.1', backlog: 1000 }), 'listening')
    return origin
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    let bytes = Buffer.alloc(0)
    /** The request whose end has not come. */
    let current: StrictRequest | undefined
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      const { requests, fault } = readStrictly(bytes)
      if (fault !== undefined)
        this.strange.push(`${fault}: ${JSON.stringify(bytes.toString('latin1', 0, 300))}`)
      const [first] = requests
      if (first === undefined) return
      if (current === undefined) this.#take(first)
      else Object.assign(current, { body: first.body, complete: first.complete })
      current ??= first
      if (!first.complete) return
      if (requests.length > 1) this.strange.push(`a request behind ${first.target}, before its answer`)
      current = undefined
      bytes = Buffer.alloc(0)
      const head = `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-For: ${first.target}\r\n\r\n`
      socket.write(Buffer.from(first.method === 'HEAD' ? head : `${head}ok`, 'latin1'))
    })
  }

  #take(request: StrictRequest): void {
    const tag = /^\/(c\d{4})/.exec(request.target)?.[1]
    if (tag === undefined) this.strange.push(`nobody sent ${request.method} ${request.target}`)
    else this.byTag.set(tag, [...(this.byTag.get(tag) ?? []), request])
  }
}
