/** A kept body as people read it: JSON, text, events one by one, or bytes in hex. Never more than was kept. */
import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib'
import type { KeptBody } from './recording.js'

export interface ServerSentEvent {
  event: string
  data: string
  id: string | null
}

export type Shown =
  | { kind: 'none' }
  | { kind: 'json'; text: string; value: unknown }
  | { kind: 'events'; events: ServerSentEvent[] }
  | { kind: 'text'; text: string }
  | { kind: 'hex'; text: string }

/** Decompressed bytes at the most: a small body can hold gigabytes of zeros. */
const MOST_DECODED = 1024 * 1024
const HEX_BYTES = 4096

export function decodeBody(body: KeptBody, contentType: string, contentEncoding: string): Shown {
  if (body.bytes === 0) return { kind: 'none' }
  const bytes = decompressed(body.content(), contentEncoding.trim().toLowerCase())
  const type = contentType.toLowerCase()
  const text = textOf(bytes)
  if (text === undefined) return { kind: 'hex', text: hexOf(bytes) }
  if (type.startsWith('text/event-stream')) return { kind: 'events', events: eventsOf(text) }
  if (/[/+]json\b/.test(type) && !body.truncated) {
    try {
      return { kind: 'json', text, value: JSON.parse(text) }
    } catch {
      // Called JSON, but it is none: its text says why.
    }
  }
  return { kind: 'text', text }
}

function decompressed(bytes: Buffer, encoding: string): Buffer {
  const gentle = { maxOutputLength: MOST_DECODED, finishFlush: constants.Z_SYNC_FLUSH }
  try {
    if (encoding === 'gzip' || encoding === 'x-gzip') return gunzipSync(bytes, gentle)
    if (encoding === 'deflate') return inflateSync(bytes, gentle)
    if (encoding === 'br') {
      const flush = { maxOutputLength: MOST_DECODED, finishFlush: constants.BROTLI_OPERATION_FLUSH }
      return brotliDecompressSync(bytes, flush)
    }
  } catch {
    // Broken, cut off or too big: shown as it came.
  }
  return bytes
}

/** Undefined where it is no text; the end of what was cut off may be half a character. */
function textOf(bytes: Buffer): string | undefined {
  for (let cut = 0; cut < 4; cut++) {
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, bytes.length - cut))
      return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text
    } catch {
      // One byte less, then.
    }
  }
  return undefined
}

/** WHATWG HTML §9.2.6, as far as it is shown. An event that is not complete yet is left out. */
function eventsOf(text: string): ServerSentEvent[] {
  const blocks = text
    .replace(/^\ufeff/, '')
    .replaceAll(/\r\n?/g, '\n')
    .split('\n\n')
  blocks.pop()
  return blocks.flatMap((block) => {
    const data: string[] = []
    const found = { event: 'message', id: null as string | null }
    for (const line of block.split('\n')) {
      const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
      if (name === 'data') data.push(value)
      else if (name === 'event') found.event = value
      else if (name === 'id') found.id = value
    }
    return data.length === 0 ? [] : [{ ...found, data: data.join('\n') }]
  })
}

function hexOf(bytes: Buffer): string {
  const lines: string[] = []
  for (let at = 0; at < Math.min(bytes.length, HEX_BYTES); at += 16) {
    const row = bytes.subarray(at, at + 16)
    const pairs = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = Array.from(row, (byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.')).join(
      '',
    )
    lines.push(`${at.toString(16).padStart(8, '0')}  ${pairs.padEnd(47)}  ${text}`)
  }
  return lines.join('\n')
}
