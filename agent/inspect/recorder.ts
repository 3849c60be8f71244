/** Records what an agent serves, by standing between a stream and its exchange: neither knows of it. */
import { performance } from 'node:perf_hooks'
import { v7 as uuid } from 'uuid'
import { PROBLEMS, type ProblemCode } from '../../shared/errors.js'
import { type Head, isInterim, type Open, ResetCode, StreamKind } from '../../shared/frames.js'
import { getField } from '../../shared/headers.js'
import { fieldBytes, KeptBody, type Recording } from '../../shared/inspect/recording.js'
import { maskedTarget, type Redaction } from '../../shared/inspect/redact.js'
import type { Held, Ring } from '../../shared/inspect/ring.js'
import type { StreamEnd, StreamEvents } from '../../shared/stream-events.js'
import type { AnswerStream } from '../exchange.js'
import type { Accept } from '../serve.js'

/** What an agent keeps of an exchange. */
export interface AgentRecording extends Recording {
  readonly stream: StreamKind
}

export interface Recorded {
  recording: Recording
  /** What the stream is to tell instead. */
  events: StreamEvents
}

export interface RecordedFacts {
  tunnelId: string
  /** What it goes to, for people. */
  route: string
  /** The exchange that it repeats. */
  replayOf?: string | undefined
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export class Recorder {
  readonly ring: Ring
  readonly #redaction: Redaction

  constructor(ring: Ring, redaction: Redaction) {
    this.ring = ring
    this.#redaction = redaction
  }

  /** Lets `accept` serve the stream, and keeps what passes. */
  record(accept: Accept, stream: AnswerStream, open: Open, facts: RecordedFacts): Recorded {
    const { method, target, headers, body } = open
    const recording: AgentRecording = {
      stream: open.stream,
      requestId: this.#idOf(open),
      startedAt: Date.now(),
      method,
      target: maskedTarget(target),
      route: facts.route,
      // Of those whom a trusted proxy before the gateway names, the first is the caller.
      remoteAddress: getField(headers, 'x-forwarded-for')?.split(',')[0]?.trim() ?? '',
      requestHeaders: this.#redaction.fields(headers),
      requestBody: new KeptBody(),
      responseHeaders: [],
      responseBody: new KeptBody(),
      status: undefined,
      tunnelId: facts.tunnelId,
      code: undefined,
      // An agent has no queue: what it cannot serve at once it refuses.
      queued: 0,
      firstByte: undefined,
      duration: undefined,
      replayOf: facts.replayOf,
    }
    const place = { ring: this.ring, held: this.ring.begin(recording), redaction: this.#redaction }
    const recorded = new RecordedStream(stream, recording, place)
    if (body !== null) recorded.received(body)
    return { recording, events: new RecordedEvents(accept(recorded, open), recorded) }
  }

  /** The gateway's, under which the caller knows it; one of its own where that is taken, by a second attempt. */
  #idOf({ headers }: Open): string {
    const given = getField(headers, 'gw-request-id')?.toLowerCase() ?? ''
    return UUID.test(given) && this.ring.get(given) === undefined ? given : uuid()
  }
}

const CODES = {
  [ResetCode.cancelled]: 'aborted',
  [ResetCode.refused]: 'overloaded',
  [ResetCode.unreachable]: 'upstream_unreachable',
  [ResetCode.failed]: 'agent_error',
  [ResetCode.timeout]: 'response_timeout',
} as const satisfies Record<ResetCode, ProblemCode | 'aborted'>

interface Place {
  ring: Ring
  held: Held
  redaction: Redaction
}

/** The answer on its way out, and what becomes of the recording. */
class RecordedStream implements AnswerStream {
  readonly #stream: AnswerStream
  readonly #recording: AgentRecording
  readonly #place: Place
  readonly #began = performance.now()
  /** Messages of a WebSocket are counted, not kept. */
  #counted: boolean

  constructor(stream: AnswerStream, recording: AgentRecording, place: Place) {
    this.#stream = stream
    this.#recording = recording
    this.#place = place
    this.#counted = recording.stream === StreamKind.websocket
  }

  head(head: Omit<Head, 'kind' | 'id'>): void {
    // First: one that the link cannot carry throws, and is none.
    this.#stream.head(head)
    const { status, headers, body, end } = head
    if (isInterim(status)) return
    const recording = this.#recording
    recording.status = status
    recording.firstByte = this.#elapsed()
    const { ring, held, redaction } = this.#place
    recording.responseHeaders = redaction.fields(headers)
    this.#counted = status === 101
    ring.grew(held, fieldBytes(headers))
    if (body !== null) this.#sent(body)
    if (end) this.#over(undefined)
  }

  write(chunk: Uint8Array): boolean {
    this.#sent(chunk)
    return this.#stream.write(chunk)
  }

  end(trailers?: readonly string[]): void {
    this.#stream.end(trailers)
    this.#over(undefined)
  }

  reset(code: ResetCode, message: string): void {
    this.#stream.reset(code, message)
    this.#over(CODES[code])
  }

  read(bytes: number): void {
    this.#stream.read(bytes)
  }

  received(chunk: Uint8Array): void {
    this.#add(this.#recording.requestBody, chunk)
  }

  /** The other side ended it. */
  cut(reason: StreamEnd): void {
    if (reason.kind === 'lost') this.#over('agent_disconnected')
    else if (reason.code === ResetCode.timeout && this.#recording.status !== undefined)
      this.#over('idle_timeout')
    else this.#over(CODES[reason.code])
  }

  #sent(chunk: Uint8Array): void {
    if (this.#recording.method !== 'HEAD') this.#add(this.#recording.responseBody, chunk)
  }

  #add(body: KeptBody, chunk: Uint8Array): void {
    if (this.#counted) body.bytes += chunk.length
    this.#place.ring.grew(this.#place.held, this.#counted ? 0 : body.add(chunk))
  }

  /** The answer is complete, or there will be none, or no more of it. `code`: what went wrong. */
  #over(code: ProblemCode | 'aborted' | undefined): void {
    const recording = this.#recording
    if (recording.duration !== undefined) return
    recording.duration = this.#elapsed()
    recording.code = code
    // As the gateway tells it to the caller.
    if (code !== undefined) recording.status ??= code === 'aborted' ? 0 : PROBLEMS[code].status
    this.#place.ring.ended(this.#place.held)
  }

  #elapsed(): number {
    return performance.now() - this.#began
  }
}

/** The request on its way in. */
class RecordedEvents implements StreamEvents {
  readonly #events: StreamEvents
  readonly #recorded: RecordedStream

  constructor(events: StreamEvents, recorded: RecordedStream) {
    this.#events = events
    this.#recorded = recorded
  }

  head(head: Head): void {
    this.#events.head(head)
  }

  data(chunk: Uint8Array): void {
    this.#recorded.received(chunk)
    this.#events.data(chunk)
  }

  end(trailers: readonly string[]): void {
    this.#events.end(trailers)
  }

  drain(): void {
    this.#events.drain()
  }

  reset(reason: StreamEnd): void {
    this.#recorded.cut(reason)
    this.#events.reset(reason)
  }
}
