/** Callers of sessions: over HTTP, as server-sent events, as lines, and by WebSocket. */
import { once } from 'node:events'
import type http from 'node:http'
import { WebSocket } from 'ws'
import type { SessionEvent } from '../../shared/sessions/event.js'
import { ask } from './tunnel.js'

export interface Answered {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: whatever the test expects
  json: any
}

export async function request(url: string, method = 'GET', body?: unknown, who = 'alice'): Promise<Answered> {
  const response = await fetch(url, {
    method,
    headers: { 'x-who': who },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    json: text === '' ? undefined : JSON.parse(text),
  }
}

/** The events of a stream, until it ends or the reader leaves. */
export async function* streamed(
  url: string,
  accept: string,
  { body, headers = {} }: { body?: unknown; headers?: http.OutgoingHttpHeaders } = {},
): AsyncGenerator<SessionEvent, void, undefined> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const asked = ask(url, {
    method: payload === undefined ? 'GET' : 'POST',
    headers: { accept, ...headers, ...(payload && { 'content-length': payload.length }) },
  })
  asked.end(payload)
  const [response] = (await once(asked, 'response')) as [http.IncomingMessage]
  const sse = response.headers['content-type'] === 'text/event-stream'
  try {
    let rest = ''
    for await (const chunk of response.setEncoding('utf8')) {
      const blocks = (rest + chunk).split(sse ? '\n\n' : '\n')
      rest = blocks.pop()!
      for (const block of blocks) {
        const event = JSON.parse(sse ? /^data: (.*)$/m.exec(block)![1]! : block) as SessionEvent
        if (sse && Number(/^id: (\d+)$/m.exec(block)?.[1]) !== event.seq)
          throw new Error(`another id: ${block}`)
        yield event
      }
    }
  } finally {
    asked.destroy()
  }
}

export class SocketCaller {
  readonly #socket: WebSocket
  readonly #events: SessionEvent[] = []
  #closed: { code: number; reason: string } | undefined
  #wake: () => void = () => {}

  constructor(url: string, who = 'alice') {
    this.#socket = new WebSocket(url.replace('http', 'ws'), { headers: { 'x-who': who } })
    this.#socket.on('message', (data, binary) => {
      if (binary) throw new Error('a binary message came')
      this.#events.push(JSON.parse(String(data)))
      this.#wake()
    })
    this.#socket.on('close', (code, reason) => {
      this.#closed = { code, reason: String(reason) }
      this.#wake()
    })
    this.#socket.on('error', () => {})
  }

  /** Once it is open. */
  async send(message: unknown): Promise<void> {
    if (this.#socket.readyState === WebSocket.CONNECTING) await once(this.#socket, 'open')
    this.#socket.send(
      typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message),
    )
  }

  /** Undefined once it is closed. */
  async next(): Promise<SessionEvent | undefined> {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined || this.#closed !== undefined) return event
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Up to the first of that type, with it. */
  async until(type: string): Promise<SessionEvent[]> {
    const events: SessionEvent[] = []
    for (let event = await this.next(); event !== undefined; event = await this.next()) {
      events.push(event)
      if (event.type === type) break
    }
    return events
  }

  /** Code and reason, once it has one. */
  async closed(): Promise<{ code: number; reason: string }> {
    while ((await this.next()) !== undefined);
    return this.#closed!
  }

  /** Reads no more, so that the server's buffers fill. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  leave(): void {
    this.#socket.terminate()
  }
}
