/** What answers exchanges, and what it is told of one. */
import type { ResetCode } from '../shared/frames.js'
import type { Exchange } from './exchange.js'

export interface Handler {
  /**
   * Answers now or later. Sets `exchange.events` before it returns if it wants the rest of the body, or to know
   * that the caller left. What it throws is the exchange's failure.
   */
  serve(exchange: Exchange): void
  /**
   * The same for a WebSocket's handshake: either `exchange.accept`, and then messages (`messages.ts`), or an answer
   * that refuses it.
   */
  websocket(exchange: Exchange): void
  /** The same for a session's run, see `handlers/execute.ts`. Absent where the agent serves none. */
  run?(exchange: Exchange): void
  /** It may be handed a run that another agent has begun. */
  readonly resumable?: boolean
  /** Frees what it holds; its exchanges are over. */
  destroy(): void
}

/** What a handler is told. Nothing follows `abort`. */
export interface ExchangeEvents {
  /** More of the body. `chunk` is the handler's to keep; `exchange.read` asks for as much again. */
  data(chunk: Uint8Array): void
  /** The body is complete. */
  end(): void
  /** `write` returned false before and may be called again. */
  drain(): void
  /** The caller left, or the link is gone. */
  abort(reason: string): void
}

/** Reads and drops a body. */
export const UNREAD: ExchangeEvents = { data() {}, end() {}, drain() {}, abort() {} }

/** How an exchange ended. */
export type Outcome =
  | { readonly kind: 'open' }
  | { readonly kind: 'answered' }
  | { readonly kind: 'aborted'; readonly reason: string }
  | { readonly kind: 'failed'; readonly code: ResetCode; readonly message: string }
