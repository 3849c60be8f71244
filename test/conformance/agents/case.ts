/** What a hostile agent says on a stream that it was given, and what that may come to. */
import { type Frame, type Head, Kind, ResetCode } from '../../../shared/frames.js'

export type Said = Frame | Buffer | string

export interface AgentCase {
  readonly name: string
  /** Each a message of its own. `id`: the stream's. */
  readonly say: (id: number) => readonly Said[]
  /** The status that the caller gets, with the code of the problem, if any; `cut`: a 200 that does not end well. */
  readonly caller: 200 | 204 | 304 | 502 | 'cut'
  readonly code?: string | undefined
  /** The close code of the link; undefined: it lives. */
  readonly link?: number
  readonly method?: 'GET' | 'HEAD' | 'POST'
  /** The body that the caller gets. */
  readonly body?: string
  /** Field names that must not reach the caller. */
  readonly lacks?: readonly string[]
}

export const head = (id: number, more: Partial<Head> = {}): Head => ({
  kind: Kind.head,
  id,
  status: 200,
  reason: null,
  headers: [],
  body: null,
  end: true,
  ...more,
})
export const begun = (id: number, headers: readonly string[] = []): Head => head(id, { headers, end: false })
export const data = (id: number, text: string): Frame => ({ kind: Kind.data, id, body: Buffer.from(text) })
export const end = (id: number, trailers: readonly string[] = []): Frame => ({ kind: Kind.end, id, trailers })
export const credit = (id: number, bytes: number): Frame => ({ kind: Kind.credit, id, bytes })
export const reset = (id: number): Frame => ({
  kind: Kind.reset,
  id,
  code: ResetCode.failed,
  message: 'told so',
})

export const pairs = (count: number, value = '1'): string[] =>
  Array.from({ length: count }, (_, i) => [`x-${i}`, value]).flat()
