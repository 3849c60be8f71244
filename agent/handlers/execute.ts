/** A session's run: what came of its stream is put together, `execute` is called, what it yields goes back as lines. */
import { assertNever, ProtocolError } from '../../shared/errors.js'
import { ResetCode } from '../../shared/frames.js'
import { MAX_ANSWERS, MAX_RUN_LINE, MAX_RUN_REQUEST } from '../../shared/sessions/bounds.js'
import type { SessionEvent } from '../../shared/sessions/event.js'
import { type ExecuteFunction, executionSession, linesOf } from '../../shared/sessions/execution.js'
import { InputQueue } from '../../shared/sessions/input-queue.js'
import { LineReader } from '../../shared/sessions/lines.js'
import { failureTrailers, type RunMessage, readRunMessage } from '../../shared/sessions/run-messages.js'
import { RunFailure } from '../../shared/sessions/runner.js'
import type { Exchange } from '../exchange.js'
import type { ExchangeEvents } from '../handler.js'
import { describeError } from '../text.js'

export function answerRun(exchange: Exchange, execute: ExecuteFunction): void {
  const run = new RunExchange(exchange, execute)
  exchange.events = run
  if (exchange.body !== null) run.data(exchange.body)
}

type Asked = Extract<RunMessage, { type: 'run' }>

type State =
  /** The request is coming in. */
  | { readonly kind: 'asking'; asked: Asked | undefined; readonly history: SessionEvent[]; bytes: number }
  | { readonly kind: 'running'; readonly lines: AsyncGenerator<string, void, undefined> }
  | { readonly kind: 'over' }

const OVER: State = { kind: 'over' }

class RunExchange implements ExchangeEvents {
  readonly #exchange: Exchange
  readonly #execute: ExecuteFunction
  readonly #reader = new LineReader(MAX_RUN_LINE)
  readonly #abort = new AbortController()
  readonly #input = new InputQueue(Number.POSITIVE_INFINITY, () => this.#giveCredit())
  #state: State = { kind: 'asking', asked: undefined, history: [], bytes: 0 }
  /** Bytes taken for which the gateway has no credit yet. */
  #unread = 0
  #drained: (() => void) | undefined

  constructor(exchange: Exchange, execute: ExecuteFunction) {
    this.#exchange = exchange
    this.#execute = execute
  }

  // From the exchange.

  data(chunk: Uint8Array): void {
    this.#unread += chunk.length
    for (const line of this.#reader.push(chunk)) this.#message(readRunMessage(line))
    if (this.#state.kind === 'asking' && (this.#state.bytes += chunk.length) > MAX_RUN_REQUEST)
      throw new ProtocolError(`a run's request has more than ${MAX_RUN_REQUEST} bytes`)
    this.#giveCredit()
  }

  end(): void {
    this.#stop('the gateway ended the run')
  }

  drain(): void {
    this.#drained?.()
    this.#drained = undefined
  }

  abort(reason: string): void {
    this.#stop(reason)
    this.drain()
  }

  #message(message: RunMessage): void {
    const state = this.#state
    switch (message.type) {
      case 'run':
        if (state.kind === 'asking') state.asked = message
        return
      case 'history':
        if (state.kind === 'asking') for (const event of message.events) state.history.push(event)
        return
      case 'begin':
        if (state.kind !== 'asking' || state.asked === undefined)
          throw new ProtocolError('a run begins after its request, once')
        this.#begin(state.asked, state.history)
        return
      case 'input':
        this.#input.push(message.data)
        return
      case 'cancel':
        this.#stop(message.reason)
        return
      default:
        assertNever(message)
    }
  }

  #begin(asked: Asked, history: readonly SessionEvent[]): void {
    const {
      run_id: runId,
      user_input: userInput,
      max_iterations: maxIterations,
      context,
      turns,
      resumed,
    } = asked
    const lines = linesOf(this.#execute, {
      runId,
      session: executionSession(asked.session),
      userInput,
      context,
      maxIterations,
      history,
      turns,
      resumed,
      signal: this.#abort.signal,
      input: this.#input,
    })
    this.#state = { kind: 'running', lines }
    this.#exchange.start(200, null, ['content-type', 'application/x-ndjson'])
    void this.#send(lines)
  }

  async #send(lines: AsyncGenerator<string, void, undefined>): Promise<void> {
    const exchange = this.#exchange
    let failure: RunFailure | undefined
    try {
      for await (const line of lines) {
        if (this.#abort.signal.aborted) break
        if (!exchange.write(Buffer.from(`${line}\n`))) await this.#room()
        if (this.#abort.signal.aborted) break
      }
    } catch (error) {
      failure = error instanceof RunFailure ? error : new RunFailure('agent_error', describeError(error))
    }
    this.#state = OVER
    this.#input.end()
    // Who stopped it knows why it ends.
    if (failure === undefined || this.#abort.signal.aborted) exchange.finish()
    else
      exchange.finish(failureTrailers(failure), {
        kind: 'failed',
        code: ResetCode.failed,
        message: `execute failed: ${failure.message}`,
      })
  }

  /** Resolves also when the gateway has gone. */
  #room(): Promise<void> {
    if (this.#exchange.done) return Promise.resolve()
    return new Promise((resolve) => (this.#drained = resolve))
  }

  /** A caller's inputs are taken no faster than the run reads them. */
  #giveCredit(): void {
    if (this.#unread === 0 || this.#input.size >= MAX_ANSWERS) return
    const bytes = this.#unread
    this.#unread = 0
    this.#exchange.read(bytes)
  }

  #stop(reason: string): void {
    this.#abort.abort(new DOMException(reason, 'AbortError'))
    this.#input.end()
    // What waits for room would wait for ever: nobody reads any more.
    this.drain()
  }
}
