import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { NodeCaller } from './node-caller.js'
import { addressOf, type ConnectionFacts } from './node-head.js'

/** How long a caller that was told `connection: close` has to close it, and may go on with its upload meanwhile. */
const LINGER_MS = 5_000

/**
 * A caller that has said all it will say may wait for its answer, or have left: both look the same until something is
 * written to it, which brings a reset from one that has left. In front of an answer that is an interim one. Behind an
 * answer's head it is whatever comes in this time. Amid its body the caller has left: whoever half-closes does it
 * together with the request. So has one that speaks TLS, where nobody half-closes.
 */
const HALF_CLOSED_MS = 2_000

/** After what time each it is looked for that reset: the last by far longer than the way there and back. */
const LOOKS_MS = [1, 10, 100, 1_000, 5_000]

/** Requests that a caller may send ahead of their turn; nothing else bounds what they take. */
const WAITING_MAX = 100

const CONNECTION = Symbol('connection')
type Owned = Socket & { [CONNECTION]?: NodeConnection }

/** One connection of a caller: what it still waits for, and how it ends. */
export class NodeConnection {
  /** Those that are not answered in full. */
  readonly callers = new Set<NodeCaller>()
  readonly remoteAddress: string
  readonly facts: ConnectionFacts
  /** After what is being said nothing is served. */
  closing = false
  /** No request can come any more. */
  ending = false
  readonly socket: Socket
  private readonly onClose: (connection: NodeConnection) => void
  /** Responses to those that are served, and not written in full. */
  private unwritten = 0
  /** Requests that wait for their turn: at the end of the loop's, or of the answers before them. */
  private queue: { body: boolean; work: () => void }[] = []
  private timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, facts: ConnectionFacts, onClose: (connection: NodeConnection) => void) {
    this.socket = socket
    this.facts = facts
    this.onClose = onClose
    this.remoteAddress = addressOf(socket.remoteAddress)
    ;(socket as Owned)[CONNECTION] = this
    // What Node calls after a last answer. It would close at once, and what the caller sends meanwhile would make the
    // system take back what it has not read yet.
    socket.destroySoon = () => this.linger()
    socket.on('error', () => {})
    socket.on('end', () => this.halfClosed())
    socket.on('close', () => this.closed())
  }

  /** Undefined where it is in a TLS handshake. */
  static of(socket: Socket): NodeConnection | undefined {
    return (socket as Owned)[CONNECTION]
  }

  /** Responses that are not written in full, those of requests that wait for their turn too. */
  get unfinished(): number {
    return this.unwritten + this.queue.length
  }

  /**
   * A request with a body is served at the end of the turn: until then as much of it has arrived as came with the head.
   * Those behind it wait for its answer, since they may rely on what it does (RFC 9112 §9.3.2), and where it closes the
   * connection they are not served at all.
   */
  serve(body: boolean, work: () => void): void {
    if (this.closing) {
      this.socket.pause()
      return
    }
    if (!body && this.unfinished === 0) work()
    else if (this.queue.push({ body, work }) > WAITING_MAX) this.socket.destroy()
    else if (this.unfinished === 1) setImmediate(() => this.serveNext())
  }

  /**
   * What the parser refuses, or what came too late. Complete requests before it are answered. Where the refusal would
   * come amid an answer the connection is cut.
   */
  refuse(code: string | undefined): void {
    const { socket } = this
    // Each piece of what is read away behind a refusal is refused again.
    if (this.closing && !socket.readableEnded && code !== 'ECONNRESET') return
    if (!socket.writable || socket.readableEnded || code === 'ECONNRESET') {
      socket.destroy()
      return
    }
    if (this.queue.length > 1 || this.unwritten > 0) this.dropUnsure()
    this.serveNext()
    if (this.closing || this.ending) return
    const [one] = this.callers
    if (this.queue.length > 0 || one?.received === true) this.ending = true
    else if (one?.silent === false) socket.destroy()
    else {
      this.closing = true
      socket.write(`HTTP/1.1 ${refusal(code)}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
      one?.left()
      this.linger()
    }
  }

  /** A response to come. */
  expect(res: ServerResponse): void {
    this.unwritten += 1
    res.on('finish', this.finished)
  }

  /** An answer has been written in full, which the next one waits for. */
  private readonly finished = (): void => {
    this.unwritten -= 1
    this.serveNext()
    if (this.ending && this.unfinished === 0) this.linger()
  }

  /** Ends our side, and reads on for a while. */
  linger(): void {
    this.closing = true
    if (this.socket.destroyed) return
    this.socket.end()
    this.replaceTimer(() => this.socket.destroy(), LINGER_MS)
  }

  /** With `loudly` by a reset. What was said in this turn is sent before. */
  destroy(loudly: boolean): void {
    while (this.socket.writableCorked > 0) this.socket.uncork()
    // TLS has an end of its own, which is missed where it does not come.
    if (loudly && !this.facts.secure) this.socket.resetAndDestroy()
    else this.socket.destroy()
  }

  private serveNext(): void {
    while (this.unwritten === 0 && !this.closing && !this.socket.destroyed) {
      const next = this.queue.shift()
      if (next === undefined) return
      next.work()
    }
  }

  /** Nobody has looked whether the last of those that wait has arrived in full. */
  private dropUnsure(): void {
    if (this.queue.at(-1)?.body === true) this.queue.pop()
  }

  private halfClosed(): void {
    this.ending = true
    const [caller] = this.callers
    if (caller === undefined) {
      // It has not had its turn.
      if (this.queue.length > 0) setImmediate(() => this.socket.destroyed || this.halfClosed())
    } else if (caller.speaking || isTls(this.socket)) this.socket.destroy()
    else if (caller.probe()) this.look(0)
    else {
      const { bytesWritten } = this.socket
      this.replaceTimer(() => {
        if (this.socket.bytesWritten === bytesWritten) this.socket.destroy()
      }, HALF_CLOSED_MS)
    }
  }

  /** Nothing is read any more, so that a reset is only seen by writing, be it nothing. */
  private look(nth: number): void {
    const wait = LOOKS_MS[nth]
    if (wait === undefined) return
    this.replaceTimer(() => {
      if (!this.socket.writable) return
      this.socket.write('')
      this.look(nth + 1)
    }, wait)
  }

  private replaceTimer(work: () => void, ms: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(work, ms)
  }

  private closed(): void {
    clearTimeout(this.timer)
    this.queue = []
    for (const caller of [...this.callers]) caller.left()
    this.onClose(this)
  }
}

function refusal(code: string | undefined): string {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return '431 Request Header Fields Too Large'
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return '408 Request Timeout'
    default:
      return '400 Bad Request'
  }
}

const isTls = (socket: Socket): boolean => (socket as Partial<TLSSocket>).encrypted === true
