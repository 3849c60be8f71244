import { assertNever } from '../../shared/errors.js'
import type { ResponseHead } from './engine.js'
import { BAD_HEAD, BAD_HEAD_BODY, headFault } from './response-head.js'
import { fitsCork, UwsAnswer } from './uws-answer.js'
import { endBodyless, isBodyless, writeBodyless } from './uws-bodyless.js'
import { writeHead } from './uws-head.js'
import type { UwsIntake } from './uws-intake.js'
import type { NativeResponse } from './uws-native.js'
import type { Turn } from './uws-turn.js'

/** Sweeps that a caller who was told `connection: close` has to close it: 4 to 8 s. */
const LINGER_SWEEPS = 2

/**
 * How far the reply is. `lingering`: all is said and the caller should close; bytes of a next request end the
 * connection. `done`: the response object is dead.
 */
type ReplyState =
  | { kind: 'waiting' }
  | { kind: 'streaming'; answer: UwsAnswer }
  | { kind: 'lingering'; sweeps: number }
  | { kind: 'done' }

const WAITING: ReplyState = { kind: 'waiting' }
const DONE: ReplyState = { kind: 'done' }

export interface ReplyOwner {
  /** There is room again after a `write` that returned false. */
  writable(): void
  /** The reply is said: no event may follow. */
  over(): void
}

/** What one caller is told: the only place that writes to the response object. */
export class UwsReply {
  place = -1
  method = ''
  /** A chunked request: the parser is lenient about where it ends. */
  chunked = false
  /** The caller said that it is its last request. */
  last = false
  /** The caller said so in the one way that the engine knows, which then closes without a word. */
  mute = false
  /** Undefined for a request without a body. */
  intake: UwsIntake | undefined
  private state: ReplyState = WAITING
  private readonly res: NativeResponse
  private readonly turn: Turn
  private readonly owner: ReplyOwner
  /** `write` has returned false and `writable` has not come yet. */
  owed = false

  constructor(res: NativeResponse, turn: Turn, owner: ReplyOwner) {
    this.res = res
    this.turn = turn
    this.owner = owner
  }

  get kind(): ReplyState['kind'] {
    return this.state.kind
  }

  /** The next request would be read: the body is at its end, and the socket polled. */
  get received(): boolean {
    return this.intake === undefined || (this.intake.received && !this.intake.stopped)
  }

  /** What follows on the connection is not served. A body that is not read to its end would be read first. */
  closes(head: ResponseHead): boolean {
    return head.close === true || this.last || this.chunked || !this.received
  }

  respond(head: ResponseHead, body: Uint8Array | string): void {
    if (!this.mayBegin(head)) return
    const close = this.closes(head)
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    const unread = close && !this.received
    if (isBodyless(this.method, head)) {
      this.respondBodyless(head.length === undefined && length > 0 ? { ...head, length } : head, close)
    } else if (length === 0 && unread) {
      this.respondBodyless({ ...head, length }, close)
    } else if (length === 0 || (fitsCork(head, length) && !unread)) {
      this.finish()
      this.res.cork(() => {
        writeHead(this.res, head, close && this.mute)
        this.res.end(body, close)
      })
    } else {
      this.respondLarge({ ...head, length }, typeof body === 'string' ? Buffer.from(body) : body, close)
    }
  }

  start(head: ResponseHead): void {
    if (!this.mayBegin(head)) return
    if (isBodyless(this.method, head)) this.respondBodyless(head, this.closes(head))
    else if (head.length === 0) this.respond(head, '')
    else this.stream(new UwsAnswer(this.res, head, this.closes(head)))
  }

  write(chunk: Uint8Array): boolean {
    if (this.state.kind !== 'streaming') return true
    const { answer } = this.state
    if (this.turn.parsing && answer.hold()) this.turn.later(() => this.pump())
    answer.write(chunk)
    this.settle(answer)
    this.owed = answer.blocked
    return !this.owed
  }

