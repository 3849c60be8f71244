/** Which requests may be sent twice where nobody can tell what became of the first try (RFC 9110 §9.2.2). */
import type { Fields } from './headers.js'

/** WebDAV's and QUERY's safe ones among them. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY'])

/** PUT and DELETE are idempotent too, but a precondition that the first try met may fail the second. */
export function isIdempotent({ method, headers }: { method: string; headers: Fields }): boolean {
  if (SAFE.has(method)) return true
  if (method !== 'PUT' && method !== 'DELETE') return false
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.startsWith('if-')) return false
  return true
}
