/** One exchange as the inspector keeps it: both heads, the beginning of both bodies, and when things happened. */

/** Bytes of each body that are kept. */
export const KEPT_BODY = 64 * 1024

/** The beginning of a body, and how long all of it is. */
export class KeptBody {
  bytes = 0
  #chunks: Buffer[] | undefined
  #kept = 0

  /** `chunk` is copied as far as it is kept. @returns how many bytes more are kept now. */
  add(chunk: Uint8Array): number {
    this.bytes += chunk.length
    const room = Math.min(KEPT_BODY - this.#kept, chunk.length)
    if (room <= 0) return 0
    const copy = Buffer.from(room === chunk.length ? chunk : chunk.subarray(0, room))
    if (this.#chunks === undefined) this.#chunks = [copy]
    else this.#chunks.push(copy)
    this.#kept += room
    return room
  }

  get kept(): number {
    return this.#kept
  }

  /** Less than the whole is here. */
  get truncated(): boolean {
    return this.#kept < this.bytes
  }

  content(): Buffer {
    if (this.#chunks === undefined) return Buffer.alloc(0)
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!
  }
}

/** Of a message without one. */
export const NO_BODY = new KeptBody()

export interface Recording {
  readonly requestId: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly method: string
  /** As asked for, telling query values masked. */
  readonly target: string
  /** What it went to: `forward`, `tunnel`, `host`; the upstream for an agent. */
  readonly route: string
  readonly remoteAddress: string
  /** Flat, redacted. */
  readonly requestHeaders: readonly string[]
  readonly requestBody: KeptBody
  readonly responseBody: KeptBody
  responseHeaders: readonly string[]
  /** Undefined until the head of the answer is there; 0 where the caller left before it. */
  status: number | undefined
  tunnelId: string | undefined
  /** What went wrong. */
  code: string | undefined
  /** Milliseconds from the start; undefined as long as it has not happened. */
  queued: number | undefined
  firstByte: number | undefined
  duration: number | undefined
  /** The exchange that it repeats. */
  readonly replayOf: string | undefined
}

/** What is kept of it beside its bodies, about. */
export const headBytes = ({ target, requestHeaders, responseHeaders }: Recording): number =>
  500 + target.length + fieldBytes(requestHeaders) + fieldBytes(responseHeaders)

/** What a head's fields add to it, about. */
export function fieldBytes(fields: readonly string[]): number {
  let sum = 0
  for (const text of fields) sum += text.length + 16
  return sum
}
