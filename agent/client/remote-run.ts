/**
 * One run at a gateway, followed over as many connections as it takes. It is started once: a request that was cut
 * before the gateway said anything is never sent again, but looked for among the session's events. In a session that
 * was idle the first event to come is the run's own; in another it cannot be told from those of the runs before it.
 */
import type { SessionEvent } from '../../shared/sessions/event.js'
import type { SessionBody } from '../../shared/sessions/session.js'
import { eventsOf } from './event-source.js'
import { closedError, GatewayError } from './gateway-error.js'
import { type GatewayHttp, neverLeft, unreachable } from './http.js'
import { Patience, type Retry } from './patience.js'
import type { Query } from './session-gateway.js'
import { tell } from './session-talk.js'
import { executionBody } from './wire.js'

/** Milliseconds for which who leaves waits until the run is cancelled. */
const CANCEL_TIME = 10_000
const STREAM = { accept: 'text/event-stream' }

type Start =
  /** Not sent, or refused. */
  | 'open'
  /** Sent, and cut before an answer: the gateway may have it. */
  | 'unknown'
  | 'taken'

interface Page {
  readonly events: readonly SessionEvent[]
  readonly last_seq: number
}

export class RemoteRun {
  readonly #http: GatewayHttp
  readonly #id: string
  readonly #query: Query
  readonly #patience: Patience
  readonly #abort = new AbortController()
  #start: Start = 'open'
  #runId: string | undefined
  /** Of the last event before the run, and of the last that was read. */
  #before = 0
  #after = 0
  /** No other run was in flight then. */
  #alone = false
  #opened = false
  /** Nobody who leaves has anything to cancel. */
  #over = false

  constructor(http: GatewayHttp, sessionId: string, query: Query, retry: Retry) {
    this.#http = http
    this.#id = sessionId
    this.#query = query
    this.#patience = new Patience(retry)
  }

  /** The run goes on by itself. */
  close(): void {
    this.#over = true
    this.#abort.abort(closedError())
  }

