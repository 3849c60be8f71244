import type { us_listen_socket, us_socket, WebSocketBehavior } from 'uWebSockets.js'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { PemFault } from '../../shared/pem.js'
import { CertificateError, type Certificates, readCertificates, sameCertificates } from './certificates.js'
import type {
  Engine,
  EngineFactory,
  EngineHandlers,
  EngineOptions,
  SocketLimits,
  TlsFiles,
} from './engine.js'
import { freePort, notOursFor } from './free-port.js'
import { handshakeKey } from './handshake.js'
import { engineHead } from './head-bound.js'
import { UwsCaller } from './uws-caller.js'
import { UwsDoor } from './uws-door.js'
import { type Doorway, readHead } from './uws-head.js'
import type { NativeApp, NativeContext, NativeRequest, NativeResponse, NativeSocket } from './uws-native.js'
import { type UwsSocket, UwsUpgrade } from './uws-socket.js'
import { Turn } from './uws-turn.js'

type Uws = typeof import('uWebSockets.js')

const UNREADABLE =
  'The request has bytes that are not UTF-8 in its target, or in one of several fields of a name.\n'

/** The binary reads its limits from the environment while it loads, hence the late import. */
export async function loadUws(maxHead?: number): Promise<EngineFactory> {
  // Read once, as the binary loads: a second gateway of the process has the bound of the first.
  process.env.UWS_HTTP_MAX_HEADERS_SIZE = String(engineHead(maxHead))
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

const PORT_ATTEMPTS = 5

class UwsEngine implements Engine {
  readonly name = 'uws'
  private readonly uws: Uws
  private readonly door: UwsDoor
  private readonly options: EngineOptions
  private readonly handlers: EngineHandlers
  private readonly turn: Turn
  private certificates: Certificates | undefined
  private listening: us_listen_socket | undefined

  constructor(uws: Uws, options: EngineOptions, handlers: EngineHandlers) {
    this.uws = uws
    this.options = options
    this.handlers = handlers
    if (options.tls !== undefined) this.certificates = readCertificates(options.tls)
    this.door = new UwsDoor((excess) => this.app(excess), options.maxConnections ?? 0)
    this.turn = new Turn(options.onError)
  }

  /** One more set of routes; with TLS, on what stands in the files. */
  private app(excess: boolean): NativeApp {
    const { tls, links } = this.options
    const app = (
      tls === undefined ? this.uws.App() : secureApp(this.uws, tls, this.certificates!)
    ) as NativeApp
    const way: Doorway = { secure: tls !== undefined, verifies: tls?.ca !== undefined, excess }
    if (links !== undefined) this.sockets(app, way, links.path, links)
    this.sockets(app, way, '/*', this.options)
    app.any('/*', (res, req) => this.request(res, req, way, undefined))
    return app
  }

  private sockets(
    app: NativeApp,
    way: Doorway,
    path: string,
    { maxMessage, maxBackpressure }: SocketLimits,
  ): void {
    const behaviour: WebSocketBehavior<{ socket: UwsSocket }> = {
      maxPayloadLength: maxMessage,
      maxBackpressure,
      closeOnBackpressureLimit: true,
      idleTimeout: 0,
      sendPingsAutomatically: false,
      compression: 0,
      upgrade: (res, req, context) =>
        this.request(res as unknown as NativeResponse, req as unknown as NativeRequest, way, context),
      open: (ws) => ws.getUserData().socket.opened(ws as NativeSocket),
      message: (ws, data, binary) => ws.getUserData().socket.message(data, binary),
      drain: (ws) => ws.getUserData().socket.drained(),
      pong: (ws) => ws.getUserData().socket.ponged(),
      close: (ws, code, reason) => {
        this.door.socketClosed()
        ws.getUserData().socket.closed(code, reason)
      },
    }
    app.ws(path, behaviour)
  }

  get connections(): number {
    return this.door.connections
  }

  renew(): Certificates {
    const { tls } = this.options
    if (tls === undefined) throw new Error('there are no certificates to renew: TLS is off')
    const before = this.certificates!
    const next = readCertificates(tls)
    if (sameCertificates(before, next)) return before
    this.certificates = next
    try {
      this.door.renew()
    } catch (error) {
      this.certificates = before
      throw error
    }
    return next
  }

  get build(): Record<string, string> {
    const abi = process.versions.modules
    const name = `uws_${process.platform}_${process.arch}_${abi}.node`
    const binary = readFileSync(new URL(`bin/${name}`, import.meta.resolve('uWebSockets.js')))
    return { binary: name, abi, sha256: createHash('sha256').update(binary).digest('hex') }
  }

  async listen(): Promise<number> {
    const { host, port } = this.options
    if (port !== 0) return this.listenOn(host, port)
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.listenOn(host, await freePort(host))
      } catch (error) {
        // Another may have taken it in between.
        if (attempt === PORT_ATTEMPTS) throw error
      }
    }
  }

  private listenOn(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.door.listen(host, port, (socket) => {
        if (socket === false) void notOursFor(host, port).then(reject)
        else {
          this.listening = socket as us_listen_socket
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
    this.door.close()
    this.listening = undefined
    this.turn.close()
    await new Promise<void>((resolve) => this.turn.later(resolve))
  }

  private request(
    res: NativeResponse,
    req: NativeRequest,
    way: Doorway,
    context: NativeContext | undefined,
  ): void {
    const caller = new UwsCaller(res, this.turn)
    this.turn.parsing = true
    const head = readHead(res, req, way)
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

/** It reads the files by itself, and says of nothing that it does not take what that is. */
function secureApp(uws: Uws, files: TlsFiles, { passphrase }: Certificates): unknown {
  try {
    return uws.SSLApp({
      cert_file_name: files.cert,
      key_file_name: files.key,
      ...(passphrase !== undefined && { passphrase }),
      ...(files.ca !== undefined && { ca_file_name: files.ca }),
    })
  } catch (cause) {
    throw new CertificateError(
      files,
      'cert',
      new PemFault('is not taken by uWebSockets.js, with its key', cause),
    )
  }
}
