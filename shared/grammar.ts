/**
 * The closed grammar of the wire, as data: each kind of frame, its fields in order, their types and bounds.
 * `frame-reader.ts` reads by it.
 */
import { Kind } from './frames.js'
import {
  MAX_DATA,
  MAX_FIELDS,
  MAX_HEAD,
  MAX_INLINE_BODY,
  MAX_LABELS,
  MAX_STREAM_ID,
  MAX_TEXT,
} from './limits.js'

const UINT32 = 0xffff_ffff

export interface Field {
  readonly name: string
  readonly type: 'uint' | 'text' | 'list' | 'bytes' | 'flag'
  /** uint: smallest value. text and bytes: fewest bytes. list: what its count is a multiple of. */
  readonly min: number
  /** uint: largest value. text and bytes: most bytes. list: most bytes of all its strings. */
  readonly max: number
  /** list: most strings. */
  readonly count: number
  /** Nil stands for none. */
  readonly nullable: boolean
}

const field = (
  type: Field['type'],
  name: string,
  min: number,
  max: number,
  count = 0,
  nullable = false,
): Field => ({
  name,
  type,
  min,
  max,
  count,
  nullable,
})
const uint = (name: string, min = 0, max = UINT32) => field('uint', name, min, max)
const text = (name: string, max = MAX_TEXT) => field('text', name, 0, max)
const list = (name: string, count: number, max: number) => field('list', name, 1, max, count)
const pairs = (name: string, count: number, max: number) => field('list', name, 2, max, 2 * count)
const flag = (name: string) => field('flag', name, 0, 0)
const streamId = uint('id', 1, MAX_STREAM_ID)
const inlineBody = field('bytes', 'body', 0, MAX_INLINE_BODY, 0, true)

export interface Shape {
  readonly name: string
  readonly fields: readonly Field[]
}

/** By kind. All strings of a frame together hold at most MAX_HEAD bytes. */
export const SHAPES: readonly (Shape | undefined)[] = (() => {
  const shapes: (Shape | undefined)[] = []
  const define = (kind: Kind, name: string, ...fields: Field[]) => {
    shapes[kind] = { name, fields }
  }
  define(
    Kind.hello,
    'hello',
    text('agentVersion', 64),
    uint('maxConcurrent', 1, 1_000_000),
    uint('weight', 0, 1_000),
    pairs('labels', MAX_LABELS, 16 * MAX_TEXT),
    list('capabilities', MAX_LABELS, 16 * MAX_TEXT),
    uint('streamWindow', 1),
    uint('linkWindow', 1),
  )
  define(
    Kind.welcome,
    'welcome',
    text('gatewayVersion', 64),
    text('linkId', 64),
    uint('pingInterval', 1),
    uint('pingTimeout', 1),
    uint('maxStreams', 1),
    uint('streamWindow', 1),
    uint('linkWindow', 1),
    list('urls', MAX_LABELS, 16 * MAX_TEXT),
  )
  define(Kind.ping, 'ping', uint('nonce'))
  define(Kind.pong, 'pong', uint('nonce'))
  define(Kind.goAway, 'goAway', uint('reason', 1, 3), uint('delay'), text('message'))
  define(
    Kind.open,
    'open',
    streamId,
    uint('stream', 1, 3),
    field('text', 'method', 1, 64),
    field('text', 'target', 1, MAX_HEAD),
    pairs('headers', MAX_FIELDS, MAX_HEAD),
    inlineBody,
    flag('end'),
  )
  define(
    Kind.head,
    'head',
    streamId,
    uint('status', 100, 599),
    field('text', 'reason', 0, MAX_TEXT, 0, true),
    pairs('headers', MAX_FIELDS, MAX_HEAD),
    inlineBody,
    flag('end'),
  )
  define(Kind.data, 'data', streamId, field('bytes', 'body', 1, MAX_DATA))
  define(Kind.end, 'end', streamId, pairs('trailers', MAX_FIELDS, MAX_HEAD))
  define(Kind.credit, 'credit', uint('id', 0, MAX_STREAM_ID), uint('bytes', 1))
  define(Kind.reset, 'reset', streamId, uint('code', 1, 5), text('message'))
  return shapes
})()

/**
 * What a sender makes sure of, so that no caller's or upstream's head costs the link.
 * @param others what else is text in the frame, joined
 * @throws RangeError where the wire does not carry these fields.
 */
export function checkFields(fields: readonly string[], others = ''): void {
  if (fields.length > 2 * MAX_FIELDS || fields.length % 2 !== 0) {
    throw new RangeError(`a head of ${fields.length / 2} fields; the link carries ${MAX_FIELDS}`)
  }
  let chars = others.length
  for (const text of fields) chars += text.length
  // A char takes two bytes at the most: nearly every head is known to fit without looking at its chars.
  if (2 * chars <= MAX_HEAD) return
  let bytes = Buffer.byteLength(others)
  for (const text of fields) bytes += Buffer.byteLength(text)
  if (bytes > MAX_HEAD) throw new RangeError(`a head of ${bytes} bytes; the link carries ${MAX_HEAD}`)
}

/** @throws RangeError where `body` is too long to travel with a head. */
export function checkInline(body: Uint8Array | null): void {
  if (body !== null && body.length > MAX_INLINE_BODY) {
    throw new RangeError(`a body of ${body.length} bytes inside a head; the link carries ${MAX_INLINE_BODY}`)
  }
}

/** Text for people, made fit for the wire: a char of more than one byte becomes `?`, the rest past MAX_TEXT is cut. */
export function fitText(text: string): string {
  const narrow = text.slice(0, MAX_TEXT).replace(/[^\0-\xff]/gu, '?')
  let bytes = 0
  for (let i = 0; i < narrow.length; i++) {
    bytes += narrow.charCodeAt(i) < 0x80 ? 1 : 2
    if (bytes > MAX_TEXT) return narrow.slice(0, i)
  }
  return narrow
}
