/**
 * Requests as RFC 9112 reads them, with nothing let pass that it allows to be refused for safety: a lone LF, a folded
 * field, two lengths, a length beside a coding. What reaches an origin has to be one of these.
 */

export interface StrictRequest {
  readonly method: string
  readonly target: string
  /** `1.1` */
  readonly version: string
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly framing: 'none' | 'sized' | 'chunked'
  body: Buffer
  complete: boolean
  /** A chunk has an extension, or more digits than it needs. */
  unusual: boolean
  trailers: boolean
  /** A tab stands behind its length. */
  readonly tabbed: boolean
  /** Empty lines stand before its request line, or several spaces in it, which a server may let pass. */
  readonly loose: boolean
  /** Where its bytes begin, where its request line ends, and where it ends itself or the bytes do. */
  readonly from: number
  readonly line: number
  to: number
}

export interface Reading {
  readonly requests: StrictRequest[]
  /** Which rule the bytes break behind the requests, or in the last of them where that is not complete. */
  fault: string | undefined
  /** Nothing behind this is looked at. */
  end: number
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) +([\x21-\x7e\x80-\xff]+) +HTTP\/(\d\.\d)$/
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"'
const CHUNK = new RegExp(
  `^([0-9A-Fa-f]+)((?:[ \\t]*;[ \\t]*${TOKEN}(?:[ \\t]*=[ \\t]*(?:${TOKEN}|${QUOTED}))?)*)$`,
)

/** Faults that uWebSockets.js does not see: it takes the one for the end of the fields, and trims the other away. */
export const NAMELESS = 'a field has no name'
export const EDGES = 'a framing field begins or ends beyond ASCII'
/** Bytes at the ends of a value that are not ASCII. */
export const hasEdges = (value: string): boolean => /^[\x80-\xff]|[\x80-\xff]$/.test(value)

class Fault extends Error {}
/** The bytes end before what is read does. */
class Short extends Error {}

export function readStrictly(bytes: Buffer): Reading {
  const text = bytes.toString('latin1')
  const reading: Reading = { requests: [], fault: undefined, end: bytes.length }
  let at = 0
  try {
    for (;;) {
      const request = readHead(text, at)
      if (request === undefined) break
      reading.requests.push(request)
      try {
        readBody(text, bytes, request)
      } finally {
        at = request.to
      }
      if (isLast(request)) {
        reading.end = at
        break
      }
    }
  } catch (error) {
    if (error instanceof Fault) reading.fault = error.message
    else if (!(error instanceof Short)) throw error
  }
  return reading
}

/** Up to the next CRLF. */
function lineAt(text: string, at: number): string {
  const end = text.indexOf('\r\n', at)
  const line = text.slice(at, end < 0 ? undefined : end)
  const odd = /[\r\n\0]/.exec(end < 0 && line.endsWith('\r') ? line.slice(0, -1) : line)
  if (odd !== null) throw new Fault('a line has a lone CR, LF or NUL')
  if (end < 0) throw new Short()
  return line
}

function readHead(text: string, from: number): StrictRequest | undefined {
  let at = from
  // Empty lines in front of a request line are ignored (§2.2), however they are written.
  while (text[at] === '\r' || text[at] === '\n') at++
  if (at === text.length) return undefined
  const begin = at
  const first = lineAt(text, at)
  const match = REQUEST_LINE.exec(first)
  if (match === null) throw new Fault('the request line is none')
  const [, method, target, version] = match as unknown as [string, string, string, string]
  if (!version.startsWith('1.')) throw new Fault(`version ${version}`)
  at += first.length + 2
  const line = at
  const fields: [string, string][] = []
  for (;;) {
    const next = lineAt(text, at)
    at += next.length + 2
    if (next === '') break
    const field = FIELD.exec(next)
    if (next.startsWith(':')) throw new Fault(NAMELESS)
    if (field === null) throw new Fault('a field line is none')
    fields.push([field[1]!.toLowerCase(), field[2]!])
  }
  const framing = framingOf(fields, version)
  return {
    method,
    target,
    version,
    fields,
    framing,
    body: Buffer.alloc(0),
    complete: false,
    unusual: false,
    trailers: false,
    tabbed: /\ncontent-length:[^\r]*\t\r/i.test(text.slice(from, at)),
    loose: begin > from || first.includes('  '),
    from,
    line,
    to: at,
  }
}

export const valuesOf = ({ fields }: Pick<StrictRequest, 'fields'>, name: string): string[] =>
  fields.filter((field) => field[0] === name).map(([, value]) => value)

function framingOf(fields: [string, string][], version: string): StrictRequest['framing'] {
  const lengths = valuesOf({ fields }, 'content-length')
  const codings = valuesOf({ fields }, 'transfer-encoding')
  const hosts = valuesOf({ fields }, 'host')
  if (hosts.length > 1 || (hosts.length === 0 && version !== '1.0')) throw new Fault('Host is not there once')
  if ([...lengths, ...codings].some(hasEdges)) throw new Fault(EDGES)
  if (codings.length > 0) {
    if (version === '1.0') throw new Fault('HTTP/1.0 has no codings')
    if (lengths.length > 0) throw new Fault('a length beside a coding')
    if (codings.length > 1 || codings[0]!.toLowerCase() !== 'chunked')
      throw new Fault('a coding other than chunked')
    return 'chunked'
  }
  if (lengths.length > 1) throw new Fault('several lengths')
  if (lengths.length === 0) return 'none'
  if (!/^\d+$/.test(lengths[0]!) || !Number.isSafeInteger(Number(lengths[0])))
    throw new Fault('a length that is none')
  return 'sized'
}

function readBody(text: string, bytes: Buffer, request: StrictRequest): void {
  if (request.framing === 'chunked') readChunks(text, bytes, request)
  else if (request.framing === 'sized') {
    const length = Number(valuesOf(request, 'content-length')[0])
    request.body = bytes.subarray(request.to, request.to + length)
    request.to += request.body.length
    if (request.body.length < length) throw new Short()
  }
  request.complete = true
}

function readChunks(text: string, bytes: Buffer, request: StrictRequest): void {
  const body: Buffer[] = []
  for (;;) {
    const line = lineAt(text, request.to)
    const match = CHUNK.exec(line)
    if (match === null) throw new Fault('a chunk size that is none')
    const size = Number.parseInt(match[1]!, 16)
    if (!Number.isSafeInteger(size)) throw new Fault('a chunk that is too large')
    request.unusual ||= match[2] !== '' || match[1]!.length > 8
    request.to += line.length + 2
    if (size === 0) break
    const piece = bytes.subarray(request.to, request.to + size)
    body.push(piece)
    request.body = Buffer.concat(body)
    request.to += piece.length
    if (piece.length < size) throw new Short()
    const behind = text.slice(request.to, request.to + 2)
    if (!'\r\n'.startsWith(behind)) throw new Fault('no line end behind a chunk')
    if (behind.length < 2) throw new Short()
    request.to += 2
  }
  for (;;) {
    const line = lineAt(text, request.to)
    request.to += line.length + 2
    if (line === '') return
    request.trailers = true
    const name = FIELD.exec(line)?.[1]?.toLowerCase()
    if (name === undefined || /^(?:content-length|transfer-encoding|host)$/.test(name))
      throw new Fault('a trailer that is none')
  }
}

/** Nothing behind it may be served (§9.6). */
function isLast(request: StrictRequest): boolean {
  const options = valuesOf(request, 'connection')
    .join()
    .split(',')
    .map((each) => each.trim().toLowerCase())
  return options.includes('close') || (request.version === '1.0' && !options.includes('keep-alive'))
}
