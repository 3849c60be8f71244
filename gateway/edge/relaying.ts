/**
 * A caller's WebSocket ⇄ one stream, after the upstream took the upgrade: message by message, both ways. Towards the
 * caller its socket's pace reaches the upstream by credit. From the caller nothing can be paused, so what waits for
 * the upstream is bounded, and past the bound the socket is closed with 1013.
 */
import { CloseCode } from '../../shared/close-codes.js'
import { assertNever, type ProblemCode, ProtocolError } from '../../shared/errors.js'
import { closeFrame, MessageReader, MessageTooBig, messageFrame } from '../../shared/message-frames.js'
import { upgradeFields } from './answer.js'
import type { Answer, AnswerFault, AnsweringOwner } from './answering.js'
import type { Attempt, AttemptOwner, Failure } from './attempt.js'
import { type Backlog, Waiting } from './backlog.js'
import type { ResponseHead, Socket, SocketEvents, Upgrade } from './engine.js'
import { Keepalive, type KeepaliveOptions } from './keepalive.js'

/** The caller's socket gives no more credit while it buffers this much. */
const HIGH_WATER = 1024 * 1024

/** After one side's close frame the other has this long (ms) to answer. */
const CLOSE_TIMEOUT = 10_000

/** Beside those of links (RFC 6455 §7.4.1; 1013 is registered as "try again later"). */
const Code = { ...CloseCode, abnormal: 1006, tooBig: 1009, fault: 1011, tryLater: 1013 } as const

export interface RelaySettings extends KeepaliveOptions {
  /** Bytes of one message, either way; 0: no bound. */
  maxMessage: number
}

type State =
  | { kind: 'open' }
  /** A side has closed, or both were told to; `awaited` is to answer until then. */
  | { kind: 'closing'; awaited: 'caller' | 'upstream'; deadline: number; fault: ProblemCode | undefined }
  | { kind: 'done' }

export class Relaying implements Answer, SocketEvents, AttemptOwner {
  readonly status = 101
  bytesIn = 0
  bytesOut = 0

  readonly #owner: AnsweringOwner
  readonly #attempt: Attempt
  readonly #settings: RelaySettings
  readonly #waiting: Waiting
  readonly #upgrade: Upgrade
  readonly #head: ResponseHead
  readonly #reader: MessageReader
  #socket: Socket | undefined
  #state: State = { kind: 'open' }
  /** Bytes read from the stream whose credit waits for the caller's socket. */
  #unread = 0
  readonly #keepalive: Keepalive

