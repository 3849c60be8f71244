/** What the two ends of a case do, as data: the caller's part and the origin's, step by step. */
import type { LimitName, Scope } from './limits.js'

/** One request. Its head is completed by the way it goes: target prefix, Host, and the name of the case. */
export interface Ask {
  readonly method?: string
  readonly target?: string
  /** Field lines. */
  readonly fields?: readonly string[]
  /** Text as latin1, or that many bytes of the pattern. */
  readonly body?: string | number
  /** Chunks of so many bytes instead of a length. */
  readonly chunk?: number
  readonly trailers?: readonly string[]
  /** Only the head is sent; later steps send the body. */
  readonly headOnly?: boolean
  /** The head is sent in two pieces, the first so long. */
  readonly cut?: number
  readonly version?: string
  readonly form?: 'origin' | 'absolute' | 'asterisk'
}

/** What the two ends wait for, counted over the whole case. */
export type Mark =
  /** Interim heads, final heads, body bytes and complete answers that the caller has. */
  | 'interim'
  | 'head'
  | 'down'
  | 'answer'
  /** The caller's connection was ended by the other side. */
  | 'ended'
  /** Request heads, body bytes and complete requests that the origin has. */
  | 'asked'
  | 'up'
  | 'request'
  /** Connections that the origin saw end. */
  | 'left'
  /** Notes that the caller took. */
  | 'noted'

export type Wait = { readonly wait: Mark; readonly count?: number }
/** Keeps how often `note` has happened by now, once everything sent so far has had time to pass. */
export type Note = { readonly note: Mark }
/** Bytes of the pattern; `chunk`: framed in chunks of so many bytes. */
export type Fill = { readonly fill: number; readonly chunk?: number }
export type Leave = 'close' | 'reset' | 'half'

/** A string is written as latin1. */
export type Step = string | Ask | Fill | Wait | Leave | Note
/** `origin`: the steps of each request in turn; the last serves those that follow. */
export type OriginStep = string | Fill | Wait | Leave

export interface Case {
  readonly title: string
  readonly caller: readonly Step[]
  readonly origin: readonly (readonly OriginStep[])[]
  /** At most one that refuses, and one of a kind of effect, for each engine. */
  readonly limits?: readonly Limit[]
  /** Not through host routing: it is large, or says nothing there. */
  readonly once?: boolean
  /** The caller leaves amid it: how much came by then is chance. */
  readonly leaves?: boolean
}

/** What happens instead of what the origin alone would give. */
export interface Effect {
  /** Status of an answer that comes instead of the origin's; empty where the connection ends without one. */
  readonly refused?: string
  /** The origin was asked, and its answer is what is refused. */
  readonly late?: boolean
  /** Overrides what a caller sees directly, and what the origin gets. */
  readonly answer?: Partial<Answer>
  readonly request?: Partial<Received>
  readonly notes?: readonly number[]
  /** So many requests are served; then the connection ends. */
  readonly served?: number
}

/** Where an engine, or every one, cannot. `limits.ts` says what and why. */
export interface Limit extends Effect {
  readonly on: Scope
  readonly name: LimitName
  /** Whether this version of Node has it. */
  readonly here?: boolean
}

/** One answer as the caller got it. */
export interface Answer {
  interims: string[]
  status: string
  fields: string[]
  bytes: number
  hash: string
  trailers: string[]
  ending: string
}

/** One request as the origin got it. */
export interface Received {
  line: string
  fields: string[]
  bytes: number
  hash: string
  trailers: string[]
  ending: string
}

const lines = (fields: readonly string[]): string => fields.map((field) => `${field}\r\n`).join('')

const lengthOf = (body: string | number): number => (typeof body === 'number' ? body : body.length)
const bodyOf = (body: string | number, chunk?: number): (string | Fill)[] => {
  if (typeof body === 'number') return [chunk === undefined ? { fill: body } : { fill: body, chunk }]
  if (chunk === undefined) return [body]
  return (body.match(new RegExp(`[^]{1,${chunk}}`, 'g')) ?? []).map(
    (piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`,
  )
}

/** The origin's answers, each after the whole request. */
export const bare = (status: string, fields: readonly string[] = []): OriginStep[] => [
  { wait: 'request' },
  `HTTP/1.1 ${status}\r\n${lines(fields)}\r\n`,
]

export const sized = (
  status: string,
  body: string | number,
  fields: readonly string[] = [],
): OriginStep[] => [...bare(status, [...fields, `Content-Length: ${lengthOf(body)}`]), ...bodyOf(body)]

export const chunked = (
  status: string,
  body: string | number,
  chunk: number,
  fields: readonly string[] = [],
  trailers: readonly string[] = [],
): OriginStep[] => [
  ...bare(status, [...fields, 'Transfer-Encoding: chunked']),
  ...bodyOf(body, chunk),
  `0\r\n${lines(trailers)}\r\n`,
]

export const untilClose = (
  status: string,
  body: string | number,
  fields: readonly string[] = [],
): OriginStep[] => [...bare(status, fields), ...bodyOf(body), 'half']

/** The bytes of a request, and what follows its head. */
export function renderAsk(ask: Ask, way: { prefix: string; host: string; key: string }): (string | Fill)[] {
  const { method = 'GET', target = '/', fields = [], body, chunk, trailers = [], version = '1.1' } = ask
  const path = `${way.prefix}${target}`
  const form = ask.form ?? 'origin'
  const written = form === 'asterisk' ? '*' : form === 'absolute' ? `http://${way.host}${path}` : path
  const framing =
    body === undefined
      ? []
      : [chunk === undefined ? `Content-Length: ${lengthOf(body)}` : 'Transfer-Encoding: chunked']
  const head = [`Host: ${way.host}`, `X-Case: ${way.key}`, ...fields, ...framing]
  const first = `${method} ${written} HTTP/${version}\r\n${lines(head)}\r\n`
  if (body === undefined || ask.headOnly) return [first]
  return [first, ...bodyOf(body, chunk), ...(chunk === undefined ? [] : [`0\r\n${lines(trailers)}\r\n`])]
}
