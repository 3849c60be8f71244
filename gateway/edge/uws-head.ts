import { STATUS_CODES } from 'node:http'
import type { RequestHead, ResponseHead } from './engine.js'
import { isEngines } from './response-head.js'
import type { NativeRequest, NativeResponse } from './uws-native.js'

const NON_ASCII = /[^\x00-\x7f]/

/** What a connection's requests have in common. */
export interface Doorway {
  readonly secure: boolean
  /** A certificate is asked for; one that does not do ends the handshake. */
  readonly verifies: boolean
  readonly excess: boolean
}

/**
 * Undefined where the bytes that were sent cannot be told: the engine decodes UTF-8 and replaces what is none,
 * and gives the bytes only for the first field of a name.
 */
export function readHead(res: NativeResponse, req: NativeRequest, way: Doorway): RequestHead | undefined {
  const headers: string[] = []
  let odd = false
  req.forEach((name, value) => {
    headers.push(name, value)
    odd ||= NON_ASCII.test(value) || NON_ASCII.test(name)
  })
  if (odd && !restoreBytes(headers, req)) return undefined
  const query = req.getQuery()
  let target = query === undefined ? req.getUrl() : `${req.getUrl()}?${query}`
  if (NON_ASCII.test(target)) {
    if (target.includes('\ufffd')) return undefined
    target = Buffer.from(target, 'utf8').toString('latin1')
  }
  const remoteAddress = addressText(new Uint8Array(res.getRemoteAddress()))
  const { secure, excess } = way
  const clientCertificate = way.verifies && res.getX509Certificate() !== ''
  const method = req.getCaseSensitiveMethod()
  return { method, target, headers, remoteAddress, secure, clientCertificate, excess }
}

function restoreBytes(headers: string[], req: NativeRequest): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (NON_ASCII.test(name)) return false
    if (!NON_ASCII.test(value)) continue
    if (!value.includes('\ufffd')) headers[i + 1] = Buffer.from(value, 'utf8').toString('latin1')
    else if (headers.filter((each, at) => at % 2 === 0 && each === name).length > 1) return false
    else headers[i + 1] = req.getHeader(name)
  }
  return true
}

/** Text of 4 or 16 address bytes; RFC 5952 for IPv6, dotted where it maps IPv4. Empty where there are none. */
function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`
  if (bytes.length !== 16) return ''
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!)
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return addressText(bytes.subarray(12))
  }
  const hex = groups.map((group) => group.toString(16)).join(':')
  const zeros = hex.match(/\b0(?::0)+\b/g)?.reduce((best, run) => (run.length > best.length ? run : best))
  return zeros === undefined ? hex : hex.replace(new RegExp(`(^|:)${zeros}(:|$)`), '::')
}

const statusLines = new Map<number, string>()

function statusLine(status: number): string {
  let line = statusLines.get(status)
  if (line === undefined) statusLines.set(status, (line = `${status} ${STATUS_CODES[status] ?? ''}`))
  return line
}

/**
 * Status and fields of a head without fault; the blank line comes with the body. All of it goes down in one call, as
 * the status line: nothing in it splits a line but what stands here, and each call costs 150 ns. `close`: says that the
 * connection ends.
 */
export function writeHead(res: NativeResponse, head: ResponseHead, close = false): void {
  const { status, reason, headers } = head
  let lines = reason === undefined ? statusLine(status) : `${status} ${reason}`
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (!isEngines(name)) lines += `\r\n${name}: ${headers[i + 1]!}`
  }
  if (close) lines += '\r\nconnection: close'
  res.writeStatus(NON_ASCII.test(lines) ? Buffer.from(lines, 'latin1') : lines)
}

/** More bytes than the head can have: with what the engine adds, and room for a chunk's own frame. */
export function headSize(head: ResponseHead): number {
  let size = 256 + (head.reason?.length ?? 0)
  for (const text of head.headers) size += text.length + 2
  return size
}
