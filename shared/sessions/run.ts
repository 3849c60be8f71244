/**
 * One run: queued → running → (cancelling) → done. Whatever happens, exactly one `done` is recorded. It pulls what
 * the runner yields, one after another, no faster than the log takes it.
 */
import { assertNever, Problem } from '../errors.js'
import { CANCEL_GRACE, MAX_OUTPUT } from './bounds.js'
import type { Clock } from './clock.js'
import type { DoneData, RecordedType } from './event.js'
import { InputQueue } from './input-queue.js'
import { RunFailure, type Runner, type RunRequest } from './runner.js'
import { type ExecuteBody, parseYield } from './schemas.js'

export type RunStatus = DoneData['status']

type State =
  | { readonly kind: 'queued' }
  | { readonly kind: 'running' }
  /** Told to stop; its time runs. */
  | { readonly kind: 'cancelling'; readonly forget: () => void }
  | { readonly kind: 'done' }

const RUNNING: State = { kind: 'running' }
const DONE: State = { kind: 'done' }

export interface RunHost {
  readonly clock: Clock
  /** As they are when the run begins. */
  facts(): RunFacts
  record(type: RecordedType, data: unknown, run: Run): void
  /** See `EventLog.room`. */
  room(): Promise<void> | undefined
  /** Its `done` is recorded. Exactly once. */
  over(run: Run, status: RunStatus, code: string | undefined): void
}

/** What the engine knows of a run beyond itself. */
export type RunFacts = Omit<
  RunRequest,
  'runId' | 'userInput' | 'context' | 'maxIterations' | 'signal' | 'input'
>

export class Run {
  readonly id: string
  readonly body: ExecuteBody
  readonly input = new InputQueue()
  readonly #host: RunHost
  readonly #abort = new AbortController()
  readonly #output: string[] = []
  #outputLength = 0
  #truncated = false
  #usage: Readonly<Record<string, unknown>> | undefined
  #steps: AsyncIterator<string> | undefined
  #state: State = { kind: 'queued' }

  constructor(id: string, body: ExecuteBody, host: RunHost) {
    this.id = id
    this.body = body
    this.#host = host
  }

  get state(): State['kind'] {
    return this.#state.kind
  }

  /** Does nothing where it has begun. */
  start(runner: Runner): void {
    if (this.#state.kind !== 'queued') return
    this.#state = RUNNING
    void this.#drive(runner)
  }

  /** Its signal fires; `done` is `cancelled`, at the latest after a grace. Idempotent. */
  cancel(reason: string): void {
    switch (this.#state.kind) {
      case 'queued':
        this.#finish('cancelled')
        return
      case 'running': {
        const forget = this.#host.clock.after(CANCEL_GRACE, () => {
          this.#finish('cancelled')
          void this.#leave()
        })
        this.#state = { kind: 'cancelling', forget }
        this.#stop(reason)
        return
      }
      case 'cancelling':
      case 'done':
        return
      default:
        assertNever(this.#state)
    }
  }

  /** Ends it now, without waiting for whoever runs it. `reason` where it failed by it. */
  end(status: 'cancelled' | 'failed', reason?: string): void {
    if (this.#state.kind === 'done') return
    this.#finish(
      this.#state.kind === 'cancelling' ? 'cancelled' : status,
      reason === undefined ? {} : { reason },
    )
    this.#stop(reason ?? 'the session is over')
    void this.#leave()
  }

  async #drive(runner: Runner): Promise<void> {
    try {
      this.#steps = runner.run(this.#request(this.#host.facts()))[Symbol.asyncIterator]()
      await this.#pull(this.#steps)
      if (this.#running) this.#finish('completed')
    } catch (error) {
      this.#fail(error)
    }
    // A generator that waited for something has settled now, and can be returned.
    await this.#leave()
    if (this.#state.kind === 'cancelling') this.#finish('cancelled')
  }

  /** Nothing more is pulled. Resolves once the runner has done what it does then. */
  async #leave(): Promise<void> {
    try {
      await this.#steps?.return?.()
    } catch {
      // What it says after its end concerns nobody.
    }
  }

  /** Until the run is over for us, or for the runner. */
  async #pull(steps: AsyncIterator<string>): Promise<void> {
    for (;;) {
      const step = await steps.next()
      if (step.done === true || !this.#running) return
      if (this.#take(step.value)) return
      const room = this.#host.room()
      if (room !== undefined) await room
      if (!this.#running) return
    }
  }

  /** @returns whether it was the last. */
  #take(line: string): boolean {
    const event = parseYield(line)
    if (event.type === 'done') {
      this.#usage = event.data.usage
      return true
    }
    if (event.type === 'text') this.#say(event.data.text)
    this.#host.record(event.type, event.data, this)
    return false
  }

  #say(text: string): void {
    const room = MAX_OUTPUT - this.#outputLength
    if (text.length > room) this.#truncated = true
    this.#output.push(text.slice(0, room))
    this.#outputLength += Math.min(text.length, room)
  }

  get #running(): boolean {
    return this.#state.kind === 'running'
  }

  #request(facts: RunFacts): RunRequest {
    const { user_input: userInput, context, max_iterations: maxIterations } = this.body
    const { signal } = this.#abort
    return { ...facts, runId: this.id, userInput, context, maxIterations, signal, input: this.input }
  }

  #fail(error: unknown): void {
    // After a cancel a runner may end as it likes.
    if (!this.#running) return
    const { code, message } = failureOf(error)
    this.#host.record('error', { code, message }, this)
    this.#finish('failed', { code })
    this.#stop(message)
  }

  #finish(status: RunStatus, why: { reason?: string; code?: string } = {}): void {
    if (this.#state.kind === 'done') return
    if (this.#state.kind === 'cancelling') this.#state.forget()
    this.#state = DONE
    this.input.end()
    const data: DoneData = {
      run_id: this.id,
      status,
      output: this.#output.join(''),
      ...(this.#truncated && { output_truncated: true }),
      ...(this.#usage !== undefined && { usage: this.#usage }),
      ...(why.reason !== undefined && { reason: why.reason }),
    }
    this.#host.record('done', data, this)
    this.#host.over(this, status, why.code ?? why.reason)
  }

  #stop(reason: string): void {
    this.input.end()
    this.#abort.abort(new DOMException(reason, 'AbortError'))
  }
}

function failureOf(error: unknown): { code: string; message: string } {
  if (error instanceof RunFailure || error instanceof Problem)
    return { code: error.code, message: error.message }
  return { code: 'agent_error', message: error instanceof Error ? error.message : String(error) }
}
