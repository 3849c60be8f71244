/**
 * The frames of `gw.v1`. Each is a msgpack array of fixed arity: its kind, then its fields in the order given
 * here. Strings of heads are byte strings: each char is one byte (U+0000 to U+00FF).
 */
export const Kind = {
  hello: 1,
  welcome: 2,
  ping: 3,
  pong: 4,
  goAway: 5,
  open: 6,
  head: 7,
  data: 8,
  end: 9,
  credit: 10,
  reset: 11,
} as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** What a stream carries. A new one touches only its two ends; which agents take it, their capabilities say. */
export const StreamKind = { http: 1, websocket: 2, run: 3 } as const
export type StreamKind = (typeof StreamKind)[keyof typeof StreamKind]

/** Why a stream was ended before its end. */
export const ResetCode = {
  /** The sender lost interest: the caller went away, or the answer is complete without the rest. */
  cancelled: 1,
  /** The agent has no place or is draining. Nothing reached the upstream. */
  refused: 2,
  /** The agent could not connect to its upstream. Nothing reached the upstream. */
  unreachable: 3,
  /** A handler threw, or the upstream broke HTTP or its connection. */
  failed: 4,
  /** The gateway waited as long as it may. */
  timeout: 5,
} as const
export type ResetCode = (typeof ResetCode)[keyof typeof ResetCode]

/** Why an end takes no new streams. */
export const GoAwayReason = { draining: 1, replaced: 2, exhausted: 3 } as const
export type GoAwayReason = (typeof GoAwayReason)[keyof typeof GoAwayReason]

/** First frame of a link, agent to gateway: who it is beyond what the handshake said. */
export interface Hello {
  kind: typeof Kind.hello
  agentVersion: string
  /** Exchanges the instance serves at once, over all its links. */
  maxConcurrent: number
  weight: number
  /** Flat list: key, value, key, value … */
  labels: readonly string[]
  /** Open-ended: what the agent can do beyond HTTP, such as `websocket`. Unknown ones are ignored. */
  capabilities: readonly string[]
  /** Bytes that the agent takes on a new stream before it gives credit. */
  streamWindow: number
  /** Bytes that the agent takes on the link before it acknowledges some. */
  linkWindow: number
}

/** The gateway's answer to hello; the link is ready. */
export interface Welcome {
  kind: typeof Kind.welcome
  gatewayVersion: string
  linkId: string
  /** Milliseconds. The agent supervises the gateway by the same clock. */
  pingInterval: number
  pingTimeout: number
  /** Streams the gateway will open at once on this link, at the most. */
  maxStreams: number
  streamWindow: number
  linkWindow: number
  /** URLs under which callers reach this tunnel, best first. */
  urls: readonly string[]
}

export interface Ping {
  kind: typeof Kind.ping
  nonce: number
}

export interface Pong {
  kind: typeof Kind.pong
  nonce: number
}

/** No new streams from now on; those that are open finish. */
export interface GoAway {
  kind: typeof Kind.goAway
  reason: GoAwayReason
  /** Milliseconds after which the peer may dial again. */
  delay: number
  message: string
}

/** The gateway opens a stream. With `end` the body given is the whole body. */
export interface Open {
  kind: typeof Kind.open
  id: number
  stream: StreamKind
  method: string
  target: string
  headers: readonly string[]
  body: Uint8Array | null
  end: boolean
}

/** Another head follows. 101 is the last one: the stream carries another protocol from there. */
export const isInterim = (status: number): boolean => status < 200 && status !== 101

/** The agent's answer begins, or an interim one comes before it. Below 200 it has neither a body nor an end. */
export interface Head {
  kind: typeof Kind.head
  id: number
  status: number
  /** Null where it is the status's standard phrase. */
  reason: string | null
  headers: readonly string[]
  body: Uint8Array | null
  end: boolean
}

export interface Data {
  kind: typeof Kind.data
  id: number
  body: Uint8Array
}

/** The sender's direction is complete. */
export interface End {
  kind: typeof Kind.end
  id: number
  /** Trailers, flat; mostly empty. */
  trailers: readonly string[]
}

/** The receiver read `bytes` of a stream (id > 0), or received them on the link (id 0). */
export interface Credit {
  kind: typeof Kind.credit
  id: number
  bytes: number
}

/** Both directions of a stream end here. */
export interface Reset {
  kind: typeof Kind.reset
  id: number
  code: ResetCode
  message: string
}

export type LinkFrame = Hello | Welcome | Ping | Pong | GoAway
export type StreamFrame = Open | Head | Data | End | Credit | Reset
export type Frame = LinkFrame | StreamFrame
