import type { ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { DenseSet } from '../../shared/dense-set.js'
import { type Certificates, readCertificates, sameCertificates } from './certificates.js'
import type { Engine, EngineFactory, EngineHandlers, EngineOptions } from './engine.js'
import { notOurs } from './free-port.js'
import { type Host, NodeCaller } from './node-caller.js'
import { NodeConnection } from './node-connection.js'
import { hasBody, headOf, type Incoming } from './node-head.js'
import type { NodeIntake } from './node-intake.js'
import {
  createHttpServer,
  type HttpServer,
  isVerified,
  NodeArrivals,
  takeCertificates,
} from './node-server.js'
import { NodeUpgrade, type SocketServer, socketServer } from './node-socket.js'

/** Twice this is the longest pause after which nobody has looked for the caller. */
const SWEEP_MS = 2_000

export function loadNode(): EngineFactory {
  return (options, handlers) => new NodeEngine(options, handlers)
}

class NodeEngine implements Engine, Host {
  readonly name = 'node'
  readonly paused = new DenseSet<NodeIntake>()
  private readonly options: EngineOptions
  private readonly handlers: EngineHandlers
  private readonly server: HttpServer
  private readonly arrivals: NodeArrivals
  /** Those that can carry requests: all but the ones in a TLS handshake. */
  private readonly open = new Set<NodeConnection>()
  private certificates: Certificates | undefined
  private readonly callers: SocketServer
  private readonly links: SocketServer | undefined
  private readonly sweeper: NodeJS.Timeout
  private emptied: (() => void) | undefined

  constructor(options: EngineOptions, handlers: EngineHandlers) {
    this.options = options
    this.handlers = handlers
    this.callers = socketServer(options)
    this.links = options.links && socketServer(options.links)
    const secure = options.tls !== undefined
    if (secure) this.certificates = readCertificates(options.tls!)
    this.server = createHttpServer(options, this.certificates)
    this.arrivals = new NodeArrivals(this.server, options.maxConnections ?? 0, () => this.closed())
    this.server.on(secure ? 'secureConnection' : 'connection', (socket: net.Socket) => {
      const facts = {
        secure,
        clientCertificate: options.tls?.ca !== undefined && isVerified(socket),
        excess: this.arrivals.isExcess(socket),
      }
      this.open.add(new NodeConnection(socket, facts, (connection) => this.closed(connection)))
    })
    this.server.on('request', (req, res) => this.request(req, res, false))
    this.server.on('checkContinue', (req, res) => this.request(req as Incoming, res, true))
    // Anything else that is expected is the upstream's affair.
    this.server.on('checkExpectation', (req, res) => this.request(req as Incoming, res, false))
    this.server.on('upgrade', (req, socket, early) => this.upgrade(req, socket, early))
    this.server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const connection = NodeConnection.of(socket as net.Socket)
      // A handshake that failed.
      if (connection === undefined) socket.destroy()
      else connection.refuse(error.code)
    })
    this.sweeper = setInterval(() => {
      this.paused.forEach((each) => {
        each.sweep()
      })
    }, SWEEP_MS).unref()
  }

  get build(): Record<string, string> {
    const { version } = createRequire(import.meta.url)('ws/package.json') as { version: string }
    return { node: process.versions.node, llhttp: process.versions.llhttp ?? '', ws: version }
  }

  get connections(): number {
    return this.arrivals.sockets.size
  }

  renew(): Certificates {
    const { tls } = this.options
    if (tls === undefined) throw new Error('there are no certificates to renew: TLS is off')
    const before = this.certificates!
    const next = readCertificates(tls)
    if (sameCertificates(before, next)) return before
    takeCertificates(this.server, next)
    this.certificates = next
    return next
  }

  listen(): Promise<number> {
    const { host, port } = this.options
    return new Promise((resolve, reject) => {
      this.server.once('error', (cause) => reject(notOurs(host, port, cause)))
      this.server.listen(port, host, () => {
        this.server.removeAllListeners('error').on('error', (error) => this.onError(error))
        resolve((this.server.address() as net.AddressInfo).port)
      })
    })
  }

  /** Not by the HTTP server's own `close`, which takes idle connections with it. */
  stopAccepting(): void {
    net.Server.prototype.close.call(this.server)
  }

  async close(): Promise<void> {
    clearInterval(this.sweeper)
    this.server.close()
    if (this.connections > 0) {
      const emptied = new Promise<void>((resolve) => {
        this.emptied = resolve
      })
      for (const connection of [...this.open]) connection.destroy(false)
      for (const socket of [...this.arrivals.sockets]) socket.destroy()
      await emptied
    }
    // A WebSocket tells its end a moment after its connection's.
    await new Promise((resolve) => setImmediate(resolve))
  }

  onError(error: unknown): void {
    this.options.onError(error)
  }

  private request(req: Incoming, res: ServerResponse, expects: boolean): void {
    const connection = NodeConnection.of(req.socket)!
    const head = headOf(req, connection)
    const body = hasBody(head)
    connection.serve(body, () => {
      if (req.declined && !body) connection.closing = true
      const caller = new NodeCaller(this, connection, head, req, res)
      caller.expects = expects
      caller.begin(() => this.handlers.request(caller))
    })
  }

  private upgrade(req: Incoming, duplex: Duplex, early: Buffer): void {
    const connection = NodeConnection.of(duplex as net.Socket)!
    // An answer that is still owed would come after the 101.
    if (connection.closing || connection.unfinished > 0) {
      connection.destroy(false)
      return
    }
    const head = headOf(req, connection)
    const upgrade = new NodeUpgrade(this, connection, { head, req, early }, this.socketsOf(head.target))
    upgrade.caller.begin(() => this.handlers.upgrade(upgrade))
  }

  private socketsOf(target: string): { server: SocketServer; maxBackpressure: number } {
    const { links } = this.options
    if (links === undefined || target.split('?', 1)[0] !== links.path) {
      return { server: this.callers, maxBackpressure: this.options.maxBackpressure }
    }
    return { server: this.links!, maxBackpressure: links.maxBackpressure }
  }

  private closed(connection?: NodeConnection): void {
    if (connection !== undefined) this.open.delete(connection)
    if (this.open.size + this.connections === 0) this.emptied?.()
  }
}
