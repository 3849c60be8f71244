/** What the gateway itself answers: a problem (RFC 9457), as JSON or, for browsers, as a small page; or JSON. */
import { type Problem, problemJson } from '../../shared/errors.js'
import { type Fields, getField } from '../../shared/headers.js'
import type { ResponseHead } from './engine.js'

export interface Reply<Body extends string | Uint8Array = string | Uint8Array> {
  head: ResponseHead
  body: Body
}

/** `close`: the connection ends with this answer. */
export function problemReply(
  problem: Problem,
  requestId: string,
  headers: Fields,
  close = false,
): Reply<string> {
  const page = wantsPage(getField(headers, 'accept'))
  const fields = [
    'content-type',
    page ? 'text/html; charset=utf-8' : 'application/problem+json',
    'cache-control',
    'no-store',
    'gw-request-id',
    requestId,
    ...problem.headers,
  ]
  if (problem.retryAfter !== undefined)
    fields.push('retry-after', String(Math.max(1, Math.ceil(problem.retryAfter))))
  const body = page ? problemPage(problem, requestId) : problemJson(problem, requestId)
  return { head: { status: problem.status, headers: fields, close }, body }
}

/** Browsers: `Accept` names text/html and no JSON type. */
const wantsPage = (accept: string | undefined): boolean =>
  accept !== undefined && /text\/html/i.test(accept) && !/json/i.test(accept)

function problemPage({ code, title, status, message }: Problem, requestId: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${status} ${escapeHtml(title)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:36rem;padding:0 1rem}code{font-size:.9em}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}</style>
<h1>${status} ${escapeHtml(title)}</h1>
<p>${escapeHtml(message)}</p>
<p><code>${code}</code> · request <code>${escapeHtml(requestId)}</code></p>
</html>
`
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char]!)

export function jsonReply(status: number, value: unknown, headers: Fields = []): Reply<string> {
  return {
    head: { status, headers: ['content-type', 'application/json', ...headers] },
    body: `${JSON.stringify(value)}\n`,
  }
}
