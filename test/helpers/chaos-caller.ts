/** One request of a caller, and what it saw of the answer, checked byte by byte. */
import { randomUUID } from 'node:crypto'
import { type Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { type Ask, answerOf, askPath, bodyOf } from './chaos-ask.js'
import { write } from './chaos-write.js'

/** How an exchange ended, as its caller sees it. */
export type Ending =
  | { readonly kind: 'answer'; readonly status: number; readonly code: string | undefined }
  /** The head came, the body did not to its end. */
  | { readonly kind: 'cut'; readonly status: number }
  /** No head came. */
  | { readonly kind: 'broken'; readonly error: string }
  /** It was abandoned, as planned. */
  | { readonly kind: 'left' }
  /** Nothing came within the bound. */
  | { readonly kind: 'hung' }

export interface Call {
  readonly id: string
  readonly ask: Ask
  readonly startedAt: number
  readonly ending: Ending
  readonly ms: number
  /** The origin's port that answered. */
  readonly port: string | undefined
  /** What no caller may ever see. */
  readonly breaches: readonly string[]
}

export interface CallOptions {
  readonly port: number
  /** Before the path. */
  readonly base: string
  /** False: a connection of its own. */
  readonly agent: Agent | false
  /** Of an exchange that neither ends nor moves. Milliseconds. */
  readonly bound: number
  readonly chunkedUpload?: boolean
  /** Leave after so many milliseconds. */
  readonly leaveAfter?: number | undefined
  /** Rest so many milliseconds after each piece read. */
  readonly slowness?: number | undefined
  /** The head came. */
  readonly onHead?: () => void
}

const PIECE = 32 * 1024
const UPLOAD = { 'content-type': 'application/octet-stream' }

/** `fresh`: after a kept connection was closed as the request went out, which is nobody's fault (RFC 9112 §9.3.1). */
export function call(ask: Ask, options: CallOptions, fresh = false): Promise<Call> {
  const id = randomUUID()
  const startedAt = performance.now()
  const breaches: string[] = []
  let port: string | undefined
  return new Promise((resolve) => {
    const { agent, base } = options
    const length = ask.up > 0 && options.chunkedUpload !== true ? { 'content-length': ask.up } : {}
    const headers = { 'gw-request-id': id, ...(ask.method === 'POST' && UPLOAD), ...length }
    const path = `${base}${askPath(ask)}`
    const req = request({ host: '127.0.0.1', port: options.port, agent, method: ask.method, path, headers })
    let settled = false
    const settle = (ending: Ending, ...found: string[]): void => {
      // Node may end the answer also of a request that was left, without what it had not read of it.
      if (settled) return
      breaches.push(...found)
      settled = true
      clearTimeout(bound)
      clearTimeout(leaving)
      if (ending.kind !== 'answer') req.destroy()
      resolve({ id, ask, startedAt, ending, ms: performance.now() - startedAt, port, breaches })
    }
    const bound = setTimeout(() => settle({ kind: 'hung' }), options.bound)
    const leaving =
      options.leaveAfter === undefined
        ? undefined
        : setTimeout(() => settle({ kind: 'left' }), options.leaveAfter)
    req.on('error', (error) => {
      if (fresh || !req.reusedSocket || port !== undefined || codeOf(error) !== 'ECONNRESET')
        return settle({ kind: 'broken', error: codeOf(error) })
      if (settled) return
      settled = true
      clearTimeout(bound)
      clearTimeout(leaving)
      resolve(call(ask, { ...options, agent: false }, true))
    })
    req.on('response', (res) => {
      port = String(res.headers['x-port'])
      options.onHead?.()
      if (res.headers['gw-request-id'] !== id) breaches.push(`${ask.key}: the answer is another request's`)
      const status = res.statusCode ?? 0
      if (status === 200) readAnswer(res, ask, options.slowness, settle, breaches)
      else readProblem(res, id, settle, breaches)
    })
    void send(req, ask)
  })
}

async function send(req: ClientRequest, ask: Ask): Promise<void> {
  const body = bodyOf(ask)
  for (let at = 0; at < ask.up; ) {
    const chunk = body.slice(at, Math.min(PIECE, ask.up - at))
    at += chunk.length
    // With the last piece, so that a short body leaves with its head.
    if (at === ask.up) req.end(chunk)
    else if (!(await write(req, chunk))) return
  }
  if (ask.up === 0) req.end()
}

function readAnswer(
  res: IncomingMessage,
  ask: Ask,
  slowness: number | undefined,
  settle: (ending: Ending, ...found: string[]) => void,
  breaches: string[],
): void {
  const body = answerOf(ask)
  let at = 0
  res.on('data', (chunk: Buffer) => {
    if (!body.matches(chunk, at)) breaches.push(`${ask.key}: the answer is another from byte ${at} on`)
    at += chunk.length
    if (slowness === undefined) return
    res.pause()
    setTimeout(() => res.resume(), slowness)
  })
  res.on('error', () => settle({ kind: 'cut', status: 200 }))
  res.on('end', () => {
    if (!res.complete) return settle({ kind: 'cut', status: 200 })
    const ending = { kind: 'answer', status: 200, code: undefined } as const
    const facts = JSON.stringify([ask, res.headers])
    if (res.headers['x-key'] !== ask.key) settle(ending, `the head is another request's: ${facts}`)
    else if (at !== body.length)
      settle(ending, `an answer cut at ${at} of ${body.length} bytes looked complete: ${facts}`)
    else settle(ending)
  })
}

function readProblem(
  res: IncomingMessage,
  id: string,
  settle: (ending: Ending) => void,
  breaches: string[],
): void {
  const status = res.statusCode ?? 0
  let text = ''
  res.setEncoding('utf8')
  res.on('data', (chunk: string) => {
    text += chunk
  })
  res.on('error', () => settle({ kind: 'cut', status }))
  res.on('end', () => {
    try {
      const { code, request_id } = JSON.parse(text) as { code: string; request_id: string }
      if (request_id !== id) breaches.push(`${id}: the problem is another request's: ${text}`)
      settle({ kind: 'answer', status, code })
    } catch {
      breaches.push(`${id}: a ${status} without a problem: ${text.slice(0, 200)}`)
      settle({ kind: 'answer', status, code: undefined })
    }
  })
}

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : error.message)
