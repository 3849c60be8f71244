/**
 * Fields of HTTP heads as flat lists: name, value, name, value …, names in lower case, values as byte strings.
 * Rules of RFC 9110 (names §5.1, values §5.5, hop-by-hop §7.6.1).
 */
export type Fields = readonly string[]

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** A method or a field's name. */
export const isToken = (text: string): boolean => TOKEN.test(text)

/** No CR, LF, NUL or other control character, and nothing past one byte. */
export const isFieldValue = (text: string): boolean => VALUE.test(text)

/** Fields that `Connection` may name without taking them away: routing and authority would change. */
const PROTECTED = new Set([
  'host',
  'content-length',
  'authorization',
  'cookie',
  'origin',
  'forwarded',
  'x-real-ip',
])

const isProtected = (name: string): boolean =>
  PROTECTED.has(name) || name.startsWith('x-forwarded-') || name.startsWith('gw-')

/**
 * Fields of one connection only, never forwarded. `te: trailers` and `upgrade` are the caller's affair. By length first:
 * a lookup in a set would hash every name that comes.
 */
export function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 2:
      return name === 'te'
    case 7:
      return name === 'trailer' || name === 'upgrade'
    case 10:
      return name === 'connection' || name === 'keep-alive'
    case 16:
      return name === 'proxy-connection'
    case 17:
      return name === 'transfer-encoding'
    case 18:
      return name === 'proxy-authenticate'
    case 19:
      return name === 'proxy-authorization'
    default:
      return false
  }
}

/** First value of `name`, or undefined. */
export function getField(fields: Fields, name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]
  return undefined
}

/** The list members of every field called `name`, trimmed, in order, empty ones left out. */
export function listField(fields: Fields, name: string): string[] {
  const members: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== name) continue
    for (const member of fields[i + 1]!.split(',')) if (member.trim() !== '') members.push(member.trim())
  }
  return members
}

/** What `Connection` names beyond the fixed set, in lower case; undefined where it names nothing of interest. */
export function nominated(fields: Fields): Set<string> | undefined {
  let names: Set<string> | undefined
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== 'connection') continue
    const value = fields[i + 1]!
    // Nearly all there is; worth no split.
    if (value === 'keep-alive' || value === 'close' || value === 'Upgrade') continue
    for (const member of value.split(',')) {
      const name = member.trim().toLowerCase()
      if (name !== '' && !isHopByHop(name) && !isProtected(name)) (names ??= new Set()).add(name)
    }
  }
  return names
}

/** The fields that travel on: without hop-by-hop ones and those that `Connection` names. */
export function endToEnd(fields: Fields): string[] {
  const named = nominated(fields)
  const kept: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    if (isHopByHop(name) || named?.has(name)) continue
    kept.push(name, fields[i + 1]!)
  }
  return kept
}
