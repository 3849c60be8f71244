/** A caller's WebSocket as a handler function sees it. */
import { Deferred } from '../deferred.js'
import type { Exchange } from '../exchange.js'
import { type MessageOwner, Messages, SocketCode } from '../messages.js'
import { describeError } from '../text.js'

/** Text is a string, binary is bytes (a `Buffer`). */
export type SocketMessage = string | Uint8Array

export interface CallerSocket extends AsyncIterable<SocketMessage> {
  /** The subprotocol that `accept` chose; empty where it chose none. */
  readonly protocol: string
  /** How it ended; undefined before. 1005: a close frame without a code. 1006: no close frame. */
  readonly closed: { readonly code: number; readonly reason: string } | undefined
  /**
   * Upgrades. Only once, and not after a `Response` was returned.
   * @param protocol one of those that the request's `sec-websocket-protocol` lists
   */
  accept(protocol?: string): void
  /**
   * Resolves when there is room for more, so that who waits for it keeps to the caller's pace. Rejects once the
   * socket is closed; a rejection that nobody looks at does no harm. The bytes may be changed afterwards.
   */
  send(message: string | ArrayBuffer | Uint8Array): Promise<void>
  /** Says goodbye: 1000 where no code is given, else one that a close frame carries. A reason past 123 bytes is cut. */
  close(code?: number, reason?: string): void
}

/** Bytes of messages that a handler has not taken; past it the caller is held back. */
const MOST_QUEUED = 64 * 1024
/** What a message counts beyond its payload, so that empty ones are bounded too. */
const OVERHEAD = 64

type State =
  | { readonly kind: 'offered' | 'open' }
  | { readonly kind: 'closed'; readonly rejection: Promise<never> }

const ROOM = Promise.resolve()

export class HandlerSocket implements CallerSocket, MessageOwner {
  protocol = ''
  closed: { readonly code: number; readonly reason: string } | undefined

  readonly #exchange: Exchange
  readonly #offered: readonly string[]
  readonly #left: (reason: string) => void
  readonly #messages: Messages
  #state: State = { kind: 'offered' }
  /** In order of arrival. What is taken comes from `#due`, the same turned round, so that nothing is shifted. */
  #arrived: SocketMessage[] = []
  #due: SocketMessage[] = []
  #queued = 0
  #readers: ((message: SocketMessage | undefined) => void)[] = []
  #room: Deferred<void> | undefined

  /** `left` is told once the caller has gone, one way or the other. */
  constructor(exchange: Exchange, offered: readonly string[], left: (reason: string) => void) {
    this.#exchange = exchange
    this.#offered = offered
    this.#left = left
    this.#messages = new Messages(exchange, this)
  }

  accept(protocol?: string): void {
    if (this.#state.kind === 'closed') return
    if (this.#state.kind === 'open') throw new Error('the WebSocket was accepted already')
    if (protocol !== undefined && !this.#offered.includes(protocol))
      throw new TypeError(`the caller offers no subprotocol ${JSON.stringify(protocol)}`)
    this.#state = { kind: 'open' }
    this.protocol = protocol ?? ''
    this.#exchange.accept(protocol === undefined ? [] : ['sec-websocket-protocol', protocol])
  }

  send(message: string | ArrayBuffer | Uint8Array): Promise<void> {
    const payload = bytesOf(message)
    if (this.#state.kind === 'offered') throw new Error('the WebSocket is not accepted yet')
    if (this.#state.kind === 'closed') return this.#state.rejection
    if (this.#messages.send(payload, typeof message !== 'string')) return ROOM
    this.#room ??= new Deferred()
    return this.#room.promise
  }

  close(code: number = SocketCode.normal, reason = ''): void {
    if (!isCloseCode(code)) throw new RangeError(`${code} is no code that a close frame carries`)
    if (this.#state.kind === 'offered') throw new Error('the WebSocket is not accepted yet')
    this.#close(code, reason)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SocketMessage, void, undefined> {
    for (;;) {
      const message = await this.#next()
      if (message === undefined) return
      yield message
    }
  }

  // From the handler function.

  /** It returned. @returns false: without having accepted; it cannot any more. */
  returned(): boolean {
    if (this.#state.kind === 'open') this.#close(SocketCode.normal, '')
    else this.#over(SocketCode.abnormal, 'it was not accepted')
    return this.#accepted
  }

  threw(error: unknown): void {
    if (!this.#accepted) this.#exchange.threw(error)
    // What it makes of a caller who has gone is its own affair.
    else this.#close(SocketCode.fault, 'the handler failed', `handler threw: ${describeError(error)}`)
  }

  // From the messages.

  get full(): boolean {
    return this.#queued >= MOST_QUEUED
  }

  received(payload: Buffer, binary: boolean): void {
    if (this.#state.kind === 'closed') return
    const message = binary ? Buffer.from(payload) : payload.toString()
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      reader(message)
      return
    }
    this.#arrived.push(message)
    this.#queued += message.length + OVERHEAD
  }

  callerClosed(code: number, reason: string): void {
    this.#messages.close(code, reason)
    this.#over(code, reason)
    this.#left('the caller closed the WebSocket')
  }

  drained(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  gone(reason: string): void {
    this.#over(SocketCode.abnormal, reason)
    this.#left(reason)
  }

  get #accepted(): boolean {
    return this.#exchange.status === 101
  }

  #close(code: number, reason: string, fault?: string): void {
    if (this.#state.kind !== 'open') return
    this.#messages.close(code, reason, fault)
    this.#arrived = []
    this.#due = []
    this.#over(code, reason)
  }

  /** Undefined at the end: what had come until then is read first. */
  #next(): Promise<SocketMessage | undefined> {
    if (this.#due.length === 0) {
      this.#due = this.#arrived.reverse()
      this.#arrived = []
    }
    const message = this.#due.pop()
    if (message !== undefined) {
      this.#queued -= message.length + OVERHEAD
      this.#messages.resume()
      return Promise.resolve(message)
    }
    if (this.#state.kind === 'closed') return Promise.resolve(undefined)
    return new Promise((resolve) => this.#readers.push(resolve))
  }

  #over(code: number, reason: string): void {
    if (this.#state.kind === 'closed') return
    const error = new Error(`the WebSocket is closed: ${code}${reason === '' ? '' : ` ${reason}`}`)
    const rejection = Promise.reject<never>(error)
    // Who does not wait for what is sent is not ended by it.
    rejection.catch(() => {})
    this.#state = { kind: 'closed', rejection }
    this.closed = { code, reason }
    this.#room?.promise.catch(() => {})
    this.#room?.reject(error)
    this.#room = undefined
    for (const reader of this.#readers.splice(0)) reader(undefined)
  }
}

function bytesOf(message: unknown): Uint8Array {
  if (typeof message === 'string') return Buffer.from(message)
  if (message instanceof Uint8Array || message instanceof ArrayBuffer)
    return Buffer.from(new Uint8Array(message))
  throw new TypeError(`a message is a string or bytes, not ${message === null ? 'null' : typeof message}`)
}

/** RFC 6455 §7.4 and the registry of codes. */
function isCloseCode(code: number): boolean {
  const registered = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006
  return Number.isInteger(code) && (registered || (code >= 3000 && code <= 4999))
}
