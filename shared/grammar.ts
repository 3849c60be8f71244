/**
 * The closed grammar of the wire, as data: each kind of frame, its fields in order, their types and bounds.
 * `scanner.ts` holds a message against it.
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

/** By kind. */
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
    uint('stream', 1, 2),
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
