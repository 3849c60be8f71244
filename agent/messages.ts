/** The exchange of an accepted WebSocket as what it carries: messages. Credit for the caller's goes by its owner's pace. */
import { ProtocolError } from '../shared/errors.js'
import { ResetCode } from '../shared/frames.js'
import { closeFrame, MessageReader, MessageTooBig, messageFrame } from '../shared/message-frames.js'
import type { Exchange } from './exchange.js'
import type { ExchangeEvents, Outcome } from './handler.js'

/** Most that one message may hold, from either side. The gateway's own bound (`--max-message`) is mostly lower. */
export const MAX_PROXIED_MESSAGE = 256 * 1024 * 1024
/** Messages up to this size are copied, so that each costs one frame of the link. */
const MERGED = 16 * 1024

/** Close codes of RFC 6455 §7.4 that are used here. */
export const SocketCode = { normal: 1000, none: 1005, abnormal: 1006, tooBig: 1009, fault: 1011 } as const

/** What takes the caller's messages. */
export interface MessageOwner {
  /** It has enough for now: the caller is held back until `Messages.resume`. */
  readonly full: boolean
  /** `payload` is the owner's, and a view that may keep more memory alive than it shows. */
  received(payload: Buffer, binary: boolean): void
  /** The caller's close frame came, which `close` answers. 1005: without a code. Nothing follows but `gone`. */
  callerClosed(code: number, reason: string): void
  /** `send` returned false before and may be called again. */
  drained(): void
  /** The caller left without a close frame, or the link is gone. Nothing follows. */
  gone(reason: string): void
}

export class Messages implements ExchangeEvents {
  readonly #exchange: Exchange
  readonly #owner: MessageOwner
  readonly #reader: MessageReader
  /** Bytes read for which the gateway has no credit yet. */
  #unread = 0
  #callerClosed = false

  constructor(exchange: Exchange, owner: MessageOwner) {
    this.#exchange = exchange
    this.#owner = owner
    this.#reader = new MessageReader(MAX_PROXIED_MESSAGE, {
      message: (payload, binary) => owner.received(payload, binary),
      close: (code, reason) => {
        this.#callerClosed = true
        owner.callerClosed(code, reason)
      },
    })
    exchange.events = this
  }

  /** `payload` must not change afterwards. @returns false: wait for `drained` before the next. */
  send(payload: Uint8Array, binary: boolean): boolean {
    const [header] = messageFrame(binary, payload)
    if (payload.length <= MERGED) return this.#exchange.write(Buffer.concat([header, payload]))
    this.#exchange.write(header)
    return this.#exchange.write(payload)
  }

  /** The last that the caller gets. A reason past 123 bytes is cut. The log is told of a `fault`. */
  close(code: number, reason: string, fault?: string): void {
    const exchange = this.#exchange
    if (exchange.done) return
    const outcome: Outcome | undefined =
      fault === undefined ? undefined : { kind: 'failed', code: ResetCode.failed, message: fault }
    exchange.write(closeFrame(code, reason))
    exchange.finish([], outcome)
    this.#giveCredit()
  }

  /** The owner is not full any more. */
  resume(): void {
    if (!this.#owner.full) this.#giveCredit()
  }

  // From the exchange.

  data(chunk: Uint8Array): void {
    this.#unread += chunk.length
    try {
      this.#reader.push(chunk)
    } catch (error) {
      if (error instanceof ProtocolError) this.#break(error.message)
      else if (error instanceof MessageTooBig) this.#tooBig(error.message)
      else throw error
    }
    this.resume()
  }

  end(): void {
    if (!this.#callerClosed) this.#break('the gateway ended a WebSocket without a close frame')
  }

  drain(): void {
    this.#owner.drained()
  }

  abort(reason: string): void {
    this.#owner.gone(reason)
  }

  #tooBig(rule: string): void {
    this.close(SocketCode.tooBig, rule)
    this.#owner.callerClosed(SocketCode.tooBig, rule)
  }

  #break(rule: string): void {
    this.#exchange.fail(ResetCode.failed, rule)
    this.#owner.gone(rule)
  }

  #giveCredit(): void {
    const bytes = this.#unread
    this.#unread = 0
    if (bytes > 0) this.#exchange.read(bytes)
  }
}
