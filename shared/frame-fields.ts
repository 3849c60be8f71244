/** A frame ⇄ its fields in wire order. */
import { assertNever } from './errors.js'
import { type Frame, type GoAwayReason, Kind, type ResetCode, type StreamKind } from './frames.js'

/** The fields of a frame in wire order, its kind first. */
export function toArray(frame: Frame): unknown[] {
  const f = frame
  switch (f.kind) {
    case Kind.hello:
      return [
        1,
        f.agentVersion,
        f.maxConcurrent,
        f.weight,
        f.labels,
        f.capabilities,
        f.streamWindow,
        f.linkWindow,
      ]
    case Kind.welcome:
      return [
        2,
        f.gatewayVersion,
        f.linkId,
        f.pingInterval,
        f.pingTimeout,
        f.maxStreams,
        f.streamWindow,
        f.linkWindow,
        f.urls,
      ]
    case Kind.ping:
      return [3, f.nonce]
    case Kind.pong:
      return [4, f.nonce]
    case Kind.goAway:
      return [5, f.reason, f.delay, f.message]
    case Kind.open:
      return [6, f.id, f.stream, f.method, f.target, f.headers, f.body, f.end]
    case Kind.head:
      return [7, f.id, f.status, f.reason, f.headers, f.body, f.end]
    case Kind.data:
      return [8, f.id, f.body]
    case Kind.end:
      return [9, f.id, f.trailers]
    case Kind.credit:
      return [10, f.id, f.bytes]
    case Kind.reset:
      return [11, f.id, f.code, f.message]
    default:
      return assertNever(f)
  }
}

/** The frame of that kind with these fields, which the grammar has accepted: in wire order, without the kind. */
export function toFrame(kind: Kind, f: readonly unknown[]): Frame {
  switch (kind) {
    case Kind.hello:
      return {
        kind,
        agentVersion: f[0] as string,
        maxConcurrent: f[1] as number,
        weight: f[2] as number,
        labels: f[3] as string[],
        capabilities: f[4] as string[],
        streamWindow: f[5] as number,
        linkWindow: f[6] as number,
      }
    case Kind.welcome:
      return {
        kind,
        gatewayVersion: f[0] as string,
        linkId: f[1] as string,
        pingInterval: f[2] as number,
        pingTimeout: f[3] as number,
        maxStreams: f[4] as number,
        streamWindow: f[5] as number,
        linkWindow: f[6] as number,
        urls: f[7] as string[],
      }
    case Kind.ping:
    case Kind.pong:
      return { kind, nonce: f[0] as number }
    case Kind.goAway:
      return { kind, reason: f[0] as GoAwayReason, delay: f[1] as number, message: f[2] as string }
    case Kind.open:
      return {
        kind,
        id: f[0] as number,
        stream: f[1] as StreamKind,
        method: f[2] as string,
        target: f[3] as string,
        headers: f[4] as string[],
        body: bodyOf(f[5]),
        end: f[6] as boolean,
      }
    case Kind.head:
      return {
        kind,
        id: f[0] as number,
        status: f[1] as number,
        reason: f[2] as string | null,
        headers: f[3] as string[],
        body: bodyOf(f[4]),
        end: f[5] as boolean,
      }
    case Kind.data:
      return { kind, id: f[0] as number, body: f[1] as Uint8Array }
    case Kind.end:
      return { kind, id: f[0] as number, trailers: f[1] as string[] }
    case Kind.credit:
      return { kind, id: f[0] as number, bytes: f[1] as number }
    case Kind.reset:
      return { kind, id: f[0] as number, code: f[1] as ResetCode, message: f[2] as string }
    default:
      return assertNever(kind)
  }
}

/** An empty body is none. */
const bodyOf = (value: unknown): Uint8Array | null =>
  value instanceof Uint8Array && value.length > 0 ? value : null