  async *events(): AsyncGenerator<SessionEvent, void, undefined> {
    const { signal } = this.#query
    const aborted = (): void => this.#abort.abort(signal?.reason)
    signal?.addEventListener('abort', aborted)
    if (signal?.aborted) aborted()
    try {
      await this.#stand()
      while (!this.#over) {
        try {
          for await (const events of this.#stream(this.#abort.signal))
            for (const event of events) {
              const shown = this.#take(event)
              this.#abort.signal.throwIfAborted()
              if (shown !== undefined) yield shown
              if (this.#over) return
            }
        } catch (error) {
          this.#abort.signal.throwIfAborted()
          if (!(error instanceof GatewayError) || this.#isFinal(error)) this.#over = true
          if (this.#over) throw error
          await this.#patience.wait(error as GatewayError, this.#abort.signal)
        }
      }
    } catch (error) {
      // Who gives up has lost the run, and leaves it alone.
      if (!this.#abort.signal.aborted) this.#over = true
      throw error
    } finally {
      signal?.removeEventListener('abort', aborted)
      if (!this.#over && this.#query.detach !== true) await this.#cancel()
    }
  }

  /** Where the session stands before it; also whether the gateway is there. */
  async #stand(): Promise<void> {
    const { signal } = this.#abort
    const path = `${this.#path}/events?limit=1&after=${Number.MAX_SAFE_INTEGER}`
    const [{ status }, { last_seq }] = await Promise.all([
      this.#http.json<SessionBody>({ path: this.#path, signal }),
      this.#http.json<Page>({ path, signal }),
    ])
    this.#alone = status === 'idle'
    this.#after = this.#before = last_seq
  }

  /** One connection: the events that came over it. Always ends with a throw, unless the run is over. */
  async *#stream(stop: AbortSignal): AsyncGenerator<readonly SessionEvent[], void, undefined> {
    const connection = new AbortController()
    const cut = (): void => connection.abort(stop.reason)
    stop.addEventListener('abort', cut)
    if (stop.aborted) cut()
    try {
      if (this.#start !== 'open' && this.#runId === undefined && !this.#alone) throw lost()
      if (this.#start === 'unknown') await this.#look(connection.signal)
      const response =
        this.#start === 'open' ? await this.#begin(connection.signal) : await this.#follow(connection.signal)
      yield* eventsOf(response.body!, connection, this.#patience.heard)
      throw new Error('the stream ended before the run')
    } catch (error) {
      throw error instanceof GatewayError ? error : unreachable(this.#http.address, error)
    } finally {
      stop.removeEventListener('abort', cut)
      connection.abort()
    }
  }

  async #begin(signal: AbortSignal): Promise<Response> {
    const body = executionBody(this.#query)
    this.#start = 'unknown'
    try {
      const path = `${this.#path}/execute`
      const response = await this.#http.open({ method: 'POST', path, body, headers: STREAM, signal })
      this.#start = 'taken'
      this.#runId = response.headers.get('gw-run-id') ?? undefined
      return response
    } catch (error) {
      if (error instanceof GatewayError && wasNotTaken(error)) this.#start = 'open'
      throw error
    }
  }

  #follow(signal: AbortSignal): Promise<Response> {
    return this.#http.open({ path: `${this.#path}/events?after=${this.#after}`, headers: STREAM, signal })
  }

  /** What the gateway has taken is there: its session runs, or its events are. */
  async #look(signal: AbortSignal): Promise<void> {
    const { status } = await this.#http.json<SessionBody>({ path: this.#path, signal })
    const path = `${this.#path}/events?limit=1&after=${this.#before}`
    const { events } = await this.#http.json<Page>({ path, signal })
    this.#runId = events[0]?.run_id
    this.#patience.heard()
    if (this.#runId !== undefined) this.#start = 'taken'
    else if (status === 'running') throw new Error('the gateway has not shown yet whether it took the run')
    else throw lost()
  }

  /** @returns what the caller is shown. */
  #take(event: SessionEvent): SessionEvent | undefined {
    const { type, seq = 0, run_id, data } = event
    if (type === 'session_info') {
      if (seq > this.#before && !this.#opened) this.#after = this.#before = seq
      // Again only where it tells that events were dropped.
      if (this.#opened && data.first_seq === undefined) return undefined
      this.#opened = true
      return { ...event, seq: Math.max(seq, this.#after) }
    }
    if (seq <= this.#after) return undefined
    this.#after = seq
    this.#patience.progressed()
    this.#runId ??= run_id
    if (run_id !== this.#runId) return undefined
    this.#over = type === 'done'
    return event
  }

  /** No other attempt would change it: a refusal, except by a gateway that is going. */
  #isFinal(error: GatewayError): boolean {
    return this.#start === 'open' && error.code !== 'draining' && !neverLeft(error)
  }

  /** Its own failures concern nobody: who left does not listen any more. */
  async #cancel(): Promise<void> {
    if (this.#start === 'open') return
    const limit = AbortSignal.timeout(CANCEL_TIME)
    try {
      if (this.#runId === undefined) await this.#identify(limit)
      if (this.#runId === undefined || this.#over) return
      await tell(this.#http.address, this.#id, { action: 'cancel', run_id: this.#runId }, limit)
    } catch {
      // The run, its session or the gateway is gone.
    }
  }

  async #identify(limit: AbortSignal): Promise<void> {
    for await (const events of this.#stream(limit)) {
      for (const event of events) this.#take(event)
      if (this.#runId !== undefined) return
    }
  }

  get #path(): string {
    return `/${encodeURIComponent(this.#id)}`
  }
}

/** The gateway said so, or never heard of it; what a proxy says of a gateway that fails tells nothing. */
function wasNotTaken(error: GatewayError): boolean {
  if (error.code === 'unexpected_answer') return error.status !== undefined && error.status < 500
  return error.code !== 'unreachable' || neverLeft(error)
}

const lost = (): GatewayError =>
  new GatewayError(
    'interrupted',
    'the connection went before the gateway named the run; whether it took it cannot be told, and it is not sent again',
  )
