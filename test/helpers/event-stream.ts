/** `GET /connections`, at once, and what comes as an event stream. */

import { once } from 'node:events'
import type http from 'node:http'
import { ask, call, type Site } from './tunnel.js'

export interface Shown {
  count: number
  connections: Record<string, unknown>[]
}

export const shown = async (site: Site, query = ''): Promise<Shown> =>
  JSON.parse((await call(`${site.url}/connections${query}`)).body) as Shown

export interface Told {
  event: string
  id: number
  data: Record<string, unknown>
}

/** The event stream of `/connections`. */
export const stream = (site: Site, query = '') => eventStream(`${site.url}/connections${query}`)

export async function eventStream(url: string) {
  const request = ask(url, { headers: { accept: 'text/event-stream' } })
  request.end()
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const told: Told[] = []
  let rest = ''
  let more: (() => void) | undefined
  response.setEncoding('utf8').on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop()!
    for (const block of blocks) {
      if (block.startsWith(':')) continue
      const fields = Object.fromEntries(
        block
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      )
      told.push({
        event: fields.event!,
        id: Number(fields.id),
        data: JSON.parse(fields.data!) as Record<string, unknown>,
      })
    }
    more?.()
  })
  const closed = new Promise<boolean>((resolve) => response.on('close', () => resolve(response.complete)))
  response.on('error', () => {})
  const next = async (): Promise<Told> => {
    while (told.length === 0) await new Promise<void>((resolve) => (more = resolve))
    return told.shift()!
  }
  const until = async (event: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const one = await next()
      if (one.event === event) return one.data
    }
  }
  return { response, next, until, closed, close: () => request.destroy() }
}