  constructor(
    owner: AnsweringOwner,
    attempt: Attempt,
    upgrade: Upgrade,
    head: ResponseHead,
    { settings, backlog }: { settings: RelaySettings; backlog: Backlog },
  ) {
    this.#owner = owner
    this.#attempt = attempt
    this.#settings = settings
    this.#waiting = new Waiting(backlog, settings.maxMessage)
    this.#keepalive = new Keepalive(settings, owner.now())
    this.#reader = new MessageReader(settings.maxMessage, {
      message: (payload, binary) => this.#deliver(payload, binary),
      close: (code, reason) => this.#upstreamClosed(code, reason),
    })
    this.#upgrade = upgrade
    this.#head = head
    attempt.owner = this
  }

  /** Accepts the caller's handshake, as the upstream accepted its own. */
  begin(): void {
    const [protocol, headers] = upgradeFields(this.#head.headers)
    this.#socket = this.#upgrade.accept(protocol, headers, this)
    if (this.#socket === undefined) this.#over('aborted')
  }

  // From the caller's socket.

  message(data: Buffer, binary: boolean): void {
    if (this.#state.kind !== 'open') return
    this.#keepalive.heard(this.#owner.now())
    this.bytesIn += data.length
    if (this.#settings.maxMessage > 0 && data.length > this.#settings.maxMessage) {
      this.#tooBig('caller')
      return
    }
    const { stream } = this.#attempt
    for (const piece of messageFrame(binary, Buffer.from(data))) stream.write(piece)
    if (this.#waiting.tooMuch(stream.queued))
      this.#end(Code.tryLater, 'the upstream does not keep up', 'overloaded')
  }

  drain(): void {
    // Its kernel acknowledged some of what waits, perhaps in front of a ping.
    this.#keepalive.heard(this.#owner.now())
    this.#credit()
  }

  pong(): void {
    this.#keepalive.heard(this.#owner.now())
  }

  close(code: number, reason: string): void {
    this.#socket = undefined
    if (this.#state.kind === 'open') {
      if (code === Code.abnormal) this.#over('aborted')
      else this.#closeUpstream(code, reason, undefined)
    } else if (this.#state.kind === 'closing' && this.#state.awaited === 'caller') {
      this.#over(undefined)
    }
  }

  // From the attempt.

  answered(): void {}

  body(chunk: Uint8Array): void {
    this.#unread += chunk.length
    // Behind a close frame of either side nothing is for anyone.
    if (this.#state.kind === 'open') this.#read(chunk)
    this.#credit()
  }

  bodyEnd(): void {
    if (this.#state.kind === 'open') {
      // Without a close frame: the upstream vanished.
      this.#attempt.link.errors++
      this.#vanish('agent_error')
    } else if (this.#state.kind === 'closing' && this.#state.awaited === 'upstream') {
      this.#over(this.#state.fault)
    }
  }

  roomForBody(): void {
    this.#waiting.tooMuch(this.#attempt.stream.queued)
  }

  failed({ problem }: Failure): void {
    if (this.#state.kind === 'closing') this.#over(this.#state.fault)
    else this.#vanish(problem.code)
  }

  // From the exchange.

  /** Pings the caller; cuts one that does not answer, and a close that is not answered. */
  sweep(now: number): void {
    switch (this.#state.kind) {
      case 'open':
        this.#waiting.tooMuch(this.#attempt.stream.queued)
        this.#ask(this.#keepalive.look(now))
        return
      case 'closing':
        if (now >= this.#state.deadline) this.#over(this.#state.fault)
        return
      case 'done':
        return
      default:
        assertNever(this.#state)
    }
  }

  /** The credential behind it has ended, or the gateway does. */
  cut(code: ProblemCode): void {
    if (code === 'unauthorized') this.#end(Code.credentialEnded, 'the credential has ended', code)
    else this.#end(Code.goingAway, 'the gateway is shutting down', code)
  }

  #deliver(payload: Buffer, binary: boolean): void {
    if (this.#state.kind !== 'open') return
    this.bytesOut += payload.length
    if (this.#socket?.send(payload, binary) === false) this.#over('aborted')
  }

  #upstreamClosed(code: number, reason: string): void {
    if (this.#state.kind !== 'open') return
    this.#closing('caller', undefined)
    this.#socket?.close(code, reason)
  }

  /** The caller has closed, or is about to be closed. */
  #closeUpstream(code: number, reason: string, fault: ProblemCode | undefined): void {
    this.#attempt.stream.write(closeFrame(code, reason))
    this.#attempt.stream.end()
    this.#closing('upstream', fault)
  }

  #closing(awaited: 'caller' | 'upstream', fault: ProblemCode | undefined): void {
    this.#state = { kind: 'closing', awaited, deadline: this.#owner.now() + CLOSE_TIMEOUT, fault }
  }

  /** Whoever sent it, both sides are told. */
  #tooBig(sender: 'caller' | 'upstream'): void {
    const rule = `a message of the ${sender} has more than ${this.#settings.maxMessage} bytes`
    this.#closeUpstream(Code.tooBig, rule, 'payload_too_large')
    this.#socket?.close(Code.tooBig, rule)
  }

  #read(chunk: Uint8Array): void {
    try {
      this.#reader.push(chunk)
    } catch (error) {
      if (error instanceof MessageTooBig) this.#tooBig('upstream')
      else if (error instanceof ProtocolError) {
        this.#attempt.link.errors++
        this.#end(Code.fault, 'the agent sent no message frames', 'agent_error')
      } else throw error
    }
  }

  /** Credit flows while the caller's socket does. */
  #credit(): void {
    if (this.#unread === 0 || (this.#socket?.bufferedAmount ?? 0) > HIGH_WATER) return
    const bytes = this.#unread
    this.#unread = 0
    this.#attempt.stream.read(bytes)
  }

  /** Says goodbye to the caller with `code` and is done with the upstream. */
  #end(code: number, reason: string, fault: ProblemCode): void {
    this.#socket?.close(code, reason)
    this.#over(fault)
  }

  #ask(due: ReturnType<Keepalive['look']>): void {
    if (due === 'ping') this.#socket?.ping()
    else if (due === 'dead') this.#vanish('aborted')
  }

  /** An abrupt end passes on as one. */
  #vanish(fault: AnswerFault): void {
    this.#socket?.destroy()
    this.#over(fault)
  }

  #over(fault: AnswerFault | undefined): void {
    if (this.#state.kind === 'done') return
    this.#state = { kind: 'done' }
    this.#waiting.tooMuch(0)
    this.#attempt.release(fault, this.bytesIn, this.bytesOut)
    this.#owner.over(fault)
  }
}
