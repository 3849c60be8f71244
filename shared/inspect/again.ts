/** A recorded exchange as a request to send once more: as a command to copy, or as a replay. */
import { Problem } from '../errors.js'
import { isFieldValue, isHopByHop, isToken } from '../headers.js'
import type { Recording } from './recording.js'
import { REDACTED } from './redact.js'

/** What of the original is to be another. */
export interface Changes {
  method?: string
  path?: string
  /** By name; null leaves the field out. */
  headers?: Readonly<Record<string, string | null>>
  body?: string
}

export interface Again {
  method: string
  target: string
  /** Flat, without framing. */
  headers: string[]
  body: Buffer
  /** Fields that were not kept and were not given again. */
  omitted: string[]
}

/** Of one connection, or the gateway's to say. */
const framing = (name: string): boolean =>
  isHopByHop(name) || name === 'content-length' || name === 'expect' || name === 'gw-request-id'

/** @throws Problem `bad_request` for changes that are none. */
export function changesOf(value: unknown): Changes {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw bad('the changes', 'an object')
  const { method, path, headers, body, ...rest } = value as Record<string, unknown>
  const [stray] = Object.keys(rest)
  if (stray !== undefined) throw bad(JSON.stringify(stray), 'method, path, headers or body')
  if (method !== undefined && !(typeof method === 'string' && isToken(method))) throw bad('method', 'a token')
  if (path !== undefined && !(typeof path === 'string' && /^\/[\x21\x22\x24-\x7e]*$/.test(path)))
    throw bad('path', 'an absolute path without spaces or fragment')
  if (body !== undefined && typeof body !== 'string') throw bad('body', 'a text')
  if (headers !== undefined) checkFields(headers)
  return value as Changes
}

function checkFields(headers: unknown): void {
  if (headers === null || typeof headers !== 'object') throw bad('headers', 'an object of fields')
  for (const [name, value] of Object.entries(headers)) {
    if (!isToken(name)) throw bad(`field ${JSON.stringify(name)}`, 'a token')
    if (value !== null && !(typeof value === 'string' && isFieldValue(value)))
      throw bad(`field ${name}`, 'a text without control characters, or null')
  }
}

/** @throws Problem `conflict` where the body was not kept whole and no other is given. */
export function again(recording: Recording, changes: Changes): Again {
  const { requestBody, requestHeaders } = recording
  if (changes.body === undefined && requestBody.truncated)
    throw new Problem('conflict', 'the body of that request was not kept whole: give one')
  const given = new Map(
    Object.entries(changes.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  )
  const headers: string[] = []
  const omitted: string[] = []
  for (let i = 0; i < requestHeaders.length; i += 2) {
    const name = requestHeaders[i]!
    if (framing(name) || given.has(name)) continue
    if (requestHeaders[i + 1] === REDACTED) omitted.push(name)
    else headers.push(name, requestHeaders[i + 1]!)
  }
  for (const [name, value] of given) if (value !== null && !framing(name)) headers.push(name, value)
  const kept = keptTarget(recording.target)
  if (changes.path === undefined && kept !== recording.target) omitted.push('query')
  const target = changes.path ?? kept
  return {
    method: changes.method ?? recording.method,
    target,
    headers,
    body: changes.body === undefined ? requestBody.content() : Buffer.from(changes.body),
    omitted: [...new Set(omitted)],
  }
}

/** Without the pairs whose values were masked. */
function keptTarget(target: string): string {
  const [path = '', query] = target.split('?', 2)
  if (query === undefined || !query.includes(REDACTED)) return target
  const pairs = query.split('&').filter((pair) => !pair.endsWith(`=${REDACTED}`))
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

/** A line for a POSIX shell. What was not kept stands there by the name of a variable. */
export function curlCommand(recording: Recording, base: string): string {
  const { method, target, requestHeaders, requestBody } = recording
  const parts = ['curl']
  if (method === 'HEAD') parts.push('--head')
  else if (method !== 'GET' || requestBody.bytes > 0) parts.push('-X', quoted(method))
  parts.push(quoted(`${base}${target}`))
  for (let i = 0; i < requestHeaders.length; i += 2) {
    const name = requestHeaders[i]!
    if (framing(name) || name === 'host') continue
    const value = requestHeaders[i + 1]!
    parts.push('-H', value === REDACTED ? `"${name}: $${variable(name)}"` : quoted(`${name}: ${value}`))
  }
  if (requestBody.bytes > 0) {
    const content = requestBody.content()
    const text = content.toString()
    if (requestBody.truncated || !Buffer.from(text).equals(content) || text.includes('\0'))
      parts.push('--data-binary', '@body')
    else parts.push('--data-raw', quoted(text))
  }
  return parts.join(' ')
}

const variable = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')

const quoted = (text: string): string =>
  /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

const bad = (what: string, takes: string): Problem => new Problem('bad_request', `${what} is not ${takes}`)
