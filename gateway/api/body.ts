/** A request's body, read whole, for endpoints that want it whole. */
import { Problem } from '../../shared/errors.js'
import type { Caller, CallerEvents } from '../edge/engine.js'

/** Bytes, where a handler names no other bound. */
const MOST = 1024 * 1024

/** What a caller who left is refused with; nobody hears it. */
export class CallerLeft extends Error {
  override readonly name = 'CallerLeft'
}

/** Milliseconds over which a body's pace is taken. */
const PACE_WINDOW = 10_000

/**
 * `minRate`: bytes a second that the sender has to keep up; 0: none.
 * Rejects with Problem `payload_too_large`, `request_timeout`, or `CallerLeft`. To be called once for a request.
 */
export function readBody(caller: Caller, most: number = MOST, minRate = 0): Promise<Buffer> {
  let bytes = 0
  let pace: NodeJS.Timeout | undefined
  const read = new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    let before = 0
    if (minRate > 0) {
      pace = setInterval(() => {
        if (bytes - before < (minRate * PACE_WINDOW) / 1000)
          reject(new Problem('request_timeout', 'the request body came too slowly'))
        before = bytes
      }, PACE_WINDOW).unref()
    }
    const events: CallerEvents = {
      data(chunk) {
        bytes += chunk.length
        if (bytes <= most) chunks.push(Buffer.from(chunk))
        else {
          chunks.length = 0
          reject(new Problem('payload_too_large', `the body has more than ${most} bytes`))
        }
      },
      end: () => resolve(Buffer.concat(chunks)),
      writable() {},
      aborted: () => reject(new CallerLeft('the caller left')),
    }
    caller.events = events
    caller.resume()
  })
  return read.finally(() => clearInterval(pace))
}
