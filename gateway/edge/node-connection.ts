import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { NodeCaller } from './node-caller.js'
import { addressOf } from './node-head.js'

/** How long a caller that was told `connection: close` has to close it, and may go on with its upload meanwhile. */
const LINGER_MS = 5_000

/**
 * A caller that has said all it will say may wait for its answer, or have left: both look the same until something
 * is written to it.
 */
const HALF_CLOSED_MS = 2_000

const CONNECTION = Symbol('connection')
type Owned = Socket & { [CONNECTION]?: NodeConnection }

/** One connection of a caller: what it still waits for, and how it ends. */
export class NodeConnection {
  /** Those that are not answered in full. */
  readonly callers = new Set<NodeCaller>()
  readonly remoteAddress: string
  /** After what is being said nothing is served. */
  closing = false
  /** No request can come any more. */
  ending = false
  /** Responses that are not written in full. */
  unfinished = 0
  readonly socket: Socket
  private readonly onClose: (connection: NodeConnection) => void
  /** Requests whose turn is at the end of this one. */
  private queue: (() => void)[] = []
  private timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, onClose: (connection: NodeConnection) => void) {
    this.socket = socket
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

  static of(socket: Socket): NodeConnection {
    return (socket as Owned)[CONNECTION]!
  }

  /**
   * A request with a body is served at the end of the turn: until then as much of it has arrived as came with the head.
   * Those behind it wait for it, and where it closes the connection they are not served at all.
   */
  serve(body: boolean, work: () => void): void {
    if (this.closing) {
      this.socket.pause()
      return
    }
    if (!body && this.queue.length === 0) work()
    else if (this.queue.push(work) === 1) setImmediate(() => this.serveQueued())
  }

  /**
   * What the parser refuses, or what came too late. Complete requests before it are answered. Where the refusal would
   * come amid an answer the connection is cut.
   */
  refuse(code: string | undefined): void {
    const { socket } = this
    if (!socket.writable || socket.readableEnded || code === 'ECONNRESET') {
      socket.destroy()
      return
    }
    this.serveQueued()
    if (this.closing || this.ending) return
    const [one, ...others] = this.callers
    if (one !== undefined && [one, ...others].every((each) => each.received)) this.ending = true
    else if (others.length > 0 || one?.silent === false) socket.destroy()
    else {
      this.closing = true
      socket.write(`HTTP/1.1 ${refusal(code)}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
      one?.left()
      this.linger()
    }
  }

  /** A response to come. */
  expect(res: ServerResponse): void {
    this.unfinished += 1
    res.on('finish', this.finished)
  }

  /** An answer has been written in full, which the next one waits for. */
  private readonly finished = (): void => {
    this.unfinished -= 1
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
    if (loudly) this.socket.resetAndDestroy()
    else this.socket.destroy()
  }

  private serveQueued(): void {
    const { queue } = this
    this.queue = []
    for (const work of queue) if (!this.closing && !this.socket.destroyed) work()
  }

  private halfClosed(): void {
    if (this.callers.size + this.queue.length === 0) return
    this.ending = true
    const { bytesWritten } = this.socket
    this.replaceTimer(() => {
      // To one that had left this would have brought a reset.
      if (this.socket.bytesWritten === bytesWritten) this.socket.destroy()
    }, HALF_CLOSED_MS)
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
