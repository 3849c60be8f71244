/** Which declared limit tells one engine from the other: as narrow as it can be said of the bytes. */
import { isUtf8 } from 'node:buffer'
import { METHODS } from 'node:http'
import type { Engine, LimitName } from '../fidelity/limits.js'
import type { Outcome } from './ground.js'
import type { Input } from './material.js'
import { EDGES, hasEdges, NAMELESS, type Reading, type StrictRequest, valuesOf } from './strict.js'

interface Sight {
  /** The request at which they part, as it was sent; undefined where the bytes have no head there. */
  readonly request: StrictRequest | undefined
  readonly before: readonly StrictRequest[]
  /** The bytes break a rule within this request. */
  readonly broken: boolean
  /** They end amid a request's first line, or before it. */
  readonly rest: boolean
  /** Offsets at which the caller waited, and how many bytes there are. */
  readonly cuts: readonly number[]
  readonly bytes: number
  /** What came in one piece with the request's end. */
  readonly behind: string
}

type Matcher = (sight: Sight) => boolean
const of =
  (test: (request: StrictRequest, sight: Sight) => boolean): Matcher =>
  (sight) =>
    sight.request !== undefined && test(sight.request, sight)

const has = (request: StrictRequest, name: string, word: string): boolean =>
  valuesOf(request, name)
    .join()
    .toLowerCase()
    .split(',')
    .some((each) => each.trim() === word)

const upgrades = (request: StrictRequest): boolean =>
  has(request, 'connection', 'upgrade') && valuesOf(request, 'upgrade').length > 0

/** Its bytes came together with those before it, or with some behind it. */
const isPipelined = (request: StrictRequest, { cuts, bytes }: Sight): boolean =>
  (request.from > 0 && !cuts.includes(request.from)) ||
  (request.complete && request.to < bytes && !cuts.includes(request.to))

/** Several fields of one name, one of which is not UTF-8. */
const repeatsOddBytes = ({ fields }: StrictRequest): boolean =>
  fields.some(
    ([name, value]) =>
      !isUtf8(Buffer.from(value, 'latin1')) && fields.filter(([other]) => other === name).length > 1,
  )

/** What an engine that refuses a request which the other one serves may refuse it for. */
const REFUSES: Readonly<Record<Engine, readonly (readonly [LimitName, Matcher])[]>> = {
  uws: [
    ['http-1.0', of(({ version }) => version !== '1.1')],
    ['target-form', of(({ target }) => !target.startsWith('/'))],
    ['split-line', of(({ from, line }, { cuts }) => cuts.some((at) => at > from && at < line))],
    ['split-line', ({ request, rest }) => request === undefined && rest],
    ['malformed', of(({ loose }) => loose)],
    ['chunked-last', ({ before }) => before.some(({ framing }) => framing === 'chunked')],
    ['connection-option', ({ before }) => before.some((one) => valuesOf(one, 'connection')[0]?.length === 5)],
    ['request-trailers', of(({ trailers }) => trailers)],
    ['field-bytes', of(repeatsOddBytes)],
    ['pipelining', of(isPipelined)],
  ],
  node: [
    ['methods', of(({ method }) => !METHODS.includes(method))],
    ['target-bytes', of(({ target }) => /[^\x21-\x7e]/.test(target))],
    ['target-form', of(({ target }) => target === '*')],
    ['value-ends', of((request) => valuesOf(request, 'host').some(hasEdges))],
    ['length-tab', of(({ tabbed }) => tabbed)],
    ['proxy-connection', ({ before }) => before.some((one) => has(one, 'proxy-connection', 'close'))],
    ['after-upgrade', ({ before }) => before.some((one) => upgrades(one) || one.method === 'CONNECT')],
    ['early-handshake', of((request, sight) => upgrades(request) && isPipelined(request, sight))],
    ['early-handshake', ({ behind }) => /\r\nupgrade:/i.test(behind)],
  ],
}

const answered = ({ answers }: Outcome, at: number): boolean => answers[at]?.nth !== undefined

/** `at`: the first answer that is not the same. */
export function explain(
  input: Input,
  reading: Reading,
  pair: Readonly<Record<Engine, Outcome>>,
  at: number,
): LimitName | undefined {
  let bytes = 0
  const cuts = input.pieces.map((piece) => (bytes += piece.length))
  const request = reading.requests[at]
  const broken =
    reading.fault !== undefined && at >= reading.requests.length - 1 && request?.complete !== true
  const served = { uws: answered(pair.uws, at), node: answered(pair.node, at) }
  const faulty = at >= reading.requests.length && !served.node
  if (faulty && reading.fault === NAMELESS) return 'nameless'
  if (faulty && reading.fault === EDGES) return 'value-ends'
  if (request?.framing === 'chunked' && (request.unusual || !request.complete)) return 'chunk-rules'
  // Neither serves what breaks the rules, each in its own way.
  if (broken && !served.uws && !served.node) return 'malformed'
  const before = reading.requests.slice(0, at)
  const rest = reading.fault === undefined && (before.at(-1)?.to ?? 0) < bytes
  const from = request?.complete ? request.to : bytes
  const behind = Buffer.concat(input.pieces).toString(
    'latin1',
    from,
    cuts.find((cut) => cut >= from),
  )
  const sight: Sight = { request, before, broken, rest, cuts, bytes, behind }
  for (const engine of ['uws', 'node'] as const) {
    const found = REFUSES[engine].find(([, matches]) => !served[engine] && matches(sight))
    if (found !== undefined) return found[0]
  }
  return undefined
}
