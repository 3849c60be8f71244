import { COMMENT, COMMENT_EVERY, SERVER_SENT } from '../../shared/server-sent.js'
import type { Caller } from '../edge/engine.js'

/** An answer that is written as things happen, at its reader's pace: server-sent events, or lines. */
export class LiveAnswer {
  readonly #caller: Caller
  readonly #comments: NodeJS.Timeout | undefined
  #writable = true

  /** Sends the head. `headers`: fields beside those of every such answer. */
  constructor(caller: Caller, type: string, headers: readonly string[]) {
    this.#caller = caller
    // The last is for nginx, which would gather pieces until they are worth sending on.
    const fields = ['content-type', type, 'cache-control', 'no-store', 'x-accel-buffering', 'no']
    caller.start({ status: 200, headers: [...fields, ...headers] })
    if (type === SERVER_SENT)
      this.#comments = setInterval(() => this.#writable && this.write(COMMENT), COMMENT_EVERY)
  }

  /** False where the reader does not keep up, until `drained`. What is written then waits for it in memory. */
  get writable(): boolean {
    return this.#writable
  }

  /** The reader has caught up. */
  drained(): void {
    this.#writable = true
  }

  write(text: string): void {
    if (!this.#caller.write(Buffer.from(text))) this.#writable = false
  }

  /** The reader is gone. */
  stop(): void {
    clearInterval(this.#comments)
  }

  end(): void {
    this.stop()
    this.#caller.end()
  }

  /** The reader sees that something is missing. */
  cut(): void {
    this.stop()
    this.#caller.cut()
  }
}
