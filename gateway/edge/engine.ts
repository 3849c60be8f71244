/**
 * What the edge needs of an HTTP and WebSocket server. `uws.ts` implements it on uWebSockets.js, `node.ts` on
 * node:http and ws; nothing behind this file knows which one runs.
 *
 * Promises of every engine:
 * - Strings of a head are byte strings: one char is one byte (ISO-8859-1), so that nothing is lost on the way.
 * - A handler that throws costs that one exchange (500 and a closed connection), never the process.
 * - No method of `Caller`, `Upgrade` or `Socket` throws after the peer went away; it does nothing.
 * - Events of one caller or socket never arrive from inside a call into the engine.
 * - `message` events arrive outside the engine's own callbacks, so that what they cause on other sockets
 *   is corked (inside, each write is a system call of its own: 100 µs a request instead of 15).
 */
import type { Certificates } from './certificates.js'

export interface RequestHead {
  /** Case as sent; a token. */
  readonly method: string
  /** The request target as sent, path and query, never normalised. */
  readonly target: string
  /** Flat list: name, value, name, value …; names in lower case, order and repeats kept. */
  readonly headers: string[]
  /** Text form; IPv4-mapped addresses as IPv4. */
  readonly remoteAddress: string
  /** The caller's connection is TLS. */
  readonly secure: boolean
  /** The caller has shown a certificate that `TlsFiles.ca` signed. */
  readonly clientCertificate?: boolean
  /**
   * The connection came past `maxConnections`: it is to be told so and closed. There are at most `MAX_EXCESS` of
   * these; what comes past them is closed by the engine.
   */
  readonly excess?: boolean
}

export const MAX_EXCESS = 1000

export interface ResponseHead {
  readonly status: number
  /** Reason phrase; the standard one where it is undefined. */
  readonly reason?: string | undefined
  /**
   * Flat list, names in lower case, without framing fields (`content-length`, `transfer-encoding`,
   * `connection`): framing is the engine's. A name or value with CR, LF, NUL or a non-token is refused: the
   * engine answers 502 instead and logs it, since it would split the response.
   */
  readonly headers: readonly string[]
  /**
   * Body length in bytes where it is known, also of a HEAD or 304 answer. Undefined: chunked (for a HEAD or
   * 304 answer: no length is told).
   */
  readonly length?: number | undefined
  /** The connection is closed after this answer. */
  readonly close?: boolean
  /** Who made the head has held its names and values against that rule already: it is not done twice. */
  readonly checked?: boolean
}

/** What a caller's connection tells the exchange. `chunk` is only valid during the call. */
export interface CallerEvents {
  data(chunk: Buffer): void
  /** The request body is complete. Also for requests without one. Within the request's own turn if it can. */
  end(): void
  /** After `write` returned false: there is room again. */
  writable(): void
  /** The caller went away before the answer was said in full. Nothing follows, as after `respond`, `end` and `cut`. */
  aborted(): void
}

/** Tells nobody: a body is read and dropped. */
export const NO_EVENTS: CallerEvents = { data() {}, end() {}, writable() {}, aborted() {} }

/** One request of one caller, until it is answered in full. */
export interface Caller {
  readonly head: RequestHead
  /** Must be set inside the `request` handler. */
  events: CallerEvents
  /** Stops `data` until `resume`; both idempotent. A caller who leaves meanwhile is noticed within 5 s,
   * unless more than 512 KiB that it sent before wait to be read. */
  pause(): void
  resume(): void
  /** The whole answer at once: one system call. `body` is dropped for HEAD, 204 and 304. */
  respond(head: ResponseHead, body?: Uint8Array | string): void
  /** Begins a streamed answer. */
  start(head: ResponseHead): void
  /**
   * False: the data was taken, but wait for `writable` before more. Bytes past `length` are dropped. `chunk`
   * is only read now.
   */
  write(chunk: Uint8Array): boolean
  /** Ends a streamed answer. With a `length` that was not reached the connection is cut instead. */
  end(): void
  /** Cuts the connection: the caller sees that the answer is not complete. */
  cut(): void
}

export interface SocketEvents {
  /** `data` is only valid during the call. */
  message(data: Buffer, binary: boolean): void
  /** `bufferedAmount` fell. */
  drain(): void
  /** A pong came. */
  pong(): void
  /** Exactly once. 1006 where no close frame came. */
  close(code: number, reason: string): void
}

/** A WebSocket, from the server's side. */
export interface Socket {
  /** False: the message could not be taken; the socket is broken and has been cut. */
  send(message: Uint8Array, binary: boolean): boolean
  readonly bufferedAmount: number
  ping(): void
  /** Sends a close frame and ends. `reason` is cut to what the frame holds. */
  close(code: number, reason: string): void
  /** Cuts the connection without a close frame. */
  destroy(): void
}

/** A WebSocket handshake. Until it is accepted it is an exchange like any other, which `caller` answers to refuse. */
export interface Upgrade {
  readonly caller: Caller
  /**
   * Answers 101, with `headers` added. Undefined where the peer has gone or `caller` has answered.
   */
  accept(protocol: string | undefined, headers: readonly string[], events: SocketEvents): Socket | undefined
}

export interface EngineHandlers {
  request(caller: Caller): void
  upgrade(upgrade: Upgrade): void
}

export interface SocketLimits {
  /** Largest WebSocket message taken, in bytes; a larger one ends its socket with 1009 or 1006. */
  maxMessage: number
  /** What one socket may buffer for sending, in bytes, before `send` gives up on it. */
  maxBackpressure: number
}

/** Paths, since what stands there changes. PEM. */
export interface TlsFiles {
  /** The certificate, and those between it and a root. */
  readonly cert: string
  readonly key: string
  /** Holds the passphrase of the key. */
  readonly passphrase?: string | undefined
  /** Signs the certificates of callers; without it none is asked for. */
  readonly ca?: string | undefined
}

export interface EngineOptions extends SocketLimits {
  host: string
  /** 0 picks a free one. */
  port: number
  /** Sockets that open on `path` are bounded by these instead. */
  links?: SocketLimits & { path: string }
  /** Bytes of a request's head that the gateway serves; 16 KiB where it is not given. A little more gets that far. */
  maxHead?: number
  /** https and wss instead of http and ws. TLS 1.2 at least. */
  tls?: TlsFiles | undefined
  /** Connections at once, before what is told to those past it; undefined or 0: no limit. */
  maxConnections?: number
  /**
   * Milliseconds for a TLS handshake, and for a request's head from its connection or the answer before it; 0: no
   * limit. 10 s where it is not given. With uws always 8 to 12 s.
   */
  headTimeout?: number
  /** Told what a caller's exchange or a socket threw; never called for the peer's own faults. */
  onError(error: unknown): void
}

export interface Engine {
  readonly name: 'uws' | 'node'
  /** Facts for the start-up log at debug: versions, ABI, binary's hash. */
  readonly build: Record<string, string>
  /** Open connections, WebSockets among them; those past `maxConnections` too. */
  readonly connections: number
  /** Resolves with the port in use. Rejects where the address is taken or not ours. */
  listen(): Promise<number>
  /**
   * New connections get what stands in `tls` now, those that are open go on. Throws `CertificateError` and leaves all
   * as it was where that does not do. @returns what is in force.
   */
  renew(): Certificates
  /** Stops accepting connections; those that are open stay. */
  stopAccepting(): void
  /** Cuts what is left and frees the port. */
  close(): Promise<void>
}

export type EngineFactory = (options: EngineOptions, handlers: EngineHandlers) => Engine
