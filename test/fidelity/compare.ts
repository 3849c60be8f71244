/** What the documents say that gw adds, drops and leaves: all else must be as it is without it. */
import type { Way } from './caller.js'
import type { Message } from './message.js'
import type { Answer, Received } from './script.js'

export interface Seen {
  answers: Answer[]
  notes: readonly number[]
  requests: Received[]
}

/** A handshake's key is one of them: each hop makes its own. */
const HOP_BY_HOP =
  /^(?:connection|keep-alive|proxy-connection|proxy-authenticate|proxy-authorization|sec-websocket-key|te|trailer|transfer-encoding)$/
/** Naming these in Connection takes nothing away: routing and authority would change. */
const KEPT = /^(?:host|content-length|authorization|cookie|origin|forwarded|x-real-ip|x-forwarded-.*|gw-.*)$/
const FORWARDED = /^(?:forwarded|x-real-ip|x-forwarded-.*|gw-.*)$/
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const nameOf = (line: string): string => line.slice(0, line.indexOf(':'))
const textOf = (line: string): string => line.slice(line.indexOf(':') + 2)

/** Without what belongs to one connection; by name, values of one name in their order. */
function endToEnd(fields: readonly string[]): string[] {
  const named = fields
    .filter((line) => nameOf(line) === 'connection')
    .flatMap((line) => textOf(line).toLowerCase().split(','))
    .map((name) => name.trim())
    .filter((name) => !KEPT.test(name))
  return fields
    .filter((line) => !HOP_BY_HOP.test(nameOf(line)) && !named.includes(nameOf(line)))
    .map((line, at) => ({ line, at, name: nameOf(line) }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.at - b.at))
    .map(({ line }) => line)
}

/** Framing is a hop's own: a length may be told where none was, if it is true. */
function withoutLength(fields: string[], bytes: number): string[] {
  return fields.filter((line) => line !== `content-length: ${bytes}`)
}

/** Without what gw adds: its own fields, and the time where the origin did not tell it. */
const answered = (answer: Answer): Answer => ({
  ...answer,
  fields: endToEnd(answer.fields).filter(
    (line) => !/^(?:upgrade|gw-.*)$/.test(nameOf(line)) && !(nameOf(line) === 'date' && isNow(textOf(line))),
  ),
})

const isNow = (date: string): boolean => Math.abs(Date.parse(date) - Date.now()) < 60_000

/** The version is each hop's own, and an origin that no proxy is asked for gets its path alone (RFC 9112 §3.2). */
const originForm = (line: string): string =>
  line.replace(/ HTTP\/1\.0$/, ' HTTP/1.1').replace(/^(\S+) http:\/\/[^/]*/, '$1 ')

/** A request as it comes to the origin without a gateway, less what gw takes or sets itself. */
const expected = (request: Received): Received => ({
  ...request,
  line: originForm(request.line),
  fields: endToEnd(request.fields).filter(
    (line) => !FORWARDED.test(nameOf(line)) && !/^(?:expect|host|x-case)$/.test(nameOf(line)),
  ),
})

/** The same of one that came through it: what gw set is held against the way it went. */
function forwarded(request: Received, way: Way, origin: string, faults: string[]): Received {
  const set = new Map<string, string>()
  const fields = endToEnd(request.fields).filter((line) => {
    const name = nameOf(line)
    if (!FORWARDED.test(name) && name !== 'host') return name !== 'x-case'
    if (set.has(name)) faults.push(`${name} came twice`)
    set.set(name, textOf(line))
    return false
  })
  const id = set.get('gw-request-id') ?? ''
  if (!UUID.test(id)) faults.push(`gw-request-id is ${JSON.stringify(id)}`)
  const wanted = {
    host: origin,
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': way.host,
    'x-forwarded-port': /:(\d+)$/.exec(way.host)?.[1] ?? '80',
    ...(way.prefix !== '' && { 'x-forwarded-prefix': way.prefix }),
    forwarded: `for=127.0.0.1;host="${way.host}";proto=http`,
    'gw-request-id': id,
  }
  for (const name of new Set([...set.keys(), ...Object.keys(wanted)])) {
    const want = (wanted as Record<string, string>)[name]
    if (set.get(name) !== want) faults.push(`${name} is ${set.get(name)}, not ${want}`)
  }
  return { ...request, fields }
}

/** Fields that every answer through a tunnel has once. */
function marked(answer: Answer, tunnelId: string, faults: string[]): void {
  if (answer.status === '') return
  const ours = answer.fields.filter((line) => nameOf(line).startsWith('gw-'))
  const ids = ours.filter((line) => nameOf(line) === 'gw-request-id' && UUID.test(textOf(line)))
  if (ids.length !== 1) faults.push(`gw-request-id: ${ids.join()}`)
  const others = ours.filter((line) => !ids.includes(line))
  // A problem of the gateway's own names no tunnel.
  const isProblem = answer.fields.includes('content-type: application/problem+json')
  if (others.length !== (isProblem ? 0 : 1) || (!isProblem && others[0] !== `gw-tunnel-id: ${tunnelId}`))
    faults.push(`gateway fields: ${others.join()}`)
}

/** Of a request that was cut nobody can tell how much had come. */
export function received({ line, fields, bytes, hash, trailers, ending }: Message): Received {
  const whole = ending === 'complete'
  return {
    line,
    fields,
    trailers,
    bytes: whole ? bytes : 0,
    hash: whole ? hash : '',
    ending: whole ? ending : 'cut',
  }
}

export interface Comparison {
  wanted: Seen
  found: Seen
  /** What is wrong with the fields that gw sets. */
  faults: string[]
}

export interface Facts {
  way: Way
  /** The origin's own `host:port`. */
  origin: string
  tunnelId: string
  /** Methods of the requests in turn. */
  methods: readonly string[]
}

/** Both sides made comparable. */
export function compared(direct: Seen, through: Seen, facts: Facts): Comparison {
  const faults: string[] = []
  for (const answer of through.answers) marked(answer, facts.tunnelId, faults)
  const wanted = { ...direct, answers: direct.answers.map(answered), requests: direct.requests.map(expected) }
  const found = {
    ...through,
    answers: through.answers.map(answered),
    requests: through.requests.map((request) => forwarded(request, facts.way, facts.origin, faults)),
  }
  found.answers.forEach((answer, i) => {
    const told = wanted.answers[i]?.fields.some((line) => nameOf(line) === 'content-length')
    const bodyless = facts.methods[i] === 'HEAD' || /^[23]04/.test(answer.status)
    if (!told && !bodyless) answer.fields = withoutLength(answer.fields, answer.bytes)
  })
  found.requests.forEach((request, i) => {
    const told = wanted.requests[i]?.fields.some((line) => nameOf(line) === 'content-length')
    if (!told) request.fields = withoutLength(request.fields, request.bytes)
  })
  return { wanted, found, faults }
}
