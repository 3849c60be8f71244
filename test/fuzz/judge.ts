/** Whether what reached the origin is what the bytes say, and the same through both engines. */
import type { Engine, LimitName } from '../fidelity/limits.js'
import type { Outcome } from './ground.js'
import { explain } from './known.js'
import { type Input, PREFIX } from './material.js'
import { EDGES, hasEdges, NAMELESS, type Reading, type StrictRequest, valuesOf } from './strict.js'

/** What gw adds or sets itself, and what belongs to one connection. */
const ADDED =
  /^(?:host|connection|upgrade|sec-websocket-.*|content-length|transfer-encoding|forwarded|x-forwarded-.*|x-real-ip|gw-.*)$/

export interface Verdict {
  /** What broke: a sentence each. */
  readonly findings: readonly string[]
  /** The declared limit that tells one engine from the other here. */
  readonly limit: LimitName | undefined
}

export type Pair = Readonly<Record<Engine, Outcome>>

export function judge(input: Input, reading: Reading, pair: Pair): Verdict {
  const findings = (Object.keys(pair) as Engine[]).flatMap((engine) =>
    alone(reading, pair[engine], engine).map((finding) => `${engine}: ${finding}`),
  )
  const difference = differ(pair)
  if (difference === undefined) return { findings, limit: undefined }
  const limit = explain(input, reading, pair, parting(pair, difference.at))
  if (limit === undefined) findings.push(`the engines differ: ${difference.what}`)
  return { findings, limit }
}

const HANGS = 'no answer to'

/** The caller got nothing so far. */
export const isHang = (finding: string): boolean => finding.includes(HANGS)

/** What is wrong with one engine's outcome by itself. */
function alone(reading: Reading, { requests, answers, faults, closed }: Outcome, engine: Engine): string[] {
  const findings = faults.map((fault) => `the origin got what is no request: ${fault}`)
  // What this engine makes of the rest cannot be told from the bytes.
  const unseen = engine === 'uws' && (reading.fault === NAMELESS || reading.fault === EDGES)
  let next = 0
  for (const request of requests) {
    const found = reading.requests.findIndex((one, i) => i >= next && isOf(request, one, engine))
    if (found < 0 && unseen) break
    if (found < 0) findings.push(`the origin got a request that nobody sent: ${show(request)}`)
    else next = found + 1
  }
  let last = 0
  for (const { nth, whole } of answers) {
    if (nth === undefined) continue
    if (nth <= last || nth > requests.length) findings.push(`answer ${nth} came behind answer ${last}`)
    else if (!whole && !unseen) findings.push(`answer ${nth} is cut`)
    last = nth
  }
  const first = reading.requests[0]
  // uWebSockets.js waits for the rest of what it misread; its own timers end that.
  const misread =
    engine === 'uws' && first !== undefined && (first.loose || (first.framing === 'chunked' && first.unusual))
  if (first?.complete && !misread && answers.length === 0 && !closed) findings.push(`${HANGS} ${show(first)}`)
  return findings
}

const withoutPrefix = (target: string): string => {
  const path = target
    .replace(/^https?:\/\/[^/?]*/i, '')
    .replace(PREFIX, '')
    .replace(/^\/forward(?=[/?]|$)/, '')
  return path.startsWith('/') ? path : `/${path}`
}

/** Bytes that uWebSockets.js cuts off at the ends of a value, where it has any beyond ASCII there. */
const trimmed = (value: string): string =>
  hasEdges(value) ? value.replace(/^[^\x21-\x7e]+|[^\x21-\x7e]+$/g, '') : value

/** The fields of a request that are its caller's own. */
const ownFields = (request: StrictRequest): string[] =>
  request.fields.filter(([name]) => !ADDED.test(name)).map(([name, value]) => `${name}: ${trimmed(value)}`)

/** The agent's WebSocket client joins the fields of one name. */
function joinedFields(request: StrictRequest): string[] {
  if (valuesOf(request, 'upgrade').length === 0) return []
  return request.fields.map(
    ([name]) => `${name}: ${valuesOf(request, name).join(name === 'cookie' ? '; ' : ', ')}`,
  )
}

/** Whether what the origin got is what a caller sent, or a part of it where one of the two is not complete. */
function isOf(got: StrictRequest, sent: StrictRequest, engine: Engine): boolean {
  if (got.method !== sent.method || got.target !== withoutPrefix(sent.target)) return false
  const fields = [...ownFields(sent), ...joinedFields(sent)]
  if (!ownFields(got).every((field) => fields.includes(field))) return false
  // How uWebSockets.js reads chunks that break the rules cannot be seen; nothing behind them is served.
  if (engine === 'uws' && sent.framing === 'chunked' && (sent.unusual || !sent.complete)) return true
  if (got.complete) return sent.complete && got.body.equals(sent.body)
  return sent.body.subarray(0, got.body.length).equals(got.body)
}

/** The first answer that is not the same: gw answers each request, its own problems included. `at`: where all are. */
function parting({ uws, node }: Pair, at: number): number {
  for (let i = 0; i < Math.max(uws.answers.length, node.answers.length); i++) {
    const [mine, other] = [uws.answers[i], node.answers[i]]
    if (mine?.status !== other?.status || mine?.nth !== other?.nth || mine?.problem !== other?.problem)
      return i
  }
  return Math.max(at, uws.answers.length)
}

interface Difference {
  /** Which request of the origin's, from 0. */
  readonly at: number
  readonly what: string
}

const summary = (request: StrictRequest): string =>
  JSON.stringify([
    request.method,
    request.target,
    ...ownFields(request),
    request.complete,
    valuesOf(request, 'content-length').join(),
  ])

function differ({ uws, node }: Pair): Difference | undefined {
  const most = Math.max(uws.requests.length, node.requests.length)
  for (let at = 0; at < most; at++) {
    const [mine, other] = [uws.requests[at], node.requests[at]]
    if (mine === undefined || other === undefined)
      return {
        at,
        what: `request ${at + 1} came through ${mine === undefined ? 'node' : 'uws'} alone: ${show(mine ?? other!)}`,
      }
    if (summary(mine) !== summary(other) || (mine.complete && !mine.body.equals(other.body)))
      return { at, what: `request ${at + 1} is ${show(mine)} through uws and ${show(other)} through node` }
  }
  const told = ({ answers }: Outcome) =>
    answers.flatMap(({ status, nth }) => (nth === undefined ? [] : `${nth}:${status}`)).join()
  if (told(uws) !== told(node))
    return { at: most, what: `the answers are ${told(uws)} by uws and ${told(node)} by node` }
  // How a WebSocket ends is another matter.
  const refused = ({ answers, closed }: Outcome) =>
    answers.at(-1)?.status !== '101' && (closed || answers.some(({ nth }) => nth === undefined))
  if (refused(uws) !== refused(node))
    return { at: most, what: `what follows is refused by ${refused(uws) ? 'uws' : 'node'} alone` }
  const problem = ({ answers }: Outcome) => answers.find((one) => one.problem)?.status
  if (problem(uws) !== undefined && problem(node) !== undefined && problem(uws) !== problem(node))
    return { at: most, what: `uws says ${problem(uws)}, node ${problem(node)}` }
  return undefined
}

export const show = ({ method, target, framing, body, complete }: StrictRequest): string =>
  `${method} ${target.slice(0, 60)} (${framing}, ${body.length} bytes${complete ? '' : ', cut'})`
