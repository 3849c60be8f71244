import net from 'node:net'
import {
  type Caller,
  type Engine,
  type EngineFactory,
  type EngineHandlers,
  type EngineOptions,
  NO_EVENTS,
  type Upgrade,
} from '../../gateway/edge/engine.js'
import { type EngineName, loadEngine } from '../../gateway/edge/engines.js'
import { createLogger } from '../../shared/log.js'

export { NO_EVENTS }

export interface Rig extends AsyncDisposable {
  engine: Engine
  port: number
  /** What `onError` was told. */
  errors: unknown[]
}

export type RigMaker = (
  request: (caller: Caller) => void,
  upgrade?: (upgrade: Upgrade) => void,
  options?: Partial<EngineOptions>,
) => Promise<Rig>

export const factoryOf = (name: EngineName): Promise<EngineFactory> => loadEngine(name, createLogger())

/** Makes engines of this name, each on a free port with the handlers of one test. */
export const rigOn =
  (name: EngineName): RigMaker =>
  async (request, upgrade = (each) => each.caller.respond({ status: 404, headers: [] }), options = {}) => {
    const create = await factoryOf(name)
    const errors: unknown[] = []
    const handlers: EngineHandlers = { request, upgrade }
    const engine = create(
      {
        host: '127.0.0.1',
        port: 0,
        maxMessage: 1 << 20,
        maxBackpressure: 8 << 20,
        onError: (error) => errors.push(error),
        ...options,
      },
      handlers,
    )
    const port = await engine.listen()
    return { engine, port, errors, [Symbol.asyncDispose]: () => engine.close() }
  }

/** A promise and its settling, to wait for an event. */
export class Signal<T = void> {
  readonly promise: Promise<T>
  fire!: (value: T) => void

  constructor() {
    this.promise = new Promise((resolve) => (this.fire = resolve))
  }
}

export interface RawResponse {
  status: number
  reason: string
  /** Flat list, names in lower case. */
  headers: string[]
  body: Buffer
  /** The framing said that the body is complete. */
  complete: boolean
  rest: Buffer
}

const LARGE = 256 * 1024

/** A caller that sends bytes and keeps what comes back. */
export class RawCaller {
  readonly socket: net.Socket
  readonly closed: Promise<void>
  private received: Buffer[] = []
  private total = 0
  private watcher: (() => void) | undefined

  constructor(port: number, host = '127.0.0.1') {
    this.socket = net.connect({ port, host })
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk) => {
      this.received.push(chunk)
      this.total += chunk.length
      this.watcher?.()
    })
    this.closed = new Promise((resolve) => this.socket.on('close', () => resolve()))
  }

  get bytes(): Buffer {
    if (this.received.length > 1) this.received = [Buffer.concat(this.received)]
    return this.received[0] ?? Buffer.alloc(0)
  }

  get length(): number {
    return this.total
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    return this
  }

  /** Everything until the connection ends. */
  async all(): Promise<string> {
    await this.closed
    return this.bytes.toString('latin1')
  }

  /** The first response in full, or what there is of it when the connection ends. */
  async response(method = 'GET'): Promise<RawResponse> {
    let open = true
    void this.closed.then(() => (open = false))
    for (;;) {
      // A large body is looked at again only where it may have ended: each look joins all of it.
      if (!open || this.total < LARGE || this.mayHaveEnded()) {
        const response = parseResponse(this.bytes, method)
        if (response?.complete || !open) return response ?? fail(this.bytes)
      }
      await Promise.race([new Promise<void>((resolve) => (this.watcher = resolve)), this.closed])
    }
  }

  private mayHaveEnded(): boolean {
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(this.received[0]!.toString('latin1', 0, 2000))?.[1]
    if (length !== undefined) return this.total >= Number(length)
    return this.received.at(-1)!.subarray(-4).equals(Buffer.from('\r\n\r\n'))
  }

  /** Forgets what was received. */
  clear(): void {
    this.received = []
    this.total = 0
  }
}

function fail(bytes: Buffer): never {
  throw new Error(`no response in ${JSON.stringify(bytes.toString('latin1'))}`)
}

/** The first response; `100 Continue` is none. */
export function parseResponse(bytes: Buffer, method = 'GET'): RawResponse | undefined {
  const at = bytes.indexOf('\r\n\r\n')
  if (at < 0) return undefined
  const [first, ...lines] = bytes.toString('latin1', 0, at).split('\r\n')
  const match = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(first!)
  if (match === null) throw new Error(`not a status line: ${first}`)
  const status = Number(match[1])
  if (status === 100) return parseResponse(bytes.subarray(at + 4), method)
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const response = {
    status,
    reason: match[2]!,
    headers,
    body: Buffer.alloc(0),
    complete: true,
    rest: bytes.subarray(at + 4),
  }
  if (method === 'HEAD' || status === 204 || status === 304 || status === 101) return response
  if (field(headers, 'transfer-encoding') === 'chunked') return { ...response, ...dechunk(response.rest) }
  const length = Number(field(headers, 'content-length'))
  return {
    ...response,
    body: response.rest.subarray(0, length),
    rest: response.rest.subarray(length),
    complete: response.rest.length >= length,
  }
}

function dechunk(bytes: Buffer): { body: Buffer; complete: boolean; rest: Buffer } {
  const chunks: Buffer[] = []
  let at = 0
  for (;;) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) break
    const line = bytes.toString('latin1', at, Math.min(end, at + 40))
    const size = Number.parseInt(line, 16)
    if (Number.isNaN(size)) throw new Error(`not the size of a chunk, at ${at}: ${JSON.stringify(line)}`)
    if (size > 0) chunks.push(bytes.subarray(end + 2, end + 2 + size))
    if (bytes.length < end + 4 + size) break
    at = end + 4 + size
    if (size === 0) return { body: Buffer.concat(chunks), complete: true, rest: bytes.subarray(at) }
  }
  return { body: Buffer.concat(chunks), complete: false, rest: bytes.subarray(at) }
}

/** The values of a field, joined as they would be read. */
export function field(headers: readonly string[], name: string): string | undefined {
  const values = headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === name)
  return values.length === 0 ? undefined : values.join(', ')
}
