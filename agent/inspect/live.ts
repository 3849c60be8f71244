import type { ServerResponse } from 'node:http'
import type { ExchangeFilter } from '../../shared/inspect/filter.js'
import { ExchangeNews, NEWS_EVERY } from '../../shared/inspect/news.js'
import type { Ring } from '../../shared/inspect/ring.js'
import { COMMENT, COMMENT_EVERY, SERVER_SENT } from '../../shared/server-sent.js'

/** `GET /inspect` as an event stream, until the reader leaves or `response` is ended. */
export function streamExchanges(response: ServerResponse, ring: Ring, filter: ExchangeFilter): void {
  let writable = true
  const write = (text: string): void => {
    writable = response.write(text)
  }
  response.writeHead(200, { 'content-type': SERVER_SENT, 'cache-control': 'no-store' })
  const news = new ExchangeNews(ring, filter)
  write(news.snapshot)
  const tell = (): void => {
    while (writable) {
      const event = news.next()
      if (event === undefined) return
      write(event)
    }
  }
  const timers = [setInterval(tell, NEWS_EVERY), setInterval(() => writable && write(COMMENT), COMMENT_EVERY)]
  response.on('drain', () => {
    writable = true
  })
  response.on('close', () => {
    news.close()
    for (const timer of timers) clearInterval(timer)
  })
}
