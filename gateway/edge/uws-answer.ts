import type { ResponseHead } from './engine.js'
import { headSize, writeHead } from './uws-head.js'
import type { NativeResponse } from './uws-native.js'

/**
 * The engine's cork buffer. A write that does not fit into what is left of it sends what is there, and is lost where
 * the socket happens to be full at that moment: so a cork has one body write, of what fits beside the head. `tryEnd`
 * tells what it sent, and may be larger.
 */
const CORK = 16 * 1024
/** Length line and line ends of one chunk. */
const CHUNK_FRAME = 32

const nothing = () => {}

/**
 * Where a streamed answer stands.
 * - `queued`: nothing is written. The head of a chunked answer leaves with its first body byte only.
 * - `open`: head and some of the body are written.
 * - `complete`: the engine has ended it; its response object is dead.
 * - `handed`: all is written and the engine believes that more comes, so that bytes of a next request end the
 *   connection. `flushed` tells whether the system is known to have taken all of it.
 */
export type AnswerPhase =
  | { kind: 'queued' }
  | { kind: 'open' }
  | { kind: 'complete' }
  | { kind: 'handed'; flushed: boolean }

/** One cork has room for a whole answer with a body of `length` bytes. */
export const fitsCork = (head: ResponseHead, length: number): boolean => headSize(head) + length <= CORK

/** One streamed answer: framing, and what the socket did not take. */
export class UwsAnswer {
  phase: AnswerPhase = { kind: 'queued' }
  /** The socket is full; `pump` when it has room. */
  blocked = false
  ended = false
  /**
   * The last byte of what is given is written by itself, so that on a socket that is full it is still here: only a
   * write tells whether there is room, and one of a byte adds nothing to what the engine keeps. For an answer whose
   * socket is not polled at times; else the engine says when there is room.
   */
  wary = false
  private readonly res: NativeResponse
  readonly head: ResponseHead
  private readonly length: number | undefined
  private readonly close: boolean
  private readonly queue: Uint8Array[] = []
  private listening = false
  /** Body bytes taken from above, and those of them that the engine took. */
  private taken = 0
  private sent = 0

  /** `close`: the connection serves nothing after this answer. A `length` of 0 is not streamed. */
  constructor(res: NativeResponse, head: ResponseHead, close: boolean) {
    this.res = res
    this.head = head
    this.length = head.length
    this.close = close
  }

  /** A whole answer without `close`, its length in the head, in a cork of its own. Undefined: the engine took all of it. */
  static whole(res: NativeResponse, head: ResponseHead, body: Uint8Array): UwsAnswer | undefined {
    let complete = false
    res.cork(() => {
      writeHead(res, head)
      complete = res.tryEnd(body, body.length)[1]
    })
    if (complete) return undefined
    const answer = new UwsAnswer(res, head, false)
    answer.phase = { kind: 'open' }
    answer.blocked = true
    answer.sent = res.getWriteOffset()
    answer.taken = body.length
    answer.queue.push(Buffer.from(body.subarray(answer.sent)))
    return answer
  }

  /** False: `length` bytes were promised and not given. */
  get whole(): boolean {
    return this.length === undefined || this.taken === this.length
  }

  /** No byte of a body was given, nor a head written. */
  get empty(): boolean {
    return this.phase.kind === 'queued' && this.taken === 0
  }

  write(chunk: Uint8Array): void {
    const room = this.length === undefined ? chunk.length : Math.min(chunk.length, this.length - this.taken)
    if (room === 0) return
    this.taken += room
    this.queue.push(room === chunk.length ? chunk : chunk.subarray(0, room))
    if (!this.blocked) this.pump()
    // What the socket did not take is all that needs memory of its own; what was left before has it.
    const last = this.queue.length - 1
    if (last >= 0) this.queue[last] = Buffer.from(this.queue[last]!)
  }

  /**
   * Nothing more is written before the next `pump`; false where that is so already. For the turn of the parser: all
   * that is written then is in one cork, its own.
   */
  hold(): boolean {
    const held = !this.blocked
    this.blocked = true
    return held
  }

  end(): void {
    this.ended = true
    if (!this.blocked) this.pump()
  }

  /** A head with a length need not wait for the body. */
  flushHead(): void {
    if (this.phase.kind === 'queued' && this.length !== undefined)
      this.res.cork(() => this.openSized(this.length!))
  }

  /** `onRoom`: there may be room; told again and again. */
  listen(onRoom: () => void): void {
    if (this.listening) return
    this.listening = true
    this.res.onWritable(() => {
      onRoom()
      return true
    })
  }

  /** Sends what the socket takes. */
  pump(): void {
    this.blocked = false
    if (this.queue.length === 0 && this.phase.kind === 'open') this.res.cork(nothing)
    else if (this.wary && this.length === undefined && this.queue.length > 0)
      this.sendChunk(this.queue[0]!, 1)
    while (this.queue.length > 0 && !this.blocked) {
      if (this.length === undefined) this.sendChunk(this.queue[0]!)
      else this.sendSized(this.queue[0]!, this.length)
    }
    if (!this.blocked && this.ended && this.phase.kind === 'open') this.finish()
  }

  private open(): void {
    this.phase = { kind: 'open' }
    writeHead(this.res, this.head, this.close)
  }

  /** An empty first `tryEnd` writes the head alone. */
  private openSized(length: number): void {
    this.open()
    this.res.tryEnd('', length)
  }

  private sendSized(chunk: Uint8Array, length: number): void {
    let ok = false
    let complete = false
    this.res.cork(() => {
      if (this.phase.kind === 'queued') {
        if (this.close) this.openSized(length)
        else this.open()
      }
      // One byte more than there will be: the engine never sees the end.
      ;[ok, complete] = this.res.tryEnd(chunk, this.close ? length + 1 : length)
    })
    if (complete) {
      this.queue.length = 0
      this.phase = { kind: 'complete' }
    } else if (ok) {
      this.sent += chunk.length
      this.queue.shift()
    } else {
      const sent = this.res.getWriteOffset()
      if (sent - this.sent === chunk.length) this.queue.shift()
      else this.queue[0] = chunk.subarray(sent - this.sent)
      this.sent = sent
      this.blocked = true
    }
  }

  /** `most`: bytes. */
  private sendChunk(chunk: Uint8Array, most = CORK): void {
    const queued = this.phase.kind === 'queued'
    const held = this.wary && this.queue.length === 1 && chunk.length > 1 ? 1 : 0
    const fits = Math.max(CORK - CHUNK_FRAME - (queued ? headSize(this.head) : 0), 1)
    const room = Math.min(most, fits, chunk.length - held)
    let ok = false
    this.res.cork(() => {
      if (queued) this.open()
      ok = this.res.write(chunk.length > room ? chunk.subarray(0, room) : chunk)
    })
    if (chunk.length > room) this.queue[0] = chunk.subarray(room)
    else this.queue.shift()
    this.blocked = !ok
  }

  private finish(): void {
    if (this.length !== undefined) {
      this.res.cork(() => {
        const [flushed] = this.res.tryEnd('', this.length! + 1)
        this.blocked = !flushed
      })
      if (!this.blocked) this.phase = { kind: 'handed', flushed: true }
    } else if (this.close) {
      // The last chunk, with an extension since a field has to have a colon: 0;a=": "
      this.res.cork(() => this.res.writeHeader('\r\n0;a="', '"\r\n'))
      this.phase = { kind: 'handed', flushed: false }
    } else {
      this.res.cork(() => this.res.end())
      this.phase = { kind: 'complete' }
    }
  }
}
