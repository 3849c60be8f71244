/**
 * One line a request, without its query. Built by a template: a logger's serialiser costs 6 µs a line, this 0.5.
 */
import { isToken } from '../../shared/headers.js'
import type { LogFormat, Logger } from '../../shared/log.js'
import type { Ended, Witness } from './ended.js'
import type { RequestHead } from './engine.js'

export type AccessMode = 'on' | 'errors' | 'off'

export class AccessLog implements Witness {
  /** Of the lines from now on. */
  mode: AccessMode
  readonly #format: LogFormat
  readonly #log: Logger
  /** The last timestamp and its text: many lines share a millisecond. */
  #time = 0
  #stamp = ''

  constructor(mode: AccessMode, format: LogFormat, log: Logger) {
    this.mode = mode
    this.#format = format
    this.#log = log
  }

  ended(head: RequestHead, ended: Ended): void {
    // A link that opens is told of by itself, with its names.
    if (this.mode === 'off' || (ended.route === 'ws' && ended.status === 101)) return
    if (this.mode === 'errors' && ended.code === undefined && ended.status < 500) return
    const at = head.target.indexOf('?')
    const path = quoted(shown(at < 0 ? head.target : head.target.slice(0, at)))
    // Refused requests may have anything for a method.
    const method = isToken(head.method) ? head.method : quoted(head.method).slice(1, -1)
    const { requestId, route, status, code, tunnelId, bytesIn, bytesOut, moves } = ended
    const ms = Math.round(ended.duration * 100) / 100
    if (this.#format === 'pretty') {
      const failed = code === undefined ? '' : ` ${code}`
      const moved = moves === 0 ? '' : ` moves=${moves}`
      this.#log.raw(
        `${this.#now().slice(11, 23)} ${status} ${method} ${path} ${ms}ms ${tunnelId ?? '-'}${failed}${moved} ${requestId}`,
      )
      return
    }
    this.#log.raw(
      `{"time":"${this.#now()}","level":"info","msg":"request","request_id":"${requestId}","method":"${method}","path":${path},"status":${status},"route":"${route}"` +
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

/** Who reads a pairing code in the log could claim the credential before the device does. */
const shown = (path: string): string =>
  path.startsWith('/devices/pair/') ? path.replace(/^(\/devices\/pair)\/[^/]+/, '$1/*') : path

/** As JSON; what is not printable ASCII is escaped, so that a line stays a line. */
function quoted(text: string): string {
  if (/^[\x21\x23-\x5b\x5d-\x7e]*$/.test(text)) return `"${text}"`
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
