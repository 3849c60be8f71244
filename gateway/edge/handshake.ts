/** What engines know of a WebSocket's begin and end (RFC 6455 §4.2.1, §5.5.1). */
import type { RequestHead } from './engine.js'

const KEY = /^[A-Za-z0-9+/]{22}==$/
const REASON_MAX = 123

/** The key of a well-formed WebSocket handshake; anything else is an ordinary request. */
export function handshakeKey({ headers }: Pick<RequestHead, 'headers'>): string | undefined {
  let key: string | undefined
  let upgrade = false
  let connection = false
  let version = false
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]!
    switch (headers[i]) {
      case 'sec-websocket-key':
        if (key !== undefined || !KEY.test(value)) return undefined
        key = value
        break
      case 'sec-websocket-version':
        version = value === '13'
        break
      case 'upgrade':
        upgrade ||= lists(value, 'websocket')
        break
      case 'connection':
        connection ||= lists(value, 'upgrade')
        break
      case 'transfer-encoding':
        return undefined
      case 'content-length':
        if (value !== '0') return undefined
        break
    }
  }
  return upgrade && connection && version ? key : undefined
}

function lists(value: string, token: string): boolean {
  return value.split(',').some((each) => each.trim().toLowerCase() === token)
}

/** At most what a close frame holds, without half a character. */
export function closeReason(reason: string): string {
  const bytes = Buffer.from(reason)
  if (bytes.length <= REASON_MAX) return reason
  let end = REASON_MAX
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}
