import { getField } from '../../shared/headers.js'
import { CLOSE, saysClose } from './close-option.js'
import { type Caller, type CallerEvents, NO_EVENTS, type RequestHead, type ResponseHead } from './engine.js'
import { FAILED, FAILED_BODY } from './response-head.js'
import { UwsIntake } from './uws-intake.js'
import type { NativeResponse } from './uws-native.js'
import { type ReplyOwner, UwsReply } from './uws-reply.js'
import type { Turn } from './uws-turn.js'

const NO_HEAD: RequestHead = { method: '', target: '', headers: [], remoteAddress: '', secure: false }

/** `gated`: what was said waits until the parser is off the stack. */
type Gated = { kind: 'gated'; jobs: (() => void)[]; owed: boolean }
type CallerState = { kind: 'direct' } | Gated

const DIRECT: CallerState = { kind: 'direct' }

/**
 * One exchange on uWebSockets.js. To be made first thing in the engine's handler: one that returns or throws
 * before `onAborted` is set ends the process, past every catch.
 */
export class UwsCaller implements Caller, ReplyOwner {
  head: RequestHead = NO_HEAD
  events: CallerEvents = NO_EVENTS
  private readonly res: NativeResponse
  private readonly turn: Turn
  private readonly reply: UwsReply
  private intake: UwsIntake | undefined
  private state: CallerState = DIRECT

  constructor(res: NativeResponse, turn: Turn) {
    this.res = res
    this.turn = turn
    this.reply = new UwsReply(res, turn, this)
    res.onAborted(() => this.left())
  }

  /** Hands the request over. `work` sets the events. */
  begin(head: RequestHead, work: () => void): void {
    this.head = head
    this.reply.method = head.method
    // The engine tells it by the length of the first such field, and serves what came together with the request.
    this.reply.mute = getField(head.headers, 'connection')?.length === CLOSE.length
    this.reply.last = this.reply.mute || saysClose(head)
    if (this.hasBody()) {
      this.intake = new UwsIntake(this.res, this.turn, {
        data: (chunk) => this.guard(() => this.events.data(chunk)),
        end: () => this.ended(),
        unblock: () => this.reply.unblock(),
        stopped: () => this.reply.keepStopped(),
        overrun: () => {
          this.turn.onError(new Error('a caller sent more than can be held against its pause'))
          this.res.close()
        },
      })
      this.reply.intake = this.intake
      this.turn.swept.add(this.reply)
    }
    this.guard(work)
    if (this.intake === undefined) this.guard(() => this.events.end())
  }

  /** Gives the response object away, as for an upgrade: undefined where the caller is gone or answered. */
  take(): NativeResponse | undefined {
    if (this.reply.kind !== 'waiting' || this.state.kind === 'gated') return undefined
    this.reply.finish()
    return this.res
  }

  pause(): void {
    this.intake?.pause()
  }

  resume(): void {
    this.intake?.resume()
  }

  respond(head: ResponseHead, body: Uint8Array | string = ''): void {
    const gate = this.gate(head)
    if (gate === undefined) this.reply.respond(head, body)
    else gate.jobs.push(() => this.reply.respond(head, body))
  }

  start(head: ResponseHead): void {
    const gate = this.gate(head)
    if (gate === undefined) this.reply.start(head)
    else gate.jobs.push(() => this.reply.start(head))
  }

  write(chunk: Uint8Array): boolean {
    if (this.state.kind === 'direct') return this.reply.write(chunk)
    const copy = Buffer.from(chunk)
    this.state.jobs.push(() => this.reply.write(copy))
    this.state.owed = true
    return false
  }

  end(): void {
    if (this.state.kind === 'direct') this.reply.end()
    else this.state.jobs.push(() => this.reply.end())
  }

  cut(): void {
    this.reply.cut()
  }

  writable(): void {
    this.guard(() => this.events.writable())
  }

  over(): void {
    this.events = NO_EVENTS
  }

  /**
   * A connection that is to close after this answer must not be answered while the parser has bytes of it in
   * hand: it would serve them as a next request. With the answer still pending they end the connection. The
   * turn's end also lets a short body arrive, so that there is no need to close.
   */
  private gate(head: ResponseHead): Gated | undefined {
    if (this.state.kind === 'gated') return this.state
    if (!this.turn.parsing || this.reply.kind !== 'waiting' || !this.reply.closes(head)) return undefined
    const gate: Gated = { kind: 'gated', jobs: [], owed: false }
    this.state = gate
    this.turn.later(() => this.openGate())
    return gate
  }

  private openGate(): void {
    if (this.state.kind !== 'gated') return
    const { jobs, owed } = this.state
    this.state = DIRECT
    for (const job of jobs) job()
    if (owed && this.reply.kind === 'streaming' && !this.reply.owed) this.writable()
  }

  private ended(): void {
    if (this.reply.kind === 'waiting') this.turn.swept.delete(this.reply)
    this.guard(() => this.events.end())
  }

  /** Reads what of the head concerns the engine. */
  private hasBody(): boolean {
    const { headers } = this.head
    let body = false
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!
      if (name.length === 14 && name === 'content-length') body ||= headers[i + 1] !== '0'
      else if (name.length === 17 && name === 'transfer-encoding') body = this.reply.chunked = true
    }
    return body
  }

  /** What an event throws costs this exchange and nothing else. */
  private guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.turn.onError(error)
      if (this.reply.kind === 'waiting') this.respond(FAILED, FAILED_BODY)
      else if (this.reply.kind === 'streaming') this.cut()
    }
  }

  private left(): void {
    if (this.reply.kind === 'done') return
    const { events } = this
    this.reply.finish()
    this.intake?.forget()
    const tell = () => this.guard(() => events.aborted())
    if (this.turn.closing) this.turn.later(tell)
    else tell()
  }
}
