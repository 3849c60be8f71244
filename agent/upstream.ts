/**
 * Requests to one HTTP server, over connections that are kept. The only file that knows undici. It goes where its
 * connector goes and nowhere else, whatever a request says.
 */
import type { Socket } from 'node:net'
import { type Duplex, Readable } from 'node:stream'
import { Client, type Dispatcher } from 'undici'
import { isIdempotent } from '../shared/idempotent.js'
import { textOf } from './fields.js'
import { describeError } from './text.js'
import type { Connect } from './upstream-socket.js'

export interface UpstreamRequest {
  readonly method: string
  readonly target: string
  /** Flat; with `host`, without fields of one connection. `content-length` frames a streamed body. */
  readonly headers: string[]
  readonly body: Uint8Array | Readable | null
}

export type UpstreamFailure =
  /** Nothing reached the server. */
  | { readonly kind: 'unreachable'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }

/** Nobody uses it; without one undici reads it from the Host, and asserts on some. */
const SERVERNAME = 'upstream'
/** Names and values of an answer's head together; a larger one is a failure. */
const MAX_ANSWER_HEAD = 64 * 1024
/** How an error names a connection that the other side closed. */
const CLOSED = new Set<unknown>(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

/**
 * One for all, and nobody reads it: where callers leave, errors of their own, such as undici's `abort` makes, are a
 * tenth of an agent's CPU.
 */
const UNWANTED = new Error('the connection is not wanted any more')

export class Upstream {
  readonly #connect: Connect
  /** Free connections, the one used last at the end: what is not needed times out. */
  readonly #idle: Connection[] = []
  readonly #all = new Set<Connection>()

  constructor(connect: Connect) {
    this.#connect = connect
  }

  /** Begins `call`, on a connection of its own where it has to be `fresh`. There are as many as calls: whoever calls bounds them. */
  start(call: UpstreamCall, request: UpstreamRequest, fresh = false): void {
    let connection = fresh ? undefined : this.#idle.pop()
    if (connection === undefined) {
      connection = new Connection(this.#connect)
      this.#all.add(connection)
    }
    connection.call = call
    call.begin(this, connection, request)
    const { method, target: path, headers, body } = request
    const options = { method, path, headers, body, servername: SERVERNAME }
    connection.client.dispatch(options as Dispatcher.DispatchOptions, call)
  }

  /** From a call: `connection` may be used again. */
  release(connection: Connection): void {
    connection.call = undefined
    connection.kept = true
    this.#idle.push(connection)
  }

  /** From a call: `connection` is in no known state. */
  discard(connection: Connection): void {
    this.#all.delete(connection)
    connection.socket?.destroy(UNWANTED)
    // Not from inside one of undici's own callbacks.
    queueMicrotask(() => void connection.client.destroy(UNWANTED))
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const connection of [...this.#all]) this.discard(connection)
  }
}

/** One connection at a time, made when it is needed. */
class Connection {
  readonly client: Client
  socket: Duplex | undefined
  call: UpstreamCall | undefined
  /** It has served a call before: its server may be about to close it. */
  kept = false

  constructor(connect: Connect) {
    this.client = new Client('http://upstream', {
      pipelining: 1,
      // The gateway owns every deadline.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_ANSWER_HEAD,
      connect: (_options, callback) => {
        const socket = connect((error) => {
          if (error === null) callback(null, socket as Socket)
          else callback(error, null)
        })
        this.socket = socket
        this.#gate(socket)
      },
    })
  }

  /** Not at once: it may be asked for in the middle of what was read. */
  resume(): void {
    process.nextTick(() => {
      if (this.call?.paused === false && this.socket?.destroyed === false) this.socket.emit('readable')
    })
  }

  /**
   * A paused call reads nothing, so the end stays behind what is unread. undici's own pause will not do: an end that
   * comes meanwhile trips an assertion, which ends the process, or cuts an answer that is whole.
   */
  #gate(socket: Duplex): void {
    const { read } = socket
    socket.read = (size) => (this.call?.paused === true ? null : read.call(socket, size))
  }
}

/** One request to an upstream: told what comes of it. A class to extend, so that each exchange costs one object. */
export abstract class UpstreamCall implements Dispatcher.DispatchHandler {
  #upstream: Upstream | undefined
  #connection: Connection | undefined
  #request: UpstreamRequest | undefined
  #sent = false
  #answered = false
  /** Its status has no body, whatever its length says (RFC 9110 §8.6): undici misses one. */
  #bodyless = false
  #paused = false
  #over = false

  /** A head with a status below 200; another follows. */
  protected abstract interim(status: number, headers: string[]): void
  /** Flat; names in lower case, values as byte strings. */
  protected abstract head(status: number, reason: string, headers: string[]): void
  /** `chunk` is the receiver's. @returns false: nothing more is read before `resume`; what was read with it still comes. */
  protected abstract chunk(chunk: Buffer): boolean
  protected abstract complete(trailers: string[]): void
  /** The end, unless `cancel` was called. */
  protected abstract failure(failure: UpstreamFailure): void

  /** Tears the connection down, at once. Nothing is told afterwards. */
  cancel(): void {
    if (this.#over) return
    this.#over = true
    const body = this.#request?.body
    if (body instanceof Readable) body.destroy()
    this.#discard()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#connection?.resume()
  }

  // From Upstream and undici.

  begin(upstream: Upstream, connection: Connection, request: UpstreamRequest): void {
    this.#upstream = upstream
    this.#connection = connection
    this.#request = request
  }

  get paused(): boolean {
    return this.#paused
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#sent = true
    if (this.#over) abort(UNWANTED)
  }

  onHeaders(status: number, raw: Buffer[], _resume: () => void, statusText: string): boolean {
    if (this.#over) return true
    this.#answered = true
    if (status < 200) {
      this.interim(status, textOf(raw))
      return true
    }
    this.#bodyless = status === 204 || status === 304
    // undici decodes the phrase as UTF-8; its bytes are wanted, and gone where they were none.
    const reason = statusText.includes('\ufffd') ? '' : Buffer.from(statusText).toString('latin1')
    this.head(status, reason, textOf(raw))
    return true
  }

  onData(chunk: Buffer): boolean {
    if (!this.#over && !this.chunk(chunk)) this.#paused = true
    return true
  }

  onComplete(trailers: readonly (string | Buffer)[] | null): void {
    const connection = this.#connection
    if (this.#over || connection === undefined) return
    // undici takes a reset for the end of a body that has no length.
    const broken = connection.socket?.errored
    if (broken) {
      this.onError(broken)
      return
    }
    this.#over = true
    this.#upstream?.release(connection)
    this.complete(trailers === null || trailers.length === 0 ? [] : textOf(trailers))
  }

  onError(error: Error): void {
    if (this.#over) return
    if (this.#again(error)) return
    this.#over = true
    this.#discard()
    if (this.#bodyless && 'code' in error && error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
      this.complete([])
      return
    }
    const message = describeError(error)
    const isOurs = 'code' in error && error.code === 'UND_ERR_INVALID_ARG'
    this.failure({ kind: this.#sent || isOurs ? 'failed' : 'unreachable', message })
  }

  /** A kept connection that its server closed as the request left: another tells whether the server is well. */
  #again(error: Error): boolean {
    const request = this.#request
    if (this.#answered || !this.#connection?.kept || request === undefined || this.#upstream === undefined)
      return false
    if (
      !('code' in error && CLOSED.has(error.code)) ||
      request.body instanceof Readable ||
      !isIdempotent(request)
    )
      return false
    this.#discard()
    this.#upstream.start(this, request, true)
    return true
  }

  #discard(): void {
    if (this.#connection !== undefined) this.#upstream?.discard(this.#connection)
  }
}
