/** Whether what came of a case is what its verdict says. */
import { type Engine, limited } from '../../fidelity/limits.js'
import { readStrictly, type StrictRequest } from '../../fuzz/strict.js'
import { type HttpCase, TAG, TUNNEL, type Verdict } from './case.js'
import type { Outcome } from './site.js'

/** What a verdict allows. `0` among the statuses: the connection ends without an answer. */
interface Allowed {
  readonly statuses: readonly number[]
  /** How often the origin gets the case. */
  readonly reached: readonly number[]
  /** Whether the request behind it is served. */
  readonly canary: 'yes' | 'no' | 'perhaps'
  /** What reaches the origin may be short of its end, or have another body. */
  readonly broken?: boolean
  /** What stands in the body may be taken for a request. */
  readonly smuggles?: boolean
}

const SERVED: Allowed = { statuses: [200], reached: [1], canary: 'yes' }
const LAST: Allowed = { statuses: [200], reached: [1], canary: 'no' }
const refused = (...statuses: number[]): Allowed => ({ statuses, reached: [0], canary: 'no' })

/** The limits that change what comes of a request, as `docs/limits.md` says them. */
const LIMITED: Readonly<Record<Engine, Readonly<Record<string, Allowed>>>> = {
  uws: {
    malformed: refused(0, 400, 431, 505),
    'http-1.0': refused(505),
    'target-form': refused(0, 505),
    // What TCP cuts it may also join again.
    'split-line': { statuses: [200, 505], reached: [0, 1], canary: 'perhaps' },
    'target-bytes': refused(400),
    'chunked-last': LAST,
    'value-ends': SERVED,
    pipelining: { statuses: [0, 200, 400, 505], reached: [0, 1], canary: 'no' },
    'request-trailers': { statuses: [0, 200, 400, 505], reached: [0, 1], canary: 'no', broken: true },
    'chunk-rules': {
      statuses: [0, 200, 400, 408, 413, 505],
      reached: [0, 1],
      canary: 'no',
      broken: true,
    },
    nameless: { statuses: [0, 200, 400], reached: [0, 1], canary: 'perhaps', broken: true, smuggles: true },
  },
  node: {
    malformed: { statuses: [0, 400, 408, 413, 431, 505], reached: [0], canary: 'no', broken: true },
    methods: refused(400),
    'target-bytes': refused(400),
    'target-form': refused(400),
    'request-trailers': SERVED,
    'proxy-connection': LAST,
    'after-upgrade': LAST,
  },
}

function allowed(verdict: Verdict, engine: Engine): Allowed {
  if (verdict === 'served') return SERVED
  if (verdict === 'last') return LAST
  if (typeof verdict === 'number') {
    if (verdict < 400 || verdict === 403 || verdict === 404 || verdict === 405)
      return { ...refused(verdict), canary: 'perhaps' }
    return { ...refused(verdict), ...(verdict === 408 && { reached: [0, 1], broken: true }) }
  }
  const found = LIMITED[engine][verdict]
  if (found === undefined || !limited(engine, verdict)) throw new Error(`${verdict} is no limit of ${engine}`)
  return found
}

/** @returns what breaks the verdict, a sentence each. */
export function judge(one: HttpCase, verdict: Verdict, engine: Engine, outcome: Outcome): string[] {
  const { statuses, reached, canary, broken = false, smuggles = false } = allowed(verdict, engine)
  const { served, answers } = outcome
  const found: string[] = []
  const status = answers[0]?.status ?? 0
  if (outcome.hangs) found.push('it hangs')
  if (outcome.smuggled > 0 && !smuggles) found.push('what its body holds was taken for a request')
  if (!statuses.includes(status)) found.push(`it was answered ${status}, not ${statuses.join(' or ')}`)
  // An engine may say for itself what it thinks of bytes that nobody reads any more.
  const more = answers.slice(1).filter(({ to, problem }) => to !== undefined || problem)
  if (canary === 'no' && more.length > 0 && verdict !== 'pipelining')
    found.push(`${1 + more.length} answers came`)
  if (answers.some(({ whole }) => !whole)) found.push('an answer is not whole')
  if (typeof verdict === 'number' && verdict > 400 && !answers[0]?.problem)
    found.push('the answer is no problem of the gateway')
  const complete = served.filter((request) => request.complete)
  const times = canary === 'yes' ? served.length : broken ? complete.length : served.length
  if (!reached.includes(times) && !(canary === 'yes' && times > 1 && more.length === times))
    found.push(`it reached the origin ${times} times`)
  if (canary === 'yes' && outcome.canary !== 1) found.push('the request behind it was not served')
  if (canary === 'no' && outcome.canary !== 0) found.push('the request behind it was served')
  if (canary === 'no' && !outcome.closed) found.push('the connection was not closed')
  const [first] = served
  if (first !== undefined && !broken) found.push(...faults(one, first))
  return found
}

/** Whether a request behind a case that ends its connection, sent together with it, stayed unread. */
export function judgeTogether(verdict: Verdict, engine: Engine, outcome: Outcome): string[] {
  const { canary, smuggles = false } = allowed(verdict, engine)
  const found: string[] = []
  if (outcome.hangs) found.push('it hangs')
  if (outcome.smuggled > 0 && !smuggles) found.push('what its body holds was taken for a request')
  if (canary === 'no' && outcome.canary !== 0) found.push('the request behind it was served')
  if (canary === 'no' && !outcome.closed) found.push('the connection was not closed')
  return found.map((each) => `together with another: ${each}`)
}

/** Those that are sent together with another request as well: what ends its connection, and may be whole without it. */
export const isLast = (verdict: Verdict, { bytes }: HttpCase): boolean =>
  verdict !== 'served' && verdict !== 408 && typeof bytes === 'string'

/** What the gateway sets or adds itself, and what frames a body on one connection. */
const ADDED = /^(?:host|connection|content-length|transfer-encoding|forwarded|x-forwarded-.*|gw-.*)$/

/** What the origin got otherwise than it was sent. */
function faults({ bytes, body = '', has = [], lacks = [] }: HttpCase, got: StrictRequest): string[] {
  const found: string[] = []
  const untagged = (text: string): string => text.replaceAll(/c\d{4}/g, TAG)
  const fields = got.fields.map(([name, value]) => `${name}: ${value}`)
  if (!got.complete) found.push('the request is not complete')
  const text = untagged(got.body.toString('latin1'))
  if (text !== body) found.push(`its body is ${JSON.stringify(text.slice(0, 60))}`)
  for (const field of has) if (!fields.includes(field)) found.push(`it has no ${field}`)
  for (const name of lacks)
    if (fields.some((field) => field.startsWith(`${name}:`) || field === name)) found.push(`it has ${name}`)
  const [sent] = readStrictly(Buffer.from([bytes].flat().join(''), 'latin1')).requests
  if (sent === undefined) return found
  const target = sent.target.replace(/^https?:\/\/[^/]*/i, '').replace(`/t/${TUNNEL}`, '')
  if (got.method !== sent.method || untagged(got.target) !== target)
    found.push(`it is ${got.method} ${got.target}`)
  const given = sent.fields.map(([name, value]) => `${name}: ${value}`)
  for (const [name, value] of got.fields)
    if (!ADDED.test(name) && !given.includes(`${name}: ${value}`)) found.push(`it has ${name}: ${value}`)
  return found
}
