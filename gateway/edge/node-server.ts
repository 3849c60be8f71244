/** Node's servers as the engine needs them: http or https, and who comes in. */
import { createServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket, Server as TlsServer } from 'node:tls'
import { LONGEST_TIMER_MS } from '../../shared/quantity.js'
import type { Certificates } from './certificates.js'
import { type EngineOptions, MAX_EXCESS } from './engine.js'
import { engineHead } from './head-bound.js'
import { Incoming } from './node-head.js'

const HEAD_TIMEOUT = 10_000

export type HttpServer = Server<typeof Incoming>

/** With `certificates` it speaks TLS. */
export function createHttpServer(options: EngineOptions, certificates: Certificates | undefined): HttpServer {
  const headTimeout = options.headTimeout ?? HEAD_TIMEOUT
  const settings: ServerOptions<typeof Incoming> = {
    IncomingMessage: Incoming,
    insecureHTTPParser: false,
    maxHeaderSize: engineHead(options.maxHead),
    headersTimeout: headTimeout,
    connectionsCheckingInterval: 1_000,
    // An upload may take as long as it moves; the gateway looks at its pace.
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    // The gateway answers these itself.
    requireHostHeader: false,
    // The same on every Node.
    highWaterMark: 64 * 1024,
    noDelay: true,
  }
  const server =
    certificates === undefined
      ? createServer(settings)
      : (createSecureServer({
          ...settings,
          ...secureContext(certificates),
          requestCert: certificates.ca !== undefined,
          // A request without a certificate, or with a foreign one, gets an answer that says so.
          rejectUnauthorized: false,
          handshakeTimeout: headTimeout || LONGEST_TIMER_MS,
        }) as unknown as HttpServer)
  // Node drops what is past the count without a word, framing fields too.
  server.maxHeadersCount = 0
  // A caller may end its side and wait for the answer.
  ;(server as HttpServer & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true
  return server
}

/** New connections get these; sessions of those before are not resumed. */
export function takeCertificates(server: HttpServer, certificates: Certificates): void {
  ;(server as unknown as TlsServer).setSecureContext(secureContext(certificates))
}

const secureContext = ({ cert, key, passphrase, ca }: Certificates) => ({ cert, key, passphrase, ca })

/** Whether the caller's certificate is there and signed: a resumed session without one counts as authorised for Node. */
export function isVerified(socket: Socket): boolean {
  const { authorized, getPeerX509Certificate } = socket as Partial<TLSSocket>
  return authorized === true && getPeerX509Certificate?.call(socket as TLSSocket) !== undefined
}

/** Connections from their first moment, before TLS has said a word. */
export class NodeArrivals {
  readonly sockets = new Set<Socket>()
  /** Those past the bound, by their peers: TLS makes another socket of each. */
  readonly #excess = new Set<string>()
  readonly #max: number

  /** `emptied` is told whenever the last one has gone. */
  constructor(server: HttpServer, max: number, emptied: () => void) {
    this.#max = max === 0 ? Number.POSITIVE_INFINITY : max
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.on('close', () => {
        this.sockets.delete(socket)
        this.#excess.delete(peer)
        if (this.sockets.size === 0) emptied()
      })
      const peer = peerOf(socket)
      if (this.sockets.size - this.#excess.size <= this.#max) return
      // One without a port has left already.
      if (socket.remotePort === undefined || this.#excess.size >= MAX_EXCESS) socket.destroy()
      else this.#excess.add(peer)
    })
  }

  /** It came past the bound. */
  isExcess(socket: Socket): boolean {
    return this.#excess.size > 0 && this.#excess.has(peerOf(socket))
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
