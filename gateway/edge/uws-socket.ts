import type { ResponseHead, Socket, SocketEvents, Upgrade } from './engine.js'
import { closeReason } from './handshake.js'
import { headFault } from './response-head.js'
import type { UwsCaller } from './uws-caller.js'
import { writeHead } from './uws-head.js'
import type { NativeContext, NativeResponse, NativeSocket } from './uws-native.js'
import type { Turn } from './uws-turn.js'

/** One WebSocket on uWebSockets.js. Its events are queued: they never arrive inside an engine's callback. */
export class UwsSocket implements Socket {
  private readonly turn: Turn
  private readonly events: SocketEvents
  /** Undefined once it is closed: every call on it would throw. */
  private native: NativeSocket | undefined

  constructor(turn: Turn, events: SocketEvents) {
    this.turn = turn
    this.events = events
  }

  get bufferedAmount(): number {
    return this.native?.getBufferedAmount() ?? 0
  }

  send(message: Uint8Array, binary: boolean): boolean {
    if (this.native === undefined) return false
    if (this.native.send(message, binary, false) !== 2) return true
    this.destroy()
    return false
  }

  ping(): void {
    this.native?.ping()
  }

  /** A code that no close frame may carry is left out. */
  close(code: number, reason: string): void {
    const { native } = this
    this.native = undefined
    if (code < 1000 || code > 4999 || code === 1004 || code === 1005 || code === 1006 || code === 1015)
      native?.end()
    else native?.end(code, closeReason(reason))
  }

  destroy(): void {
    const { native } = this
    this.native = undefined
    native?.close()
  }

  opened(native: NativeSocket): void {
    this.native = native
  }

  message(data: ArrayBuffer, binary: boolean): void {
    const copy = this.turn.keep(data)
    this.later(() => this.events.message(copy, binary))
  }

  ponged(): void {
    this.later(() => this.events.pong())
  }

  drained(): void {
    this.later(() => this.events.drain())
  }

  closed(code: number, reason: ArrayBuffer): void {
    this.native = undefined
    const text = Buffer.from(reason).toString()
    // The engine has no number for a close frame without a code.
    this.later(() => this.events.close(code === 0 ? 1005 : code, text))
  }

  private later(work: () => void): void {
    this.turn.later(() => {
      try {
        work()
      } catch (error) {
        this.turn.onError(error)
        this.destroy()
      }
    })
  }
}

/** A handshake that waits. Until it is accepted it is an exchange like any other. */
export class UwsUpgrade implements Upgrade {
  readonly caller: UwsCaller
  private readonly key: string
  private readonly context: NativeContext
  private readonly turn: Turn

  constructor(caller: UwsCaller, key: string, context: NativeContext, turn: Turn) {
    this.caller = caller
    this.key = key
    this.context = context
    this.turn = turn
  }

  accept(protocol: string | undefined, headers: readonly string[], events: SocketEvents): Socket | undefined {
    const head = { status: 101, reason: 'Switching Protocols', headers }
    const list = protocol === undefined ? headers : [...headers, 'sec-websocket-protocol', protocol]
    const fault = headFault({ status: 200, headers: list })
    // A head with a fault is told and refused where every other one is.
    if (fault !== undefined) this.caller.respond({ status: 200, headers: list })
    const res = this.caller.take()
    if (res === undefined) return undefined
    const socket = new UwsSocket(this.turn, events)
    this.handshake(res, head, protocol ?? '', socket)
    return socket
  }

  private handshake(res: NativeResponse, head: ResponseHead, protocol: string, socket: UwsSocket): void {
    res.cork(() => {
      writeHead(res, head)
      // Without extensions: compression costs 3 to 10 times a message.
      res.upgrade({ socket }, this.key, protocol, '', this.context)
    })
  }
}
