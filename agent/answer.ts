/** What a link can carry of an answer. A head beyond it would end the whole link, so it is refused before. */
import type { Fields } from '../shared/headers.js'
import { MAX_FIELDS, MAX_HEAD, MAX_TEXT } from '../shared/limits.js'

/** Which rule a head breaks, or undefined. */
export function answerFault(status: number, reason: string | null, headers: Fields): string | undefined {
  if (!(status >= 100 && status <= 599)) return `status ${status} is not in 100 to 599`
  if (reason !== null && 2 * reason.length > MAX_TEXT)
    return `the reason phrase has ${reason.length} bytes, more than ${MAX_TEXT / 2}`
  return fieldsFault(headers, 'the head')
}

export const trailerFault = (trailers: Fields): string | undefined =>
  trailers.length === 0 ? undefined : fieldsFault(trailers, 'the trailer')

function fieldsFault(fields: Fields, what: string): string | undefined {
  if (fields.length > 2 * MAX_FIELDS)
    return `${what} has ${fields.length / 2} fields, more than ${MAX_FIELDS}`
  let bytes = 0
  for (const text of fields) bytes += text.length
  // A character of a byte string takes up to two bytes on the wire.
  if (2 * bytes > MAX_HEAD) return `${what} has ${bytes} bytes, more than ${MAX_HEAD / 2}`
  return undefined
}
