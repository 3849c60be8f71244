/** Whose request it is, as far as addresses tell. */
import { isIP } from 'node:net'
import type { RequestHead } from '../edge/engine.js'
import { isTrusted, type TrustedProxies } from './trusted-proxies.js'

/** What was found out of late, kept: to read an address costs more than the rest of a request's guard. */
class Memo {
  readonly #known = new Map<string, string>()
  readonly #read: (text: string) => string

  constructor(read: (text: string) => string) {
    this.#read = read
  }

  get(text: string): string {
    let value = this.#known.get(text)
    if (value !== undefined) return value
    value = this.#read(text)
    // 4096 entries of some 100 bytes.
    if (this.#known.size === 4096) this.#known.clear()
    this.#known.set(text, value)
    return value
  }
}

/**
 * The caller's address: the peer's, or, where that is a trusted proxy, the right-most entry of `x-forwarded-for` that
 * is none. An entry that is no address ends the walk: what stands left of it nobody vouches for.
 */
export class CallerAddresses {
  readonly #trusted: TrustedProxies
  /** Peer → itself where it is trusted, else empty. */
  readonly #peers = new Memo((peer) => (isTrusted(peer, this.#trusted) ? peer : ''))
  /** Values of `x-forwarded-for` → the address found; empty where they tell none. */
  readonly #lists = new Memo((list) => this.#walk(list))

  constructor(trusted: TrustedProxies) {
    this.#trusted = trusted
  }

  /** @returns an IPv4 or IPv6 address in text form, IPv4-mapped ones as IPv4; the peer's as it is. */
  of({ remoteAddress, headers }: RequestHead): string {
    if (this.#trusted.length === 0 || this.#peers.get(remoteAddress) === '') return remoteAddress
    let list: string | undefined
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] === 'x-forwarded-for')
        list = list === undefined ? headers[i + 1]! : `${list},${headers[i + 1]}`
    }
    return list === undefined ? remoteAddress : this.#lists.get(list) || remoteAddress
  }

  #walk(list: string): string {
    let known = ''
    for (const entry of list.split(',').reverse()) {
      const address = entryAddress(entry.trim())
      if (address === undefined) break
      known = address
      if (!isTrusted(address, this.#trusted)) break
    }
    return known
  }
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`, quoted or not, zones left out. */
function entryAddress(entry: string): string | undefined {
  const text = /^"(.*)"$/.exec(entry)?.[1] ?? entry
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text
  const address = bare.replace(/%.*$/, '').toLowerCase()
  const family = isIP(address)
  if (family === 0 || (text.startsWith('[') && family !== 6)) return undefined
  return family === 4 ? address : (mapped(groupsOf(address)) ?? address)
}

const networks = new Memo((address) => {
  const groups = groupsOf(address)
  return mapped(groups) ?? `${groups[0]}:${groups[1]}:${groups[2]}:${groups[3]}::/64`
})

/** What limits count by: an IPv4 address itself; of an IPv6 address its /64, for a holder has that much at least. */
export const addressKey = (address: string): string =>
  address.includes(':') ? networks.get(address) : address

/** The IPv4 address inside `::ffff:0:0/96`. */
function mapped(groups: readonly string[]): string | undefined {
  if (groups[5] !== 'ffff' || groups.slice(0, 5).some((group) => group !== '0')) return undefined
  const bytes = groups.slice(6).flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
  return bytes.join('.')
}

/** Of an IPv6 address: eight groups of hex digits, without leading zeros. */
function groupsOf(address: string): string[] {
  let text = address.toLowerCase()
  if (text.includes('%')) text = text.slice(0, text.indexOf('%'))
  if (text.includes('.')) text = withoutDots(text)
  const [front = '', back] = text.split('::')
  const head = front === '' ? [] : front.split(':')
  if (back === undefined) return head.map(plain)
  const tail = back === '' ? [] : back.split(':')
  while (head.length + tail.length < 8) head.push('0')
  return [...head, ...tail].map(plain)
}

const plain = (group: string): string => (group.startsWith('0') ? group.replace(/^0+(?=.)/, '') : group)

/** `::ffff:192.0.2.1` → `::ffff:c000:201`. */
function withoutDots(text: string): string {
  const at = text.lastIndexOf(':') + 1
  const [a = 0, b = 0, c = 0, d = 0] = text.slice(at).split('.').map(Number)
  return `${text.slice(0, at)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}
