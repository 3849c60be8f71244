/** Cases of WebSocket conformance, numbered as Autobahn's published list numbers them, and the frames that they are made of. */
import type { Engine, LimitName } from '../../fidelity/limits.js'

export const Op = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** `echo`: every message comes back, every ping is answered, and the caller then closes with 1000. */
export type SocketVerdict =
  | { readonly kind: 'echo'; readonly messages: readonly Message[]; readonly pongs: readonly Buffer[] }
  /** The other side answers the caller's close frame with this code, or with 1002 where several are given, and ends. */
  | { readonly kind: 'closed'; readonly codes: readonly number[]; readonly messages: readonly Message[] }
  /** It ends without serving what broke the rules; with one of these codes, or with no close frame. */
  | { readonly kind: 'failed'; readonly codes: readonly number[] }

export interface Message {
  readonly opcode: number
  readonly payload: Buffer
}

export interface SocketCase {
  readonly id: string
  readonly name: string
  /** Written one by one. */
  readonly pieces: readonly Buffer[]
  readonly verdict: SocketVerdict
  /** What an engine does instead, and by which declared limit. */
  readonly limits?: Partial<Record<Engine, { readonly name: LimitName; readonly verdict: SocketVerdict }>>
}

export interface FrameShape {
  readonly fin?: boolean
  readonly rsv?: number
  readonly masked?: boolean
  /** Instead of the payload's. */
  readonly length?: bigint
}

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

/** One frame of a caller. */
export function frame(
  opcode: number,
  payload: Uint8Array | string = '',
  { fin = true, rsv = 0, masked = true, length }: FrameShape = {},
): Buffer {
  const body = Buffer.from(payload as Uint8Array)
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const mark = masked ? 0x80 : 0
  const size = length ?? BigInt(body.length)
  let header: Buffer
  if (size < 126n) header = Buffer.of(first, mark | Number(size))
  else if (size < 65_536n) {
    header = Buffer.of(first, mark | 126, 0, 0)
    header.writeUInt16BE(Number(size), 2)
  } else {
    header = Buffer.alloc(10)
    header.set([first, mark | 127])
    header.writeBigUInt64BE(size, 2)
  }
  if (!masked) return Buffer.concat([header, body])
  for (let i = 0; i < body.length; i++) body[i]! ^= MASK[i & 3]!
  return Buffer.concat([header, MASK, body])
}

export const closing = (code: number, reason: Uint8Array | string = ''): Buffer =>
  frame(Op.close, Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason as Uint8Array)]))

/** A message in fragments that end at these offsets of its payload. */
export function fragments(opcode: number, payload: Buffer, ends: readonly number[]): Buffer[] {
  return [...ends, payload.length].map((end, i) =>
    frame(i === 0 ? opcode : Op.continuation, payload.subarray(i === 0 ? 0 : ends[i - 1], end), {
      fin: i === ends.length,
    }),
  )
}

/** Fragments of so many bytes each. */
export function fragmentsOf(opcode: number, payload: Buffer, size: number): Buffer[] {
  const ends = Array.from(
    { length: Math.max(0, Math.ceil(payload.length / size) - 1) },
    (_, i) => (i + 1) * size,
  )
  return fragments(opcode, payload, ends)
}

/** The same bytes in pieces of so many. */
export function chops(bytes: readonly Buffer[], size: number): Buffer[] {
  const all = Buffer.concat(bytes)
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
    all.subarray(i * size, (i + 1) * size),
  )
}

export const text = (payload: Uint8Array | string): Message => ({
  opcode: Op.text,
  payload: Buffer.from(payload as Uint8Array),
})
export const binary = (payload: Uint8Array): Message => ({ opcode: Op.binary, payload: Buffer.from(payload) })
export const sent = ({ opcode, payload }: Message): Buffer => frame(opcode, payload)

export const echo = (messages: readonly Message[], pongs: readonly Buffer[] = []): SocketVerdict => ({
  kind: 'echo',
  messages,
  pongs,
})
/** RFC 6455 §7.4.1: 1002 for what breaks the protocol, 1007 for what is no text. */
export const BROKEN: SocketVerdict = { kind: 'failed', codes: [1002] }
export const NO_TEXT: SocketVerdict = { kind: 'failed', codes: [1007] }
export const closed = (codes: readonly number[], messages: readonly Message[] = []): SocketVerdict => ({
  kind: 'closed',
  codes,
  messages,
})
