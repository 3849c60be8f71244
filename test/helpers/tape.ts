/** Owners of streams, for tests. */
import type { Open } from '../../shared/frames.js'
import type { Stream } from '../../shared/stream.js'
import type { StreamEvents } from '../../shared/stream-events.js'
import { Pair, type PairOptions } from './pair.js'

/** An owner that writes down what it is told, copies what it gets, and gives credit at once unless told not to. */
export class Tape implements StreamEvents {
  /** `head 200`, `data 5`, `end`, `drain`, `reset 1`, `lost sent`; inline bodies as `inline 5`. */
  readonly said: string[] = []
  readonly chunks: Buffer[] = []
  /** Bytes that came and were not yet given back with `read`. */
  held = 0
  stream: Stream | undefined
  /** Reads what comes at once. */
  eager = true
  on: Partial<StreamEvents> = {}

  constructor(stream?: Stream) {
    this.stream = stream
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }

  /** Gives back what is held, or some of it. */
  read(bytes = this.held): void {
    this.held -= bytes
    this.stream!.read(bytes)
  }

  head(head: Parameters<StreamEvents['head']>[0]): void {
    this.said.push(`head ${head.status}`)
    if (head.body !== null) this.chunks.push(Buffer.from(head.body))
    if (head.end) this.said.push('end')
    this.on.head?.(head)
  }

  data(chunk: Uint8Array): void {
    this.said.push(`data ${chunk.length}`)
    this.chunks.push(Buffer.from(chunk))
    this.held += chunk.length
    if (this.eager && this.stream !== undefined) this.read()
    this.on.data?.(chunk)
  }

  end(trailers: readonly string[]): void {
    this.said.push('end')
    this.on.end?.(trailers)
  }

  drain(): void {
    this.said.push('drain')
    this.on.drain?.()
  }

  reset(reason: Parameters<StreamEvents['reset']>[0]): void {
    this.said.push(
      reason.kind === 'peer'
        ? `reset ${reason.code} ${reason.message}`
        : `lost ${reason.sent ? 'sent' : 'unsent'}`,
    )
    this.on.reset?.(reason)
  }
}

const PATTERN = Buffer.from(Array.from({ length: 251 * 4096 }, (_, i) => i % 251))
/** Bytes that tell where in their stream they belong; up to a million. */
export const pattern = (offset: number, length: number) =>
  PATTERN.subarray(offset % 251, (offset % 251) + length)

/** A request without a body; spread and change what matters. */
export const GET = {
  stream: 1,
  method: 'GET',
  target: '/',
  headers: [],
  body: null,
  end: true,
} as const satisfies Omit<Open, 'kind' | 'id'>
export const POST = { ...GET, method: 'POST', end: false } as const
export const OK = { status: 200, reason: null, headers: [], body: null, end: false } as const

type Request = Omit<Open, 'kind' | 'id'>

/** A pair whose agent's streams are kept by id, and are answered by the test. */
export function link(options: PairOptions = {}) {
  const served: Tape[] = []
  const pair = new Pair({
    accept: (stream) => (served[stream.id] = new Tape(stream)),
    ...options,
  })
  const open = (request: Request = POST) => {
    const tape = new Tape()
    tape.stream = pair.gateway.mux.open(request, tape)
    return tape
  }
  return { pair, served, open }
}

/** A pair with one stream that was opened and has not left: its owners and its two ends. */
export function exchange(request: Request = POST, options: PairOptions = {}) {
  const server = new Tape()
  const { pair, open } = link({
    ...options,
    accept: (stream) => {
      // Only the first stream is of interest.
      server.stream ??= stream
      return server.stream === stream ? server : new Tape(stream)
    },
  })
  const caller = open(request)
  return { pair, caller, server, up: caller.stream!, down: () => server.stream! }
}
