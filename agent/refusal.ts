/** Why a gateway, or a proxy before it, did not upgrade a link. */
import { type IncomingMessage, STATUS_CODES } from 'node:http'

export interface LinkRefusal {
  readonly kind: 'refused'
  readonly status: number
  /** The problem's code, where the answer is one of the gateway's own. */
  readonly code: string | undefined
  readonly detail: string
  /** Milliseconds, where the answer advises some. */
  readonly retryAfter: number | undefined
}

/** A refusal says what it has to in less. */
const MOST_BYTES = 64 * 1024
const LONGEST_DETAIL = 300

/** Rejects where the answer breaks off. */
export async function readRefusal(response: IncomingMessage): Promise<LinkRefusal> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MOST_BYTES) break
  }
  const status = response.statusCode ?? 0
  const problem = parseProblem(Buffer.concat(chunks).toString())
  const phrase = response.statusMessage || STATUS_CODES[status] || ''
  return {
    kind: 'refused',
    status,
    code: text(problem?.code),
    detail: (text(problem?.detail) ?? text(problem?.title) ?? phrase).slice(0, LONGEST_DETAIL),
    retryAfter: parseRetryAfter(response.headers['retry-after'], Date.now()),
  }
}

function parseProblem(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** Seconds or a date (RFC 9110 §10.2.3). @returns milliseconds from `now`. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
