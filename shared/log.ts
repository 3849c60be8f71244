import { BEYOND_JSON, CONTROL, escaped } from './control-characters.js'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFormat = 'json' | 'pretty'

/** Facts beside the message. Undefined ones are left out; an `Error` is told by message and code. */
export type Fields = Readonly<Record<string, unknown>>

/** What is written where `--log-format` says nothing: lines for people on a terminal, else for programs. */
export const standardFormat = (): LogFormat => (process.stdout.isTTY === true ? 'pretty' : 'json')

export interface Logger {
  debug(msg: string, fields?: Fields): void
  info(msg: string, fields?: Fields): void
  warn(msg: string, fields?: Fields): void
  error(msg: string, fields?: Fields): void
  /** Written whatever the level: what a script waits for, such as the ready line. */
  notice(msg: string, fields?: Fields): void
  /** A line that the caller has made itself, without its end; it must hold no control character. */
  raw(line: string): void
  /** A logger to the same sink that adds `fields` to each event. */
  child(fields: Fields): Logger
  /** Takes effect for children too. */
  setLevel(level: LogLevel): void
  /** Hands over what is buffered. */
  flush(): void
}

export interface LoggerOptions {
  readonly level?: LogLevel
  readonly format?: LogFormat
  /** Only with `pretty`. */
  readonly color?: boolean
  /** Takes pieces of whole lines; standard output where it is not given. */
  readonly write?: (chunk: string) => void
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** As much as is worth one system call. */
const BATCH_CHARS = 16 * 1024

export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', format = 'json', color = false, now = Date.now } = options
  const sink = options.write === undefined ? standardOutput() : new Sink(options.write)
  const render = format === 'json' ? renderJson : (...event: Event) => renderPretty(color, ...event)
  return new SinkLogger({ sink, now, render, threshold: LOG_LEVELS.indexOf(level) }, {})
}

let standardSink: Sink | undefined

/** One for all loggers, as there is one standard output; what it holds at the end of the process is written then. */
function standardOutput(): Sink {
  if (standardSink === undefined) {
    const sink = new Sink((chunk) => void process.stdout.write(chunk))
    process.once('exit', () => sink.flush())
    standardSink = sink
  }
  return standardSink
}

type Event = readonly [time: number, level: LogLevel, msg: string, fields: Fields]

interface Shared {
  readonly sink: Sink
  readonly now: () => number
  readonly render: (...event: Event) => string
  threshold: number
}

class SinkLogger implements Logger {
  readonly #shared: Shared
  readonly #fields: Fields

  constructor(shared: Shared, fields: Fields) {
    this.#shared = shared
    this.#fields = fields
  }

  debug(msg: string, fields?: Fields): void {
    if (this.#shared.threshold <= 0) this.#event('debug', msg, fields)
  }

  info(msg: string, fields?: Fields): void {
    if (this.#shared.threshold <= 1) this.#event('info', msg, fields)
  }

  warn(msg: string, fields?: Fields): void {
    if (this.#shared.threshold <= 2) this.#event('warn', msg, fields)
  }

  error(msg: string, fields?: Fields): void {
    this.#event('error', msg, fields)
  }

  notice(msg: string, fields?: Fields): void {
    this.#event('info', msg, fields)
  }

  raw(line: string): void {
    this.#shared.sink.line(line)
  }

  child(fields: Fields): Logger {
    return new SinkLogger(this.#shared, { ...this.#fields, ...fields })
  }

  setLevel(level: LogLevel): void {
    this.#shared.threshold = LOG_LEVELS.indexOf(level)
  }

  flush(): void {
    this.#shared.sink.flush()
  }

  #event(level: LogLevel, msg: string, fields: Fields | undefined): void {
    const { sink, now, render } = this.#shared
    sink.line(render(now(), level, msg, fields === undefined ? this.#fields : { ...this.#fields, ...fields }))
  }
}

/** Lines of one turn of the loop go out together. */
class Sink {
  readonly #write: (chunk: string) => void
  #buffer = ''
  #scheduled = false

  constructor(write: (chunk: string) => void) {
    this.#write = write
  }

  line(line: string): void {
    this.#buffer += `${line}\n`
    if (this.#buffer.length >= BATCH_CHARS) this.flush()
    else if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.flush()
      })
    }
  }

  flush(): void {
    if (this.#buffer === '') return
    const chunk = this.#buffer
    this.#buffer = ''
    this.#write(chunk)
  }
}

function renderJson(time: number, level: LogLevel, msg: string, fields: Fields): string {
  let line = `{"time":"${new Date(time).toISOString()}","level":"${level}","msg":${json(msg)}`
  for (const key in fields) {
    if (fields[key] !== undefined) line += `,${json(key)}:${json(plain(fields[key]))}`
  }
  return `${line}}`
}

function json(value: unknown): string {
  return stringify(value).replace(BEYOND_JSON, escaped)
}

/** A value that JSON cannot hold must not take the event with it. */
function stringify(value: unknown): string {
  try {
    return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? 'null'
  } catch {
    return '"[not to be shown]"'
  }
}

/** Nothing of an error but what it says and its code: stacks are no lines, other members may hold secrets. */
function plain(value: unknown): unknown {
  if (!(value instanceof Error)) return value
  const code = 'code' in value ? value.code : undefined
  const [first] = value instanceof AggregateError ? value.errors : []
  const message = value.message || (first instanceof Error ? first.message : '') || value.name
  return code === undefined ? { message } : { message, code }
}

const COLORS = { debug: '\u001b[2m', info: '\u001b[32m', warn: '\u001b[33m', error: '\u001b[31m' } as const

function renderPretty(color: boolean, time: number, level: LogLevel, msg: string, fields: Fields): string {
  const word = level.toUpperCase().padEnd(5)
  let line = `${clock(time)} ${color ? `${COLORS[level]}${word}\u001b[0m` : word} ${msg.replace(CONTROL, escaped)}`
  for (const key in fields) {
    if (fields[key] !== undefined) line += ` ${key.replace(CONTROL, escaped)}=${bare(fields[key])}`
  }
  return line
}

function bare(value: unknown): string {
  if (value instanceof Error) {
    const { message, code } = plain(value) as { message: string; code?: unknown }
    return json(code === undefined || message.includes(String(code)) ? message : `${message} (${code})`)
  }
  return typeof value === 'string' && /^[^\s"=\\]+$/.test(value)
    ? value.replace(CONTROL, escaped)
    : json(value)
}

/** Local time of day, HH:MM:SS.mmm. */
function clock(time: number): string {
  const date = new Date(time)
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0')
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`
}
