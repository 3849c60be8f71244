/**
 * `GET /inspect` as an event stream: first those that are kept, then each as it begins, grows and ends, at most four
 * times a second. A reader that does not keep up gets the latest of each once it reads again.
 */
import type { ServerResponse } from 'node:http'
import type { ExchangeFilter } from '../../shared/inspect/filter.js'
import type { Recording } from '../../shared/inspect/recording.js'
import { MOST_EXCHANGES, type Ring } from '../../shared/inspect/ring.js'
import { listed } from '../../shared/inspect/view.js'

const FLUSH_EVERY = 250
const COMMENT_EVERY = 15_000

/** Until the reader leaves or `response` is ended. */
export function streamExchanges(response: ServerResponse, ring: Ring, filter: ExchangeFilter): void {
  /** What the reader has not been told; as many at the most as are kept. */
  const pending = new Map<string, Recording>()
  let writable = true
  const write = (text: string): void => {
    writable = response.write(text)
  }
  const follow = (recording: Recording): void => {
    if (!filter(recording)) return
    pending.set(recording.requestId, recording)
    if (pending.size <= MOST_EXCHANGES) return
    const [oldest] = pending.keys()
    pending.delete(oldest!)
  }
  const flush = (): void => {
    for (const [id, recording] of pending) {
      if (!writable) return
      pending.delete(id)
      write(`event: exchange\ndata: ${JSON.stringify(listed(recording))}\n\n`)
    }
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const exchanges = ring.recordings().filter(filter).map(listed)
  write(`event: snapshot\ndata: ${JSON.stringify({ exchanges })}\n\n`)
  const stopListening = ring.listen(({ recording }) => follow(recording))
  const timers = [
    setInterval(flush, FLUSH_EVERY),
    setInterval(() => writable && write(': still here\n\n'), COMMENT_EVERY),
  ]
  response.on('drain', () => {
    writable = true
  })
  response.on('close', () => {
    stopListening()
    for (const timer of timers) clearInterval(timer)
  })
}
