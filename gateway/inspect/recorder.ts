/** Records what passes between callers and agents, by standing in front of the caller: the rest knows nothing of it. */
import { KeptBody, type Recording } from '../../shared/inspect/recording.js'
import { maskedTarget, type Redaction } from '../../shared/inspect/redact.js'
import type { Ring } from '../../shared/inspect/ring.js'
import type { Ended, Witness } from '../edge/ended.js'
import type { Caller, CallerEvents, RequestHead, ResponseHead } from '../edge/engine.js'

export interface Watched {
  requestId: string
  route: string
  /** The exchange that it repeats. */
  replayOf?: string | undefined
}

export class Recorder implements Witness {
  readonly ring: Ring
  readonly #redaction: Redaction
  /** Those that last. */
  readonly #open = new Map<string, Recording>()

  constructor(ring: Ring, redaction: Redaction) {
    this.ring = ring
    this.#redaction = redaction
  }

  /** @returns the caller to serve instead. */
  watch(caller: Caller, { requestId, route, replayOf }: Watched): Caller {
    const { method, target, headers, remoteAddress } = caller.head
    const recording: Recording = {
      requestId,
      startedAt: Date.now(),
      method,
      target: maskedTarget(target),
      route,
      remoteAddress,
      requestHeaders: this.#redaction.fields(headers),
      requestBody: new KeptBody(),
      responseHeaders: [],
      responseBody: new KeptBody(),
      status: undefined,
      tunnelId: undefined,
      code: undefined,
      queued: undefined,
      firstByte: undefined,
      duration: undefined,
      replayOf,
    }
    this.#open.set(requestId, recording)
    this.ring.begin(recording)
    return new RecordedCaller(caller, recording, this.ring, this.#redaction)
  }

  /** This request's id is taken by one that is kept. */
  knows(requestId: string): boolean {
    return this.ring.get(requestId) !== undefined
  }

  ended(_head: RequestHead, ended: Ended): void {
    const recording = this.#open.get(ended.requestId)
    if (recording === undefined) return
    this.#open.delete(ended.requestId)
    recording.status = ended.status
    recording.code = ended.code
    recording.tunnelId = ended.tunnelId
    recording.queued = ended.queued
    recording.firstByte = ended.firstByte
    recording.duration = ended.duration
    this.ring.ended(recording)
  }
}

class RecordedCaller implements Caller {
  readonly head: RequestHead
  readonly #caller: Caller
  readonly #recording: Recording
  readonly #ring: Ring
  readonly #redaction: Redaction

  constructor(caller: Caller, recording: Recording, ring: Ring, redaction: Redaction) {
    this.head = caller.head
    this.#caller = caller
    this.#recording = recording
    this.#ring = ring
    this.#redaction = redaction
  }

  get events(): CallerEvents {
    return this.#caller.events
  }

  set events(events: CallerEvents) {
    const recording = this.#recording
    const ring = this.#ring
    this.#caller.events = {
      data(chunk) {
        ring.grew(recording, recording.requestBody.add(chunk))
        events.data(chunk)
      },
      end: () => events.end(),
      writable: () => events.writable(),
      aborted: () => events.aborted(),
    }
  }

  pause(): void {
    this.#caller.pause()
  }

  resume(): void {
    this.#caller.resume()
  }

  respond(head: ResponseHead, body?: Uint8Array | string): void {
    this.#answered(head)
    if (body !== undefined) this.#passed(typeof body === 'string' ? Buffer.from(body) : body)
    this.#caller.respond(head, body)
  }

  start(head: ResponseHead): void {
    this.#answered(head)
    this.#caller.start(head)
  }

  write(chunk: Uint8Array): boolean {
    this.#passed(chunk)
    return this.#caller.write(chunk)
  }

  end(): void {
    this.#caller.end()
  }

  cut(): void {
    this.#caller.cut()
  }

  #answered({ status, headers }: ResponseHead): void {
    const recording = this.#recording
    recording.status = status
    recording.firstByte = Date.now() - recording.startedAt
    recording.responseHeaders = this.#redaction.fields(headers)
    this.#ring.grew(recording, headers.length * 16)
  }

  #passed(chunk: Uint8Array): void {
    if (this.head.method === 'HEAD') return
    this.#ring.grew(this.#recording, this.#recording.responseBody.add(chunk))
  }
}
