/**
 * One line a request, without its query. Built by a template: a logger's serialiser costs 6 µs a line, this 0.5.
 */
import type { Problem } from '../../shared/errors.js'
import { isToken } from '../../shared/headers.js'
import type { LogFormat, Logger } from '../../shared/log.js'
import type { Served } from '../api/api.js'
import type { RequestHead } from './engine.js'
import type { Summary } from './exchange-host.js'

/** What a line tells. */
type Line = Omit<Summary, 'via'> & { via: Summary['via'] | undefined }

/** Of a request that never was an exchange. */
const PLAIN = {
  via: undefined,
  code: undefined,
  tunnelId: undefined,
  bytesIn: 0,
  bytesOut: 0,
  duration: 0,
  moves: 0,
}

export type AccessMode = 'on' | 'errors' | 'off'

export class AccessLog {
  readonly #mode: AccessMode
  readonly #format: LogFormat
  readonly #log: Logger
  /** The last timestamp and its text: many lines share a millisecond. */
  #time = 0
  #stamp = ''

  constructor(mode: AccessMode, format: LogFormat, log: Logger) {
    this.#mode = mode
    this.#format = format
    this.#log = log
  }

  exchange(head: RequestHead, summary: Summary): void {
    if (
      this.#mode === 'off' ||
      (this.#mode === 'errors' && summary.code === undefined && summary.status < 500)
    )
      return
    this.#line(head, summary)
  }

  /** A request that was refused before it became an exchange. */
  refusal(head: RequestHead, requestId: string, { status, code }: Problem): void {
    if (this.#mode !== 'off') this.#line(head, { ...PLAIN, requestId, status, code })
  }

  /** A request that the gateway served itself. */
  answer(head: RequestHead, requestId: string, { status, bytes }: Served): void {
    if (this.#mode === 'on' || (this.#mode === 'errors' && status >= 500))
      this.#line(head, { ...PLAIN, requestId, status, bytesOut: bytes })
  }

  #line(head: RequestHead, summary: Line): void {
    const at = head.target.indexOf('?')
    const path = quoted(at < 0 ? head.target : head.target.slice(0, at))
    // Refused requests may have anything for a method.
    const method = isToken(head.method) ? head.method : quoted(head.method).slice(1, -1)
    const { requestId, via, status, code, tunnelId, bytesIn, bytesOut, moves } = summary
    const ms = Math.round(summary.duration * 100) / 100
    if (this.#format === 'pretty') {
      const failed = code === undefined ? '' : ` ${code}`
      const moved = moves === 0 ? '' : ` moves=${moves}`
      this.#log.raw(
        `${this.#now().slice(11, 23)} ${status} ${method} ${path} ${ms}ms ${tunnelId ?? '-'}${failed}${moved} ${requestId}`,
      )
      return
    }
    this.#log.raw(
      `{"time":"${this.#now()}","level":"info","msg":"request","request_id":"${requestId}","method":"${method}","path":${path},"status":${status}` +
        (via === undefined ? '' : `,"route":"${via}"`) +
        (tunnelId === undefined ? '' : `,"tunnel_id":"${tunnelId}"`) +
        (code === undefined ? '' : `,"code":"${code}"`) +
        `,"duration_ms":${ms},"bytes_in":${bytesIn},"bytes_out":${bytesOut}` +
        `${moves === 0 ? '' : `,"moves":${moves}`},"remote_address":"${head.remoteAddress}"}`,
    )
  }

  #now(): string {
    const time = Date.now()
    if (time !== this.#time) {
      this.#time = time
      this.#stamp = new Date(time).toISOString()
    }
    return this.#stamp
  }
}

/** As JSON; what is not printable ASCII is escaped, so that a line stays a line. */
function quoted(text: string): string {
  if (/^[\x21\x23-\x5b\x5d-\x7e]*$/.test(text)) return `"${text}"`
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
