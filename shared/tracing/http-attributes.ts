/** What spans tell of an HTTP request, by OpenTelemetry's semantic conventions. */
import type { Attributes } from './opentelemetry.js'

/** Of a path: a head may be 16 KiB, and thousands of spans wait to be sent. */
const MAX_PATH = 1024

/** Others are told as one, so that nobody brings names of his own. */
const METHODS = new Set('GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY'.split(' '))

/** Without the query, where credentials may stand. */
export function requestAttributes({ method, target }: { method: string; target: string }): Attributes {
  const at = target.indexOf('?')
  return {
    'http.request.method': METHODS.has(method) ? method : '_OTHER',
    'url.path': (at < 0 ? target : target.slice(0, at)).slice(0, MAX_PATH),
  }
}
