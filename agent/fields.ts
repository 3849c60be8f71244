/** Heads on their way between the link and Node's own ways to hold them. */
import { STATUS_CODES } from 'node:http'
import { type Fields, isHopByHop, nominated } from '../shared/headers.js'

/**
 * What an upstream gets of a caller's fields: none of one connection, nor `expect`, which the edge has answered; with
 * the `host` given, or the caller's.
 */
export function requestFields(fields: Fields, host: string | undefined): string[] {
  const named = nominated(fields)
  const kept: string[] = host === undefined ? [] : ['host', host]
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    if (isHopByHop(name) || name === 'expect' || named?.has(name)) continue
    if (name === 'host' && host !== undefined) continue
    kept.push(name, fields[i + 1]!)
  }
  return kept
}

/** Without fields that begin with `sec-websocket-`: a handshake is a hop's own. Nor one that frames a body. */
export function withoutHandshake(fields: Fields): string[] {
  const kept: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    if (name.startsWith('sec-websocket-') || name === 'content-length') continue
    kept.push(name, fields[i + 1]!)
  }
  return kept
}

/** Those of one name together, as a list. */
export function objectOf(fields: Fields): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null)
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    const value = fields[i + 1]!
    const before = headers[name]
    headers[name] = before === undefined ? value : [before, value].flat()
  }
  return headers
}

/** Node's raw headers, names in lower case. */
export function rawFields(raw: readonly string[]): string[] {
  return raw.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))
}

/** A status's phrase for the link: null where it is the standard one. */
export const phraseOf = (status: number, reason: string): string | null =>
  reason === STATUS_CODES[status] ? null : reason

/** Fields as undici tells them: flat, names in lower case, values as byte strings. */
export function textOf(raw: readonly (string | Buffer)[]): string[] {
  const fields = new Array<string>(raw.length)
  for (let i = 0; i < raw.length; i++) {
    const piece = raw[i]!
    const text = typeof piece === 'string' ? piece : piece.toString('latin1')
    fields[i] = i % 2 === 0 ? text.toLowerCase() : text
  }
  return fields
}
