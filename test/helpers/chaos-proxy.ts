/** A TCP relay that misbehaves as it is told: stands between an agent and its gateway. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { assertNever } from '../../shared/errors.js'
import { Relay } from './chaos-relay.js'

export type Toxic =
  | { readonly kind: 'none' }
  /** Milliseconds one way, and how much more or less. */
  | { readonly kind: 'latency'; readonly ms: number; readonly jitter: number }
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number }
  /** Single bytes. */
  | { readonly kind: 'slicer' }
  /** A partition that heals: what was sent meanwhile comes afterwards. */
  | { readonly kind: 'hold' }
  /** Peers that vanish without a word: what is sent is lost, and no connection of that time ever works again. */
  | { readonly kind: 'blackhole' }

export const HEALTHY: Toxic = { kind: 'none' }

interface Pair {
  readonly near: Socket
  readonly far: Socket
  lost: boolean
}

export class ChaosProxy {
  readonly port: number
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #toxic: Toxic = HEALTHY
  #changed: (() => void)[] = []

  private constructor(server: Server, target: number) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (near: Socket) => this.#join(near, connect(target, '127.0.0.1')))
  }

  static async start(target: number): Promise<ChaosProxy> {
    const server = createServer({ allowHalfOpen: true })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return new ChaosProxy(server, target)
  }

  get toxic(): Toxic {
    return this.#toxic
  }

  set toxic(toxic: Toxic) {
    this.#toxic = toxic
    if (toxic.kind === 'blackhole') for (const pair of this.#pairs) pair.lost = true
    for (const resolve of this.#changed.splice(0)) resolve()
  }

  /** Resolves when the toxic is another. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve))
  }

  /** Ends every connection: `reset` by RST, `close` by FIN. */
  cut(how: 'reset' | 'close'): void {
    for (const { near, far } of this.#pairs) {
      switch (how) {
        case 'reset':
          reset(near)
          reset(far)
          break
        case 'close':
          near.destroy()
          far.destroy()
          break
        default:
          assertNever(how)
      }
    }
  }

  async stop(): Promise<void> {
    this.toxic = HEALTHY
    this.cut('close')
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(near: Socket, far: Socket): void {
    const pair: Pair = { near, far, lost: this.#toxic.kind === 'blackhole' }
    this.#pairs.add(pair)
    const relays = [new Relay(near, far, this, () => pair.lost), new Relay(far, near, this, () => pair.lost)]
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.setNoDelay(true)
      socket.on('error', () => {
        if (!pair.lost) reset(other)
      })
      socket.on('close', () => {
        for (const relay of relays) relay.stop()
        // A peer that vanished does not say so.
        if (!pair.lost) other.destroy()
        if (near.destroyed && far.destroyed) this.#pairs.delete(pair)
      })
    }
  }
}

/** Where the end is on its way already, Node would not reset the socket, nor ever be done with it. */
function reset(socket: Socket): void {
  if (socket.writableEnded || socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}
