/** Whether a request that failed may be tried at another instance: only where nobody could tell that it was. */
import type { Failure } from './attempt.js'
import type { RequestHead } from './engine.js'

/** How often an exchange moves. */
const MAX_MOVES = 2

/** Methods that may be sent twice (RFC 9110 §9.2.2, WebDAV's and QUERY's safe ones). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY'])

/** `moves`: how often it has moved before; its body must be at hand from the first byte on. */
export function mayMove(head: RequestHead, failure: Failure, moves: number): boolean {
  if (moves >= MAX_MOVES || failure.moves === 'none') return false
  return failure.moves === 'any' || isIdempotent(head)
}

/** PUT and DELETE are idempotent too, but a precondition that the first try met may fail the second. */
export function isIdempotent({ method, headers }: RequestHead): boolean {
  if (SAFE.has(method)) return true
  if (method !== 'PUT' && method !== 'DELETE') return false
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.startsWith('if-')) return false
  return true
}
