/** Which recorded exchanges a list asks for. */
import { Problem } from '../errors.js'
import type { Recording } from './recording.js'

export type ExchangeFilter = (recording: Recording) => boolean

/**
 * `code`: a status (`404`), a class of them (`5xx`) or a problem's code; `path`: a piece of the path, query included.
 * @throws Problem `bad_request` for a parameter that is none of the filters.
 */
export function exchangeFilter(query: URLSearchParams): ExchangeFilter {
  const tests: ExchangeFilter[] = []
  for (const [name, value] of query) {
    if (value === '') continue
    switch (name) {
      case 'code':
        tests.push(byCode(value))
        break
      case 'tunnel_id':
        tests.push(({ tunnelId }) => tunnelId === value.toLowerCase())
        break
      case 'method':
        tests.push(({ method }) => method === value.toUpperCase())
        break
      case 'path':
        tests.push(({ target }) => target.includes(value))
        break
      case 'min_ms': {
        const least = Number(value)
        if (!(least >= 0)) throw new Problem('bad_request', `min_ms ${JSON.stringify(value)} is not a number`)
        tests.push(({ duration = 0 }) => duration >= least)
        break
      }
      default:
        throw new Problem(
          'bad_request',
          `${JSON.stringify(name)} is not a filter; code, tunnel_id, method, path and min_ms are`,
        )
    }
  }
  return (recording) => tests.every((test) => test(recording))
}

function byCode(value: string): ExchangeFilter {
  if (/^\d{1,3}$/.test(value)) return ({ status }) => status === Number(value)
  if (/^[1-5]xx$/i.test(value)) {
    const hundreds = Number(value[0])
    return ({ status }) => status !== undefined && Math.floor(status / 100) === hundreds
  }
  return ({ code }) => code === value
}
