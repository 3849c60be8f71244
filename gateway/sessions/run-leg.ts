/** A run on one agent: its request and history go there as fast as they are taken, its lines come as they are read. */
import { assertNever, ProtocolError } from '../../shared/errors.js'
import { type Head, ResetCode, StreamKind } from '../../shared/frames.js'
import { MAX_EVENT } from '../../shared/sessions/bounds.js'
import { LineReader } from '../../shared/sessions/lines.js'
import {
  historyLine,
  RUN_TARGET,
  type RunMessage,
  readFailure,
  runLine,
} from '../../shared/sessions/run-messages.js'
import { RunFailure, type RunRequest } from '../../shared/sessions/runner.js'
import type { Stream } from '../../shared/stream.js'
import { NO_STREAM_EVENTS, type StreamEnd, type StreamEvents } from '../../shared/stream-events.js'
import type { Instance } from '../agents/instance.js'
import type { Link } from '../agents/link.js'

export type LegEnd =
  /** The agent said all it has. */
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly failure: RunFailure }
  /** Nothing reached a handler: another agent may have it. */
  | { readonly kind: 'moved' }
  /** The agent is gone in the middle. */
  | { readonly kind: 'lost'; readonly message: string }

export interface LegOwner {
  /** `take` or `outcome` has something new. */
  stirred(): void
  /** A place at the instance is free again. */
  released(instance: Instance): void
}

export class RunLeg implements StreamEvents {
  readonly instance: Instance
  readonly #link: Link
  readonly #stream: Stream
  readonly #owner: LegOwner
  readonly #reader = new LineReader(MAX_EVENT)
  readonly #history: Iterator<readonly string[]>
  /** In order of arrival; taken from `#next` on. */
  #lines: string[] = []
  #next = 0
  /** Bytes of the lines above that the agent has no credit for. */
  #unread = 0
  #begun = false
  #room: (() => void)[] = []
  #end: LegEnd | undefined
  #released = false

  /** Opens a stream on `instance`, which must be `free`. */
  constructor(instance: Instance, request: RunRequest, resumed: boolean, owner: LegOwner) {
    this.instance = instance
    this.#owner = owner
    const headers = ['content-type', 'application/x-ndjson']
    const open = {
      stream: StreamKind.run,
      method: 'POST',
      target: RUN_TARGET,
      headers,
      body: null,
      end: false,
    }
    const { stream, link } = instance.open(open, this)
    this.#stream = stream
    this.#link = link
    this.#history = request.history()[Symbol.iterator]()
    const { runId, session, userInput, context, maxIterations, turns } = request
    this.#write({
      type: 'run',
      run_id: runId,
      session,
      user_input: userInput,
      context,
      max_iterations: maxIterations,
      turns,
      resumed,
    })
    this.#ask()
  }

  /** How it ended, once every line was taken. */
  get outcome(): LegEnd | undefined {
    return this.#next < this.#lines.length ? undefined : this.#end
  }

  /** The next line, if it is there. Taking the last that is gives the agent credit for more. */
  take(): string | undefined {
    const line = this.#lines[this.#next]
    if (line === undefined) return undefined
    if (++this.#next === this.#lines.length) {
      this.#lines = []
      this.#next = 0
      this.#credit()
    }
    return line
  }

  /** Resolves when the agent takes more, or is gone. */
  async input(data: unknown): Promise<void> {
    if (this.#write({ type: 'input', data })) return
    await new Promise<void>((resolve) => this.#room.push(resolve))
  }

  cancel(reason: string): void {
    this.#write({ type: 'cancel', reason })
  }

  /** Nothing of it is wanted any more. Idempotent. */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.#stream.events = NO_STREAM_EVENTS
    if (this.#end?.kind === 'complete') this.#stream.end()
    else this.#stream.reset(ResetCode.cancelled, '')
    this.instance.inflight--
    this.#owner.released(this.instance)
    this.#wakeWriters()
  }

  // From the stream.

  head(head: Head): void {
    if (head.status < 200) return
    if (head.status !== 200) {
      this.#fail(`the agent answered a run with ${head.status}`)
      return
    }
    if (head.body !== null) this.#receive(head.body)
    if (head.end) this.end([])
  }

  data(chunk: Uint8Array): void {
    this.#unread += chunk.length
    this.#receive(chunk)
    if (this.#lines.length === 0) this.#credit()
  }

  end(trailers: readonly string[]): void {
    const failure = readFailure(trailers)
    if (failure !== undefined) this.#over({ kind: 'failed', failure })
    else if (this.#reader.inside) this.#fail('the agent ended a run inside a line')
    else this.#over({ kind: 'complete' })
  }

  drain(): void {
    this.#ask()
    this.#wakeWriters()
  }

  reset(end: StreamEnd): void {
    this.#link.errors++
    if (end.kind === 'lost') {
      this.#over(end.sent ? { kind: 'lost', message: end.message } : { kind: 'moved' })
      return
    }
    switch (end.code) {
      case ResetCode.refused:
        this.#over({ kind: 'moved' })
        return
      case ResetCode.cancelled:
      case ResetCode.unreachable:
      case ResetCode.failed:
      case ResetCode.timeout:
        this.#fail(end.message || 'the agent gave no reason')
        return
      default:
        assertNever(end.code)
    }
  }

  /** Sends what is left of the request, as long as it is taken. */
  #ask(): void {
    if (this.#begun) return
    try {
      for (;;) {
        const { done, value: events } = this.#history.next()
        if (done === true) break
        if (!this.#send(historyLine(events))) return
      }
    } catch (error) {
      this.#fail(`the history cannot be read: ${(error as Error).message}`)
    }
    this.#begun = true
    this.#write({ type: 'begin' })
  }

  #write(message: RunMessage): boolean {
    return this.#send(runLine(message))
  }

  #send(line: Buffer): boolean {
    if (this.#end !== undefined || this.#released) return true
    this.#link.bytesIn += line.length
    return this.#stream.write(line)
  }

  #receive(chunk: Uint8Array): void {
    this.#link.bytesOut += chunk.length
    if (this.#end !== undefined) return
    try {
      this.#lines.push(...this.#reader.push(chunk))
      this.#owner.stirred()
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#fail(`the agent yielded an event of more than ${MAX_EVENT} bytes`)
    }
  }

  #credit(): void {
    const bytes = this.#unread
    this.#unread = 0
    if (bytes > 0 && !this.#released) this.#stream.read(bytes)
  }

  #fail(message: string): void {
    this.#over({ kind: 'failed', failure: new RunFailure('agent_error', message) })
  }

  #over(end: LegEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#wakeWriters()
    this.#owner.stirred()
  }

  #wakeWriters(): void {
    for (const wake of this.#room.splice(0)) wake()
  }
}
