/** What a case of the table is, and how its bytes are written. */
import type { Engine, LimitName } from '../../fidelity/limits.js'

export const TUNNEL = 'agent_550e8400-e29b-41d4-a716-446655440000_framing'

/** Stands for the case's own name, `c0017`, and is as long, so that lengths can be counted before it is known. */
export const TAG = '<tag>'
/** Where the tunnel sees `/<tag>`. */
export const PATH = `/t/${TUNNEL}/${TAG}`

export const HOST = 'Host: conformance.test'

/**
 * `served`: once, and so is the request behind it. `last`: once, and the connection ends with its answer.
 * A number: the gateway's own answer, and the end of the connection where it says that the request is ambiguous or
 * too slow; 400 may be the engine's. The name of a limit: what that limit says.
 */
export type Verdict = 'served' | 'last' | number | LimitName

export interface HttpCase {
  readonly name: string
  /** Char by char what the caller writes; several pieces are written one by one. `<tag>` is replaced. */
  readonly bytes: string | readonly string[]
  readonly verdict: Verdict | Readonly<Record<Engine, Verdict>>
  /** What the origin is to get as body, where that is not empty. */
  readonly body?: string
  /** Fields, as `name: value`, that the origin has to get, and names of which it must not get any. */
  readonly has?: readonly string[]
  readonly lacks?: readonly string[]
}

type More = Omit<HttpCase, 'name' | 'bytes' | 'verdict'>

/** A row of a table. */
export const row = (
  name: string,
  bytes: HttpCase['bytes'],
  verdict: HttpCase['verdict'],
  more: More = {},
): HttpCase => ({ name, bytes, verdict, ...more })

export const on = (uws: Verdict, node: Verdict): Record<Engine, Verdict> => ({ uws, node })

/** A head as it stands. */
export const bare = (line: string, fields: readonly string[]): string =>
  `${[line, ...fields].join('\r\n')}\r\n\r\n`

/** A head with a Host in front. */
export const head = (line: string, fields: readonly string[]): string => bare(line, [HOST, ...fields])

export const get = (...fields: string[]): string => head(`GET ${PATH} HTTP/1.1`, fields)

export const post = (fields: readonly string[], body: string): string =>
  head(`POST ${PATH} HTTP/1.1`, fields) + body

/** One that nobody sent: where an origin gets it, it was in a body. */
export const SMUGGLED = `GET ${PATH}/smuggled HTTP/1.1\r\n${HOST}\r\n\r\n`

/** Its chunks end before what it smuggles, its length behind it. */
export const BEHIND = `0\r\n\r\n${SMUGGLED}`

/** Its length, which is 4, ends inside the chunk that holds what it smuggles. */
export const INSIDE = `${(SMUGGLED.length + 2).toString(16).padStart(2, '0')}\r\n\r\n${SMUGGLED}\r\n0\r\n\r\n`

export const length = (body: string): string => `Content-Length: ${body.length}`
export const CHUNKED = 'Transfer-Encoding: chunked'
