/** What a handler of the gateway's own endpoints is given, and what it gives back. */
import type { Principal } from '../access/principal.js'
import type { Caller, RequestHead, Upgrade } from '../edge/engine.js'
import type { Reply } from '../edge/reply.js'

export interface ApiRequest {
  readonly head: RequestHead
  readonly requestId: string
  /** What the pattern's `:names` stand for, percent-decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Who asks; its scope has been checked. Undefined on open routes, where it came without a credential. */
  readonly principal: Principal | undefined
  /** Fields of every answer to this request, `gw-request-id` among them: a `Reply` gets them, a stream must send them. */
  readonly headers: readonly string[]
  /** For an answer that is streamed: the handler sets `caller.events` and returns `streaming` or `streamed`. */
  readonly caller: Caller
  /** The whole body. Rejects with a Problem: `payload_too_large` over `most` bytes (1 MiB where not given). */
  body(most?: number): Promise<Buffer>
  /** The body as JSON. Rejects with a Problem: `bad_request` where it is not. */
  json(most?: number): Promise<unknown>
}

/** The handler answers by itself, or has done so. */
export interface Streaming {
  readonly kind: 'streaming'
  readonly lasting: boolean
  readonly status: number
}

/** Of a stream that lasts until its caller leaves or its credential ends: the latter is seen to. */
export const streaming = (status: number): Streaming => ({ kind: 'streaming', status, lasting: true })

/** Of a stream that may end by itself: the handler watches the credential. */
export const streamed = (status: number): Streaming => ({ kind: 'streaming', status, lasting: false })

/** `jsonReply` makes a `Reply`. Throws or rejects with a `Problem` to refuse. */
export type ApiHandler = (request: ApiRequest) => Reply | Streaming | Promise<Reply | Streaming>

/** Of a route that is a WebSocket. Throws or rejects with a `Problem` to refuse, before it accepts. */
export type SocketHandler = (request: ApiRequest, upgrade: Upgrade) => void | Promise<void>
