import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket, us_socket } from 'uWebSockets.js'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Engine, EngineFactory, EngineHandlers, EngineOptions, SocketLimits } from './engine.js'
import { handshakeKey } from './handshake.js'
import { UwsCaller } from './uws-caller.js'
import { readHead } from './uws-head.js'
import type { NativeContext, NativeRequest, NativeResponse, NativeSocket } from './uws-native.js'
import { type UwsSocket, UwsUpgrade } from './uws-socket.js'
import { Turn } from './uws-turn.js'

type Uws = typeof import('uWebSockets.js')

/**
 * What the engine takes of a request's head, request line included. Above the 16 KiB that callers are promised,
 * so that the answer to a little too much is the gateway's own; past it the engine says 431 itself.
 */
const HEAD_BYTES = 20 * 1024

/** Without it a second process on the port is let in silently, and gets half of the callers. */
const EXCLUSIVE = 1

const UNREADABLE =
  'The request has bytes that are not UTF-8 in its target, or in one of several fields of a name.\n'

/** The binary reads its limits from the environment while it loads, hence the late import. */
export async function loadUws(): Promise<EngineFactory> {
  process.env.UWS_HTTP_MAX_HEADERS_SIZE = String(HEAD_BYTES)
  let uws: Uws
  try {
    uws = await import('uWebSockets.js')
  } catch (cause) {
    const here = `Node ${process.version} on ${process.platform} ${process.arch}`
    throw new Error(
      `uWebSockets.js has no binary that loads on ${here}: it needs Node 20 or 22, on Linux with glibc`,
      { cause },
    )
  }
  // The mark is a response field with the engine's name and version.
  ;(uws as Uws & { _cfg(word: string): void })._cfg('silent')
  return (options, handlers) => new UwsEngine(uws, options, handlers)
}

class UwsEngine implements Engine {
  readonly name = 'uws'
  private readonly uws: Uws
  private readonly app: TemplatedApp
  private readonly options: EngineOptions
  private readonly handlers: EngineHandlers
  private readonly turn: Turn
  private listening: us_listen_socket | undefined

  constructor(uws: Uws, options: EngineOptions, handlers: EngineHandlers) {
    this.uws = uws
    this.options = options
    this.handlers = handlers
    this.turn = new Turn(options.onError)
    this.app = uws.App()
    if (options.links !== undefined) this.sockets(options.links.path, options.links)
    this.sockets('/*', options)
    this.app.any('/*', (res, req) => this.request(res, req, undefined))
  }

  private sockets(path: string, { maxMessage, maxBackpressure }: SocketLimits): void {
    this.app.ws<{ socket: UwsSocket }>(path, {
      maxPayloadLength: maxMessage,
      maxBackpressure,
      closeOnBackpressureLimit: true,
      idleTimeout: 0,
      sendPingsAutomatically: false,
      compression: 0,
      upgrade: (res, req, context) => this.request(res, req, context),
      open: (ws) => ws.getUserData().socket.opened(ws as NativeSocket),
      message: (ws, data, binary) => ws.getUserData().socket.message(data, binary),
      drain: (ws) => ws.getUserData().socket.drained(),
      pong: (ws) => ws.getUserData().socket.ponged(),
      close: (ws, code, reason) => ws.getUserData().socket.closed(code, reason),
    })
  }

  get build(): Record<string, string> {
    const abi = process.versions.modules
    const name = `uws_${process.platform}_${process.arch}_${abi}.node`
    const binary = readFileSync(new URL(`bin/${name}`, import.meta.resolve('uWebSockets.js')))
    return { binary: name, abi, sha256: createHash('sha256').update(binary).digest('hex') }
  }

  listen(): Promise<number> {
    const { host, port } = this.options
    return new Promise((resolve, reject) => {
      const listen = this.app.listen.bind(this.app) as unknown as ListenExclusively
      listen(host, port, EXCLUSIVE, (socket) => {
        if (socket === false) reject(new Error(`${host}:${port} is in use or not an address of this machine`))
        else {
          this.listening = socket
          resolve(this.uws.us_socket_local_port(socket as us_socket))
        }
      })
    })
  }

  stopAccepting(): void {
    if (this.listening !== undefined) this.uws.us_listen_socket_close(this.listening)
    this.listening = undefined
  }

  async close(): Promise<void> {
    this.turn.closing = true
    this.app.close()
    this.listening = undefined
    this.turn.close()
    await new Promise<void>((resolve) => this.turn.later(resolve))
  }

  private request(native: HttpResponse, req: HttpRequest, context: NativeContext | undefined): void {
    const res = native as unknown as NativeResponse
    const caller = new UwsCaller(res, this.turn)
    this.turn.parsing = true
    const head = readHead(res, req as unknown as NativeRequest)
    if (head === undefined) {
      caller.head = { ...caller.head, method: req.getCaseSensitiveMethod() }
      caller.respond({ status: 400, headers: ['content-type', 'text/plain'], close: true }, UNREADABLE)
    } else {
      const key = context && handshakeKey(head)
      if (key === undefined) caller.begin(head, () => this.handlers.request(caller))
      else {
        const upgrade = new UwsUpgrade(caller, key, context!, this.turn)
        caller.begin(head, () => this.handlers.upgrade(upgrade))
      }
    }
    this.turn.parsing = false
  }
}

type ListenExclusively = (
  host: string,
  port: number,
  options: number,
  done: (socket: us_listen_socket | false) => void,
) => void
