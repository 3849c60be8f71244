/** What a request asks of the gateway beyond its route: how long it may take, and what it sticks to. */
import { Problem } from '../../shared/errors.js'
import { type Fields, getField } from '../../shared/headers.js'
import { LONGEST_TIMER_MS, parseDuration } from '../../shared/quantity.js'
import type { Selector } from '../agents/selector.js'
import type { RequestHead } from './engine.js'
import type { Asked } from './exchange-host.js'

/** Milliseconds; 0 is no limit, and no wait for `hold`. */
export interface ExchangeTerms {
  hold: number
  responseTimeout: number
  idleTimeout: number
}

export interface TermLimits extends ExchangeTerms {
  holdLimit: number
  maxTimeout: number
}

/**
 * `guest`: the caller has no credential. It may ask for less than the defaults, never for more.
 * @throws Problem `bad_request` for a value that is no duration.
 */
export function termsOf(headers: Fields, limits: TermLimits, guest = false): ExchangeTerms {
  let terms: ExchangeTerms = limits
  for (let i = 0; i < headers.length; i += 2) {
    if (!headers[i]!.startsWith('gw-')) continue
    const value = headers[i + 1]!
    switch (headers[i]) {
      case 'gw-hold':
        terms = { ...terms, hold: held(asked('gw-hold', value), limits, guest) }
        break
      case 'gw-response-timeout':
        terms = {
          ...terms,
          responseTimeout: limited(
            asked('gw-response-timeout', value),
            guest ? limits.responseTimeout : limits.maxTimeout,
          ),
        }
        break
      case 'gw-idle-timeout':
        terms = {
          ...terms,
          idleTimeout: limited(
            asked('gw-idle-timeout', value),
            guest ? limits.idleTimeout : limits.maxTimeout,
          ),
        }
        break
    }
  }
  return terms
}

/** Which agents it may go to. A guest's own fields are left aside, and a credential may be for some tunnels only. */
export function selectorFor({ route, admission }: Pick<Asked, 'route' | 'admission'>): Selector {
  const { guest, principal } = admission
  const selector = (guest?.limited ? route.tunnel : undefined) ?? route.selector
  return principal?.tunnels === undefined ? selector : { ...selector, within: principal.tunnels }
}

function asked(field: string, value: string): number {
  const ms = parseDuration(value.trim())
  if (ms === undefined)
    throw new Problem(
      'bad_request',
      `${field} ${JSON.stringify(value)} is not a duration such as 500ms, 30s or 5m`,
    )
  return Math.min(ms, LONGEST_TIMER_MS)
}

const held = (ms: number, { hold, holdLimit }: TermLimits, guest: boolean): number =>
  guest ? Math.min(ms, hold) : bounded(ms, holdLimit)

/** `most` of 0 bounds nothing. */
const bounded = (ms: number, most: number): number => (most === 0 ? ms : Math.min(ms, most))

/** A timeout of 0 asks for none, which is as much as there may be. */
const limited = (ms: number, most: number): number => (ms === 0 ? most : bounded(ms, most))

/** By what `sticky` tells callers apart. */
export function stickyKey(head: RequestHead): string {
  const { headers } = head
  return (
    getField(headers, 'gw-sticky-key') ??
    cookie(headers, 'gw_sticky') ??
    getField(headers, 'mcp-session-id') ??
    head.remoteAddress
  )
}

function cookie(headers: Fields, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'cookie') continue
    for (const pair of headers[i + 1]!.split(';')) {
      const at = pair.indexOf('=')
      if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
    }
  }
  return undefined
}
