/** Sessions at a gateway that runs elsewhere. */
import { randomUUID } from 'node:crypto'
import type { SessionEvent } from '../../shared/sessions/event.js'
import type { SessionBody } from '../../shared/sessions/session.js'
import { addressOf, type Credentials } from './address.js'
import { closedError, GatewayError } from './gateway-error.js'
import { type Ask, GatewayHttp, neverLeft } from './http.js'
import { DEFAULT_RETRY, type Retry } from './patience.js'
import { RemoteRun } from './remote-run.js'
import type {
  NewSession,
  Query,
  Reply,
  Session,
  SessionFilter,
  SessionGateway,
  SessionPage,
  SessionRef,
} from './session-gateway.js'
import { type Said, tell } from './session-talk.js'
import { creationBody, filterQuery, idOf, type ListBody, pageOf, replyOf, sessionOf } from './wire.js'

export interface ExternalGatewayOptions extends Credentials {
  /** How a run is come back to whose connection went; in milliseconds 250, up to 5000, for 60,000. */
  readonly retry?: Partial<Retry> | undefined
}

/**
 * The same as `InProcessGateway`, over HTTP. A call fails at once where the gateway cannot be reached; a run that has
 * begun is come back to, and each of its events delivered once.
 */
export class ExternalGateway implements SessionGateway {
  readonly #http: GatewayHttp
  readonly #retry: Retry
  readonly #runs = new Set<RemoteRun>()
  readonly #closing = new AbortController()

  /** `url`: `http:` or `https:`, with the path of the gateway behind a proxy. @throws TypeError */
  constructor(url: string | URL, options: ExternalGatewayOptions = {}) {
    this.#http = new GatewayHttp(addressOf(url, options))
    this.#retry = { ...DEFAULT_RETRY, ...options.retry }
  }

  async createSession(session: NewSession): Promise<Session> {
    const headers = { 'idempotency-key': randomUUID() }
    const body = creationBody(session)
    return sessionOf(await this.#ask<SessionBody>({ method: 'POST', path: '', body, headers }))
  }

  async getSession(session: SessionRef): Promise<Session> {
    return sessionOf(await this.#ask<SessionBody>({ path: pathOf(session) }))
  }

  async listSessions(filter: SessionFilter = {}): Promise<SessionPage> {
    const query = String(new URLSearchParams(filterQuery(filter)))
    return pageOf(await this.#ask<ListBody>({ path: query && `?${query}` }))
  }

  resumeSession(session: SessionRef): Promise<Session> {
    return this.getSession(session)
  }

  async deleteSession(session: SessionRef): Promise<void> {
    await this.#ask({ method: 'DELETE', path: pathOf(session) })
  }

  async *execute(session: SessionRef, query: Query): AsyncGenerator<SessionEvent, void, undefined> {
    this.#checkOpen()
    const run = new RemoteRun(this.#http, idOf(session), query, this.#retry)
    this.#runs.add(run)
    try {
      yield* run.events()
    } finally {
      this.#runs.delete(run)
    }
  }

  runQuery(session: SessionRef, query: Query): Promise<Reply> {
    return replyOf(this.execute(session, query))
  }

  cancel(session: SessionRef, runId: string): Promise<void> {
    return this.#tell(session, { action: 'cancel', run_id: runId })
  }

  input(session: SessionRef, runId: string, data: unknown): Promise<void> {
    return this.#tell(session, { action: 'input', run_id: runId, data })
  }

  /** Iterations end with `closed`; their runs go on. */
  async close(): Promise<void> {
    this.#closing.abort(closedError())
    for (const run of this.#runs) run.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What may be asked twice is, once, where a kept connection went as the request left. */
  async #ask<T>(asked: Omit<Ask, 'signal'>): Promise<T> {
    this.#checkOpen()
    const ask = { ...asked, signal: this.#closing.signal }
    try {
      return await this.#http.json<T>(ask)
    } catch (error) {
      const again = error instanceof GatewayError && error.code === 'unreachable' && !neverLeft(error)
      if (!again || ask.method === 'DELETE') throw error
      return this.#http.json<T>(ask)
    }
  }

  async #tell(session: SessionRef, said: Said): Promise<void> {
    this.#checkOpen()
    await tell(this.#http.address, idOf(session), said, this.#closing.signal)
  }

  #checkOpen(): void {
    this.#closing.signal.throwIfAborted()
  }
}

const pathOf = (session: SessionRef): string => `/${encodeURIComponent(idOf(session))}`
