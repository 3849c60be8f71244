/** Every bound of the wire protocol, with its reason. `docs/protocol.md` repeats the numbers. */

/** The one version of the protocol; the WebSocket subprotocol names it. */
export const PROTOCOL = 'gw.v1'

/** Most that one WebSocket message may hold: a full head, a full inline body and some, well inside what an engine joins in one read. */
export const MAX_MESSAGE = 256 * 1024

/**
 * A message that has this much is sent before more is packed into it. One more frame of the largest kind (a head
 * of MAX_HEAD with a body of MAX_INLINE_BODY) still fits into MAX_MESSAGE.
 */
export const MESSAGE_TARGET = 48 * 1024

/** Most body bytes of one `data` frame: four TLS records; larger frames gain under 3 % and delay others. */
export const MAX_DATA = 64 * 1024 - 64

/** Most body bytes inside `open` and `head`. Not counted against any window, so a small exchange never waits for credit. */
export const MAX_INLINE_BODY = 64 * 1024

/** Most body or message bytes that a stream may send before the reader's first credit, each direction. */
export const STREAM_WINDOW = 256 * 1024

/** Most that one stream's window grows to: 100 ms round trip at 160 MB/s. */
export const MAX_STREAM_WINDOW = 16 * 1024 * 1024

/** What all streams of a process may grow by, together, past their `STREAM_WINDOW`. */
export const WINDOW_POOL = 48 * 1024 * 1024

/** Body bytes on the way between two ends of a link that the receiver has not yet acknowledged, all streams together. */
export const LINK_WINDOW = 16 * 1024 * 1024

/** Largest stream id; after it the link is replaced. */
export const MAX_STREAM_ID = 0xffff_ffff

/** Name and value pairs of one head. The edge admits 96 request fields; upstreams get some more. */
export const MAX_FIELDS = 256

/** Bytes of all strings of one head. The edge's own bound (`--max-head`) is 16 KiB. */
export const MAX_HEAD = 128 * 1024

/** Bytes of a reason or message meant for people. */
export const MAX_TEXT = 1024

/** Labels and capabilities that a hello may list. */
export const MAX_LABELS = 64

/** Streams that a peer may have open on a link unless the gateway's welcome says otherwise. */
export const MAX_STREAMS = 1000

/** Bytes that a stream's writer may be ahead of the wire before it is asked to wait; enough to fill two messages. */
export const WRITE_AHEAD = 128 * 1024

/** Ranges of addresses that a handshake may list for callers without a credential: each of these is held against all. */
export const MAX_RANGES = 128

/** What a peer said it takes, in hello or welcome. Until then a mux neither opens nor accepts streams. */
export interface PeerLimits {
  streamWindow: number
  linkWindow: number
  /** Streams that may be open at once. */
  maxStreams: number
}
