/** A recorded request once more, to the same handler: with a stream that no gateway opened. */
import { Problem } from '../../shared/errors.js'
import { type Head, isInterim, Kind, type Open, ResetCode, StreamKind } from '../../shared/frames.js'
import type { Again } from '../../shared/inspect/again.js'
import type { StreamEvents } from '../../shared/stream-events.js'
import type { AnswerStream } from '../exchange.js'

/** Longest wait for the answer's head, and for its end: nobody but the inspector reads it. */
const HEAD_TIMEOUT = 60_000
const LONGEST = 5 * 60_000
/** An answer that goes on for longer is told about while it still comes. */
const PATIENCE = 1000

/** @throws Problem `conflict` for what is more than a request and its answer. */
export function openOf({ method, target, headers, body }: Again, kind: StreamKind): Open {
  if (kind === StreamKind.websocket) throw new Problem('conflict', 'a WebSocket cannot be sent again')
  if (kind === StreamKind.run)
    throw new Problem('conflict', "a session's run cannot be sent again: start one at the gateway")
  const framed = body.length === 0 ? headers : [...headers, 'content-length', String(body.length)]
  return {
    kind: Kind.open,
    id: 0,
    stream: StreamKind.http,
    method,
    target,
    headers: framed,
    body: body.length === 0 ? null : body,
    end: true,
  }
}

/** Takes the answer as fast as it comes and drops it: what is kept of it is the recorder's affair. */
export class ReplayStream implements AnswerStream {
  /** Resolves once there is an answer: complete, failed, or begun a while ago. */
  readonly answered: Promise<void>
  readonly #ended: (stream: ReplayStream) => void
  #answer!: () => void
  #events: StreamEvents | undefined
  #timers: NodeJS.Timeout[] = []
  #over = false

  constructor(ended: (stream: ReplayStream) => void) {
    this.#ended = ended
    this.answered = new Promise((resolve) => {
      this.#answer = resolve
    })
  }

  /** `events`: what is told where nobody waits any more. */
  begin(events: StreamEvents): void {
    this.#events = events
    if (this.#over || this.#timers.length > 0) return
    this.#timers = [setTimeout(() => this.cut(ResetCode.timeout, 'the replay has no answer'), HEAD_TIMEOUT)]
  }

  cut(code: ResetCode, message: string): void {
    if (this.#over) return
    this.#end()
    this.#events?.reset({ kind: 'peer', code, message })
  }

  head({ status, end }: Omit<Head, 'kind' | 'id'>): void {
    if (isInterim(status)) return
    if (end) {
      this.#end()
      return
    }
    this.#clear()
    this.#timers = [
      setTimeout(this.#answer, PATIENCE),
      setTimeout(() => this.cut(ResetCode.cancelled, 'the replay takes too long'), LONGEST),
    ]
  }

  write(): boolean {
    return true
  }

  end(): void {
    this.#end()
  }

  reset(): void {
    this.#end()
  }

  read(): void {}

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#clear()
    this.#answer()
    this.#ended(this)
  }

  #clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }
}