  end(): void {
    if (this.state.kind !== 'streaming') return
    const { answer } = this.state
    if (!answer.whole) this.drop()
    else if (answer.empty) {
      this.state = WAITING
      this.respond(answer.head, '')
    } else {
      this.owner.over()
      answer.end()
      this.settle(answer)
    }
  }

  cut(): void {
    if (this.state.kind === 'waiting' || this.state.kind === 'streaming') this.drop()
  }

  /** The response object is not to be touched any more. */
  finish(): void {
    this.state = DONE
    this.turn.swept.delete(this)
    this.turn.stopPumping(this)
    this.owner.over()
  }

  sweep(): void {
    const { state } = this
    if (state.kind === 'lingering') {
      state.sweeps += 1
      if (state.sweeps >= LINGER_SWEEPS) this.drop()
    } else if (this.intake?.stopped) this.intake.peek()
    else if (state.kind === 'streaming' || !this.received) {
      // Restarts the engine's timer, which would cut a stalled reader and an upload under 16 KB/s.
      this.res.pause()
      this.res.resume()
    }
  }

  /** There is, or may be, room to write. */
  pump(): void {
    this.flush()
    if (!this.owed || this.state.kind !== 'streaming' || this.state.answer.blocked) return
    this.owed = false
    this.owner.writable()
  }

  /** Writes what waits; true if the socket is still full. If it is not, no event of the engine tells the owner. */
  unblock(): boolean {
    const full = this.flush()
    if (!full && this.owed) this.turn.later(() => this.pump())
    return full
  }

  private flush(): boolean {
    if (this.state.kind === 'lingering') this.res.cork(() => {})
    if (this.state.kind !== 'streaming') return false
    const { answer } = this.state
    answer.pump()
    this.settle(answer)
    return this.state.kind === 'streaming' && answer.blocked
  }

  /** After the socket was stopped: it tells nothing then, and a write that fails starts it again. */
  keepStopped(): void {
    if (this.state.kind === 'streaming' && this.intake?.stopped) {
      this.state.answer.wary = true
      this.intake.stopAgain()
      this.turn.pumpEveryMoment(this)
    } else this.turn.stopPumping(this)
  }

  private respondLarge(head: ResponseHead, body: Uint8Array, close: boolean): void {
    const answer = close ? new UwsAnswer(this.res, head, close) : UwsAnswer.whole(this.res, head, body)
    if (answer === undefined) this.finish()
    else this.stream(answer)
    if (close) this.write(body)
    this.end()
  }

  private stream(answer: UwsAnswer): void {
    this.state = { kind: 'streaming', answer }
    this.turn.swept.add(this)
    if (answer.head.length !== undefined)
      this.turn.later(() => this.state.kind === 'streaming' && answer.flushHead())
  }

  /** Draws the consequences of what the answer has become. */
  private settle(answer: UwsAnswer): void {
    const { phase } = answer
    switch (phase.kind) {
      case 'complete':
        this.finish()
        return
      case 'handed':
        if (phase.flushed && this.received) this.drop()
        else this.linger()
        return
      case 'queued':
      case 'open':
        if (answer.blocked) answer.listen(() => this.pump())
        this.keepStopped()
        return
      default:
        assertNever(phase)
    }
  }

  private respondBodyless(head: ResponseHead, close: boolean): void {
    if (!close) {
      this.finish()
      endBodyless(this.res, head)
    } else if (writeBodyless(this.res, head) && this.received) this.drop()
    else this.linger()
  }

  private mayBegin(head: ResponseHead): boolean {
    if (this.state.kind !== 'waiting') return false
    const fault = headFault(head)
    if (fault === undefined) return true
    this.turn.onError(new Error(`answer refused: ${fault}`))
    this.respond(BAD_HEAD, BAD_HEAD_BODY)
    return false
  }

  private linger(): void {
    this.finish()
    this.state = { kind: 'lingering', sweeps: 0 }
    this.turn.swept.add(this)
    this.intake?.discard()
  }

  private drop(): void {
    this.finish()
    this.intake?.forget()
    this.res.close()
  }
}
