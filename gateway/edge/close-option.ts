import type { RequestHead } from './engine.js'

export const CLOSE = 'close'

/** Whether a request says that it is the last on its connection (RFC 9112 §9.6). */
export function saysClose({ headers }: Pick<RequestHead, 'headers'>): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name.length === 10 && name === 'connection' && hasClose(headers[i + 1]!)) return true
  }
  return false
}

const hasClose = (value: string): boolean =>
  value.length >= CLOSE.length && value.split(',').some((option) => option.trim().toLowerCase() === CLOSE)
