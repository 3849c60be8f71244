/** A function that takes a caller's WebSocket, or refuses it. */
import { listField } from '../../shared/headers.js'
import type { Exchange } from '../exchange.js'
import { type CallerSocket, HandlerSocket } from './caller-socket.js'
import { abortRequest, requestOf } from './request.js'
import { Caller } from './response.js'

/**
 * What answers a WebSocket's handshake: by `socket.accept()`, or by returning a `Response` that refuses it. The socket
 * is the function's as long as it runs: when it returns the socket closes with 1000, when it throws with 1011. The
 * request's `signal` fires when the caller closes or leaves. A throw before `accept` is the caller's 502.
 */
export type WebSocketHandler = (
  request: Request,
  socket: CallerSocket,
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is the usual one
) => Response | void | Promise<Response | void>

export async function answerWebSocket(exchange: Exchange, handle: WebSocketHandler): Promise<void> {
  let socket: HandlerSocket | undefined
  try {
    const request = requestOf(exchange, null)
    const offered = listField(exchange.headers, 'sec-websocket-protocol')
    socket = new HandlerSocket(exchange, offered, (reason) =>
      abortRequest(request, new DOMException(reason, 'AbortError')),
    )
    const result: unknown = await handle(request, socket)
    if (socket.returned()) return
    const caller = new Caller(exchange, request, undefined)
    exchange.events = caller
    await caller.send(result)
  } catch (error) {
    if (socket === undefined) exchange.threw(error)
    else socket.threw(error)
  }
}
