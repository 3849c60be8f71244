/**
 * Tunnels under `/t/` and `/forward` share the gateway's origin. A page of theirs is given one of its own by the
 * browser, so that it cannot act as the dashboard.
 */
import { type Fields, getField } from '../../shared/headers.js'
import { setsSession } from './session-cookie.js'

export const SANDBOX = 'sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads'

/** What a browser runs or shows with an origin of its own. */
const DOCUMENTS = new Set([
  'document',
  'iframe',
  'frame',
  'embed',
  'object',
  'worker',
  'sharedworker',
  'serviceworker',
])

/** Whether the answer to this request may become such a thing. Old browsers do not say; they ask for `text/html`. */
export function asksForDocument(headers: Fields): boolean {
  const destination = getField(headers, 'sec-fetch-dest')
  if (destination !== undefined) return DOCUMENTS.has(destination.trim().toLowerCase())
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === 'accept' && /text\/html/i.test(headers[i + 1]!)) return true
  }
  return false
}

/** Fields of an answer that would reach beyond it, to all of the gateway's origin. */
const isOriginWide = (name: string): boolean =>
  name === 'service-worker-allowed' || name === 'clear-site-data'

/** An answer's fields as they may leave under the gateway's own origin; `document`: as `asksForDocument` told. */
export function sandboxed(headers: Fields, document: boolean): string[] {
  const out: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (isOriginWide(name) || (name === 'set-cookie' && setsSession(value))) continue
    out.push(name, value)
  }
  if (document) out.push('content-security-policy', SANDBOX)
  return out
}
