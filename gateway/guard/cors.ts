/**
 * Cross-origin requests to the gateway's own routes (Fetch §3.2). No answer allows credentials: what a browser adds by
 * itself is the dashboard's cookie, and that is for the dashboard alone; other pages send `authorization`.
 */
import { type Fields, getField } from '../../shared/headers.js'
import type { RequestHead, ResponseHead } from '../edge/engine.js'

const METHODS = 'GET, HEAD, POST, PATCH, DELETE'
/** Beyond what is always allowed: all that the gateway's routes read. */
const FIELDS =
  'authorization, content-type, if-none-match, last-event-id, x-api-key, gw-authorization, gw-request-id, idempotency-key'
/** What a page may read of an answer. */
const EXPOSED =
  'etag, location, retry-after, ratelimit, ratelimit-policy, gw-request-id, gw-run-id, www-authenticate'
/** Seconds for which a browser need not ask again; none keeps it much longer. */
const MAX_AGE = '600'
const VARY = 'origin, access-control-request-method, access-control-request-headers'

/** The answer to a browser's preflight, which carries no credential; undefined where it is none of a listed origin. */
export function preflight(head: RequestHead, origins: ReadonlySet<string>): ResponseHead | undefined {
  const { method, headers } = head
  if (origins.size === 0 || method !== 'OPTIONS') return undefined
  const from = getField(headers, 'origin')
  if (from === undefined || getField(headers, 'access-control-request-method') === undefined) return undefined
  if (!origins.has(from)) return undefined
  return {
    status: 204,
    headers: [
      ...['access-control-allow-origin', from],
      ...['access-control-allow-methods', METHODS],
      ...['access-control-allow-headers', FIELDS],
      ...['access-control-max-age', MAX_AGE],
      ...['vary', VARY],
    ],
  }
}

/** What the answer to any other request carries. Caches keep answers apart by origin wherever any is listed. */
export function corsFields(headers: Fields, origins: ReadonlySet<string>): readonly string[] {
  if (origins.size === 0) return NONE
  const from = getField(headers, 'origin')
  if (from === undefined || !origins.has(from)) return VARIES
  return ['access-control-allow-origin', from, 'access-control-expose-headers', EXPOSED, ...VARIES]
}

const NONE: readonly string[] = []
const VARIES: readonly string[] = ['vary', 'origin']
