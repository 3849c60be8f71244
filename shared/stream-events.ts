/** What a stream tells its owner, and what it needs of its mux. */
import type { Head, ResetCode } from './frames.js'
import type { Stream } from './stream.js'

/** What the owner of a stream is told. Nothing follows `reset`, nor the `end` of both directions. */
export interface StreamEvents {
  /** The peer's head: on the gateway an interim answer or the answer, on the agent never (it came with `open`). */
  head(head: Head): void
  /**
   * Body bytes; a view that is only valid now. Each is given back with `read` once it is used up, also after the
   * `end`, or all are given up by `reset`: until then they count against what windows may grow by.
   */
  data(chunk: Uint8Array): void
  /** The peer's direction is complete. */
  end(trailers: readonly string[]): void
  /** `write` returned false before and may be called again. */
  drain(): void
  /** Ended before its end: by the peer, or because the link went (`lost`). */
  reset(reason: StreamEnd): void
}

/** For a stream that has no owner yet, or whose owner is done with it. */
export const NO_STREAM_EVENTS: StreamEvents = { head() {}, data() {}, end() {}, drain() {}, reset() {} }

export type StreamEnd =
  | { kind: 'peer'; code: ResetCode; message: string }
  /** `sent`: whether any of it may have reached the peer. */
  | { kind: 'lost'; sent: boolean; message: string }

/** A direction of a stream. */
export type Phase = 'head' | 'body' | 'done'

/** What a stream needs of its mux. */
export interface StreamHost {
  now(): number
  /** Round trip of the link, in milliseconds; 0 until it was measured. */
  readonly rtt: number
  sendHead(stream: Stream, head: Omit<Head, 'kind' | 'id'>): void
  /** The stream has bytes or an end to send. */
  ready(stream: Stream): void
  sendCredit(id: number, bytes: number): void
  sendReset(stream: Stream, code: ResetCode, message: string): void
  /** Both directions are done. */
  closed(stream: Stream): void
}
