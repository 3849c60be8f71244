/** Records what passes between callers and agents, by standing in front of the caller: the rest knows nothing of it. */
import { fieldBytes, KeptBody, NO_BODY, type Recording } from '../../shared/inspect/recording.js'
import { maskedTarget, type Redaction } from '../../shared/inspect/redact.js'
import type { Held, Ring } from '../../shared/inspect/ring.js'
import type { Ended, Witness } from '../edge/ended.js'
import type { Caller, CallerEvents, RequestHead, ResponseHead } from '../edge/engine.js'
import type { Watched, Watcher } from '../edge/watcher.js'

export class Recorder implements Witness, Watcher {
  readonly ring: Ring
  readonly #redaction: Redaction

  constructor(ring: Ring, redaction: Redaction) {
    this.ring = ring
    this.#redaction = redaction
  }

  watch(caller: Caller, { requestId, route, replayOf, length }: Watched): Caller {
    const { method, target, headers, remoteAddress } = caller.head
    const recording: Recording = {
      requestId,
      startedAt: Date.now(),
      method,
      target: maskedTarget(target),
      route,
      remoteAddress,
      requestHeaders: this.#redaction.fields(headers),
      requestBody: length === undefined ? NO_BODY : new KeptBody(),
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
    return new RecordedCaller(caller, this.ring.begin(recording), this.ring, this.#redaction)
  }

  knows(requestId: string): boolean {
    return this.ring.get(requestId) !== undefined
  }

  ended(_head: RequestHead, ended: Ended, caller?: Caller): void {
    if (!(caller instanceof RecordedCaller)) return
    const { recording } = caller.held
    recording.status = ended.status
    recording.code = ended.code
    recording.tunnelId = ended.tunnelId
    recording.queued = ended.queued
    recording.firstByte = ended.firstByte
    recording.duration = ended.duration
    this.ring.ended(caller.held)
  }
}

class RecordedCaller implements Caller {
  readonly head: RequestHead
  readonly held: Held
  readonly #caller: Caller
  readonly #ring: Ring
  readonly #redaction: Redaction

  constructor(caller: Caller, held: Held, ring: Ring, redaction: Redaction) {
    this.head = caller.head
    this.held = held
    this.#caller = caller
    this.#ring = ring
    this.#redaction = redaction
  }

  get events(): CallerEvents {
    return this.#caller.events
  }

  set events(events: CallerEvents) {
    const whole = this.held.recording.requestBody === NO_BODY
    this.#caller.events = whole ? events : new RecordedEvents(events, this.held, this.#ring)
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
    const { recording } = this.held
    recording.status = status
    recording.firstByte = Date.now() - recording.startedAt
    recording.responseHeaders = this.#redaction.fields(headers)
    this.#ring.grew(this.held, fieldBytes(headers))
  }

  #passed(chunk: Uint8Array): void {
    if (this.head.method === 'HEAD') return
    this.#ring.grew(this.held, this.held.recording.responseBody.add(chunk))
  }
}

/** Of a request with a body. */
class RecordedEvents implements CallerEvents {
  readonly #events: CallerEvents
  readonly #held: Held
  readonly #ring: Ring

  constructor(events: CallerEvents, held: Held, ring: Ring) {
    this.#events = events
    this.#held = held
    this.#ring = ring
  }

  data(chunk: Buffer): void {
    this.#ring.grew(this.#held, this.#held.recording.requestBody.add(chunk))
    this.#events.data(chunk)
  }

  end(): void {
    this.#events.end()
  }

  writable(): void {
    this.#events.writable()
  }

  aborted(): void {
    this.#events.aborted()
  }
}
