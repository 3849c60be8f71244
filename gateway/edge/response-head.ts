/** What every engine asks of a response head before it writes any of it. */
import type { ResponseHead } from './engine.js'

const NON_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/
/** What needs a second look in a response value; nearly none does. */
const ODD = /[^\t\x20-\x7e]/
const SPLITS = /[\r\n\0\u0100-\uffff]/

/** Said where a handler threw. */
export const FAILED: ResponseHead = { status: 500, headers: ['content-type', 'text/plain'], close: true }
export const FAILED_BODY = 'Internal error.\n'

/** Said instead of a head that would split the answer. */
export const BAD_HEAD: ResponseHead = { status: 502, headers: ['content-type', 'text/plain'], close: true }
export const BAD_HEAD_BODY = 'The answer had an invalid head.\n'

/** Which rule the head breaks, or undefined. Nothing is written before this has been asked. */
export function headFault(head: ResponseHead): string | undefined {
  if (head.checked === true) return undefined
  const { status, reason, headers } = head
  if (!Number.isInteger(status) || status < 200 || status > 999) return `status ${status} is not 200 to 999`
  if (reason !== undefined && ODD.test(reason) && SPLITS.test(reason)) {
    return `reason phrase ${JSON.stringify(reason)} has CR, LF, NUL or a char above 255`
  }
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]
    if (name === '' || NON_TOKEN.test(name))
      return `response field name ${JSON.stringify(name)} is not a token`
    if (value === undefined) return `response field ${name} has no value`
    if (ODD.test(value) && SPLITS.test(value)) {
      return `value of response field ${name} has CR, LF, NUL or a char above 255`
    }
  }
  return undefined
}

/** Framing is the engine's, and so is the date: it writes one whatever is given. */
export function isEngines(name: string): boolean {
  switch (name.length) {
    case 4:
      return name.toLowerCase() === 'date'
    case 10:
      return name.toLowerCase() === 'connection'
    case 14:
      return name.toLowerCase() === 'content-length'
    case 17:
      return name.toLowerCase() === 'transfer-encoding'
    default:
      return false
  }
}
