/** The one door to `ws`: the WebSockets that an agent opens, to gateways and to upstreams. */
import { randomFillSync } from 'node:crypto'
import type { ClientRequestArgs } from 'node:http'
import WebSocket from 'ws'

export type { WebSocket }

/** What ws and Node's HTTP client take; the types of ws lag behind it. */
export type WebSocketSettings = Omit<WebSocket.ClientOptions, 'createConnection'> &
  ClientRequestArgs & {
    /** Milliseconds that a peer may take to answer a close frame. */
    closeTimeout?: number
  }

/** Messages are not compressed: what is on the way was, or gains nothing. */
export function openWebSocket(
  url: string,
  protocols: readonly string[],
  settings: WebSocketSettings,
): WebSocket {
  const all = { perMessageDeflate: false, generateMask, ...settings }
  return new WebSocket(url, [...protocols], all as WebSocket.ClientOptions)
}

const masks = Buffer.alloc(8 * 1024)
let nextMask = masks.length

/** Never all zero: with such a mask ws does not copy the message, and the link's encoder overwrites what it gave. */
function generateMask(mask: Buffer): void {
  if (nextMask === masks.length) {
    randomFillSync(masks)
    nextMask = 0
  }
  mask[0] = masks[nextMask]!
  mask[1] = masks[nextMask + 1]!
  mask[2] = masks[nextMask + 2]!
  mask[3] = masks[nextMask + 3]!
  nextMask += 4
  if ((mask[0] | mask[1] | mask[2] | mask[3]) === 0) mask[0] = 1
}
