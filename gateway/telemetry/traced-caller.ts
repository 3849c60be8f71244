/** A caller whose request goes on in a trace of the gateway's: the same, with another head. */
import type { Caller, CallerEvents, RequestHead, ResponseHead } from '../edge/engine.js'

export class TracedCaller implements Caller {
  readonly head: RequestHead
  readonly #caller: Caller

  constructor(caller: Caller, headers: string[]) {
    this.#caller = caller
    this.head = { ...caller.head, headers }
  }

  get events(): CallerEvents {
    return this.#caller.events
  }

  set events(events: CallerEvents) {
    this.#caller.events = events
  }

  pause(): void {
    this.#caller.pause()
  }

  resume(): void {
    this.#caller.resume()
  }

  respond(head: ResponseHead, body?: Uint8Array | string): void {
    this.#caller.respond(head, body)
  }

  start(head: ResponseHead): void {
    this.#caller.start(head)
  }

  write(chunk: Uint8Array): boolean {
    return this.#caller.write(chunk)
  }

  end(): void {
    this.#caller.end()
  }

  cut(): void {
    this.#caller.cut()
  }
}
