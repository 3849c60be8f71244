/** What the inspector's server answers beside its page. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { v7 as uuid } from 'uuid'
import { Problem, problemJson } from '../../shared/errors.js'
import { parseJson } from '../../shared/json-body.js'
import { PAGE_FIELDS } from '../../shared/page-policy.js'
import { describeError } from '../text.js'

export function setPolicy(response: ServerResponse): void {
  setFields(response, PAGE_FIELDS)
}

export function sendJson(response: ServerResponse, value: unknown): void {
  send(response, 200, 'application/json', `${JSON.stringify(value)}\n`)
}

export function sendText(response: ServerResponse, text: string): void {
  send(response, 200, 'text/plain; charset=utf-8', text)
}

export function sendRedirect(response: ServerResponse, location: string): void {
  response.setHeader('location', location)
  send(response, 302, 'text/plain; charset=utf-8', `${location}\n`)
}

/** RFC 9457, as the gateway writes it. What is no `Problem` is a fault of ours, and a mere 500. */
export function sendProblem(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  if (!(error instanceof Problem)) {
    send(response, 500, 'text/plain; charset=utf-8', `${describeError(error)}\n`)
    return
  }
  setFields(response, error.headers)
  const requestId = uuid()
  response.setHeader('gw-request-id', requestId)
  send(response, error.status, 'application/problem+json', problemJson(error, requestId))
}

function setFields(response: ServerResponse, fields: readonly string[]): void {
  for (let i = 0; i < fields.length; i += 2) response.setHeader(fields[i]!, fields[i + 1]!)
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}

/** A body as JSON; `{}` where there is none. @throws Problem `payload_too_large` or `bad_request` */
export async function readJson(request: IncomingMessage, most: number): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  // Also what is too much is read: an answer may not come in the middle of it.
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes <= most) chunks.push(chunk)
  }
  if (bytes > most) throw new Problem('payload_too_large', `the body has more than ${most} bytes`)
  return bytes === 0 ? {} : parseJson(Buffer.concat(chunks))
}
