/**
 * The upstream, in a process of its own: does what the path says, and writes down which requests reached it. It
 * listens on as many ports as its argument says, tells them, and answers `report` by IPC.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Ask, answerOf, bodyOf, parseAsk } from './chaos-ask.js'
import type { Pattern } from './chaos-pattern.js'
import { write } from './chaos-write.js'

export type OriginSays =
  | { readonly kind: 'listening'; readonly ports: readonly number[] }
  | { readonly kind: 'report'; readonly report: OriginReport }

export interface OriginReport {
  /** Of each POST, how often its head came. */
  readonly posts: readonly (readonly [key: string, count: number])[]
  readonly requests: number
  /** Exchanges that have not ended. */
  readonly active: number
  readonly breaches: readonly string[]
}

const PIECE = 64 * 1024

const posts = new Map<string, number>()
const breaches: string[] = []
let requests = 0
let active = 0

async function answer(res: ServerResponse, ask: Ask): Promise<void> {
  const body = answerOf(ask)
  if (ask.delay > 0) await sleep(ask.delay)
  const type = ask.type === 'events' ? 'text/event-stream' : 'application/octet-stream'
  res.setHeader('content-type', type)
  res.setHeader('x-key', ask.key)
  res.setHeader('x-port', (res.socket?.localPort ?? 0).toString())
  if (!ask.chunked) res.setHeader('content-length', body.length)
  for (let piece = 1; piece <= ask.pieces && !res.destroyed; piece++) {
    const from = Math.floor((body.length * (piece - 1)) / ask.pieces)
    await send(res, body, from, Math.floor((body.length * piece) / ask.pieces))
    if (piece < ask.pieces) await sleep(ask.every)
  }
  res.end()
}

async function send(res: ServerResponse, body: Pattern, from: number, to: number): Promise<void> {
  for (let at = from; at < to && !res.destroyed; ) {
    const chunk = body.slice(at, Math.min(PIECE, to - at))
    at += chunk.length
    await write(res, chunk)
  }
}

async function take(req: IncomingMessage, ask: Ask): Promise<void> {
  const body = bodyOf(ask)
  let at = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    if (!body.matches(chunk, at)) breaches.push(`${ask.key}: the upload is another from byte ${at} on`)
    at += chunk.length
  }
  if (at !== ask.up) breaches.push(`${ask.key}: an upload cut at ${at} of ${ask.up} bytes looked complete`)
}

async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const ask = parseAsk(req.method ?? '', req.url ?? '')
  requests++
  active++
  res.once('close', () => active--)
  if (ask.method === 'POST') {
    posts.set(ask.key, (posts.get(ask.key) ?? 0) + 1)
    await take(req, ask)
  }
  await answer(res, ask)
}

const ports: number[] = []
for (let left = Number(process.argv[2] ?? 1); left > 0; left--) {
  const server = createServer((req, res) => {
    // A caller who leaves ends its exchange: nothing is owed.
    serve(req, res).catch(() => res.destroy())
  })
  server.requestTimeout = 0
  await once(server.listen(0, '127.0.0.1'), 'listening')
  ports.push((server.address() as AddressInfo).port)
}
const say = (word: OriginSays): void => void process.send?.(word)
process.on('message', () => {
  say({ kind: 'report', report: { posts: [...posts], requests, active, breaches } })
})
// Its driver is gone, however that came.
process.on('disconnect', () => process.exit(0))
say({ kind: 'listening', ports })
