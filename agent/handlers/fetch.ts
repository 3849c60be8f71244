/** A function from `Request` to `Response` as a handler, bodies streamed both ways. */
import type { Exchange } from '../exchange.js'
import { bodyStream, requestOf } from './request.js'
import { Caller } from './response.js'

/**
 * What answers a request. Its `url` has the caller's scheme, `Host` and the path that the agent sees; its `signal`
 * fires when the caller leaves. A throw or a rejection is the caller's 502.
 */
export type FetchHandler = (request: Request) => Response | Promise<Response>

export async function answerRequest(exchange: Exchange, fetch: FetchHandler): Promise<void> {
  try {
    const { whole, body, method } = exchange
    const bodiless = method === 'GET' || method === 'HEAD'
    const upload = whole || bodiless ? undefined : bodyStream(exchange)
    const request = requestOf(exchange, upload?.stream ?? (bodiless ? null : body))
    const caller = new Caller(exchange, request, upload?.feed)
    exchange.events = caller
    await caller.send(await fetch(request))
  } catch (error) {
    exchange.threw(error)
  }
}
