import type { Exchange } from '../exchange.js'

/** An answer for people, in one line. */
export function respondText(exchange: Exchange, status: number, line: string): void {
  const body = Buffer.from(`${line}\n`)
  const headers = ['content-type', 'text/plain; charset=utf-8', 'content-length', String(body.length)]
  exchange.respond(status, null, headers, exchange.method === 'HEAD' ? null : body)
}
