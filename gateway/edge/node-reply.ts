import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { ResponseHead } from './engine.js'
import { BAD_HEAD, BAD_HEAD_BODY, headFault, isEngines } from './response-head.js'

/** What Node refuses in a value or a reason phrase, by throwing in the middle of a head. */
const UNSAYABLE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * How far the reply is. `queued`: the head waits for the first byte, for the end or for this turn's end. `open`: it
 * is out. `done`: all is said, or nothing more can be.
 */
type ReplyState =
  | { kind: 'waiting' }
  | { kind: 'queued'; head: ResponseHead }
  | { kind: 'open'; length: number | undefined; sent: number }
  | { kind: 'done' }

export interface ReplyOwner {
  readonly method: string
  /** Nothing can be served on the connection after this. */
  readonly last: boolean
  onError(error: unknown): void
  /** The first byte is about to be said; with `close` nothing is served on the connection after it. */
  beginning(close: boolean): void
  /** There is room again after a `write` that returned false. */
  writable(): void
  /** The reply is said: no event may follow. */
  over(): void
  /** Cuts the connection; with `loudly` so that the end cannot be taken for the answer's own. */
  drop(loudly: boolean): void
}

/** What one caller is told: the only place that writes to its response. */
export class NodeReply {
  private state: ReplyState = { kind: 'waiting' }
  private readonly res: ServerResponse
  private readonly owner: ReplyOwner
  private listening = false
  /** `write` has returned false and `writable` has not come yet. */
  private owed = false

  constructor(res: ServerResponse, owner: ReplyOwner) {
    this.res = res
    this.owner = owner
  }

  get kind(): ReplyState['kind'] {
    return this.state.kind
  }

  get speaking(): boolean {
    return this.state.kind === 'open' && this.state.sent > 0
  }

  respond(head: ResponseHead, body: Uint8Array | string): void {
    if (!this.mayBegin(head)) return
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    if (this.isBodyless(head)) this.respondBodyless(head, head.length ?? (bytes.length || undefined))
    else {
      this.writeHead(head, bytes.length)
      this.finish()
      // Bytes: together with a string Node would write the head as UTF-8.
      this.res.end(bytes.length === 0 ? undefined : Buffer.from(bytes))
    }
  }

  start(head: ResponseHead): void {
    if (!this.mayBegin(head)) return
    if (this.isBodyless(head)) this.respondBodyless(head, head.length)
    else if (head.length === 0) this.respond(head, '')
    else {
      this.state = { kind: 'queued', head }
      setImmediate(() => {
        if (this.state.kind === 'queued') this.open(this.state.head).flushHeaders()
      })
    }
  }

  write(chunk: Uint8Array): boolean {
    if (this.state.kind === 'queued' && chunk.length > 0) this.open(this.state.head)
    const { state } = this
    if (state.kind !== 'open') return true
    const room = state.length === undefined ? chunk.length : Math.min(chunk.length, state.length - state.sent)
    if (room === 0) return !this.owed
    state.sent += room
    // Node keeps what it is given until the end of the turn, and longer where the socket is full.
    const copy = Buffer.from(room === chunk.length ? chunk : chunk.subarray(0, room))
    if (state.sent === state.length) {
      this.finish()
      this.res.end(copy)
      return true
    }
    this.owed = !this.res.write(copy) || this.owed
    if (this.owed) this.listen()
    return !this.owed
  }

  end(): void {
    const { state } = this
    if (state.kind === 'queued') {
      this.state = { kind: 'waiting' }
      if (state.head.length === undefined) this.respond(state.head, '')
      else this.cut()
    } else if (state.kind === 'open') {
      if (state.length !== undefined) this.cut()
      else {
        this.finish()
        this.res.end()
      }
    }
  }

  cut(): void {
    const { state } = this
    if (state.kind === 'done') return
    this.finish()
    // To a caller of HTTP/1.0 the connection's end is the body's.
    const byEnd = state.kind === 'open' && state.length === undefined && !this.res.chunkedEncoding
    this.owner.drop(byEnd)
  }

  /** Nothing is said any more. */
  finish(): void {
    this.state = { kind: 'done' }
    this.owner.over()
  }

  drained(): void {
    if (!this.owed) return
    this.owed = false
    if (this.state.kind === 'open') this.owner.writable()
  }

  private listen(): void {
    if (this.listening) return
    this.listening = true
    this.res.on('drain', () => this.drained())
  }

  private open(head: ResponseHead): ServerResponse {
    this.writeHead(head, head.length)
    this.state = { kind: 'open', length: head.length, sent: 0 }
    return this.res
  }

  private respondBodyless(head: ResponseHead, length: number | undefined): void {
    this.writeHead(head, head.status === 204 ? undefined : length)
    this.finish()
    this.res.end()
  }

  private writeHead(head: ResponseHead, length: number | undefined): void {
    const { status, reason, headers } = head
    const close = head.close === true || this.owner.last
    this.owner.beginning(close)
    const lines: string[] = []
    for (let i = 0; i < headers.length; i += 2) {
      if (!isEngines(headers[i]!)) lines.push(headers[i]!, headers[i + 1]!)
    }
    if (length !== undefined) lines.push('content-length', String(length))
    if (close) lines.push('connection', 'close')
    // Else Node adds `connection` and `keep-alive` to every answer, which HTTP/1.1 does without.
    else this.res.removeHeader('connection')
    this.res.writeHead(status, reason ?? STATUS_CODES[status] ?? '', lines)
  }

  private isBodyless(head: ResponseHead): boolean {
    return head.status === 204 || head.status === 304 || this.owner.method === 'HEAD'
  }

  private mayBegin(head: ResponseHead): boolean {
    if (this.state.kind !== 'waiting') return false
    const fault = headFault(head) ?? unsayable(head)
    if (fault === undefined) return true
    this.owner.onError(new Error(`answer refused: ${fault}`))
    this.respond(BAD_HEAD, BAD_HEAD_BODY)
    return false
  }
}

function unsayable({ reason, headers }: ResponseHead): string | undefined {
  if (reason !== undefined && UNSAYABLE.test(reason)) return 'the reason phrase has a control character'
  for (let i = 1; i < headers.length; i += 2) {
    if (UNSAYABLE.test(headers[i]!))
      return `value of response field ${headers[i - 1]} has a control character`
  }
  return undefined
}
