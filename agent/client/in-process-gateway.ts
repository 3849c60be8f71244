/** Sessions of this process, on the gateway's own engine and store: nothing is listened on, and nobody is dialled. */
import { fileURLToPath } from 'node:url'
import { LONGEST_TIMER_MS } from '../../shared/quantity.js'
import { Sessions } from '../../shared/sessions/engine.js'
import type { SessionEvent } from '../../shared/sessions/event.js'
import type { ExecuteFunction } from '../../shared/sessions/execution.js'
import { inProcessRunner } from '../../shared/sessions/in-process.js'
import type { SessionPrincipal } from '../../shared/sessions/session.js'
import { loadHandlers } from '../handlers/module.js'
import { closedError, errorOf, GatewayError } from './gateway-error.js'
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
import { creationBody, executionBody, filterQuery, idOf, pageOf, replyOf, sessionOf } from './wire.js'

export interface Executing {
  readonly execute?: ExecuteFunction | undefined
}

export interface InProcessGatewayOptions {
  /** A module that exports `execute`, by its file or itself. */
  readonly handlers: string | URL | Executing
  /** Where `sessions.db` lies, the same as a gateway's `--data-dir`; without it sessions end with this process. */
  readonly dataDir?: string | undefined
}

/** Whoever can read the store: what it makes is everybody's of a gateway without authentication, and an admin's. */
const WHO: SessionPrincipal = { id: 'none', admin: true }

/**
 * The same as `ExternalGateway`, without a server. The store is opened by the first call and belongs to this process
 * until `close`: that call fails with `conflict` where another has it, and with `store_unavailable` where there is
 * no SQLite.
 */
export class InProcessGateway implements SessionGateway {
  readonly #options: InProcessGatewayOptions
  #sessions: Promise<Sessions> | undefined
  #closed = false

  constructor(options: InProcessGatewayOptions) {
    this.#options = options
  }

  createSession(session: NewSession): Promise<Session> {
    return this.#use((sessions) => sessionOf(sessions.create(WHO, creationBody(session))))
  }

  getSession(session: SessionRef): Promise<Session> {
    return this.#use((sessions) => sessionOf(sessions.get(WHO, idOf(session))))
  }

  listSessions(filter: SessionFilter = {}): Promise<SessionPage> {
    return this.#use((sessions) => pageOf(sessions.list(WHO, filterQuery(filter))))
  }

  resumeSession(session: SessionRef): Promise<Session> {
    return this.getSession(session)
  }

  deleteSession(session: SessionRef): Promise<void> {
    return this.#use((sessions) => sessions.delete(WHO, idOf(session)))
  }

  async *execute(session: SessionRef, query: Query): AsyncGenerator<SessionEvent, void, undefined> {
    const { signal, detach = false } = query
    signal?.throwIfAborted()
    const id = idOf(session)
    const { sessions, runId, events } = await this.#use((sessions) => {
      const { runId, after } = sessions.execute(WHO, id, executionBody(query))
      return { sessions, runId, events: sessions.subscribe(WHO, id, { after, runId }) }
    })
    let over = false
    // A run keeps its process, as a connection would; the agent may wait for nothing but its caller.
    const alive = setInterval(() => {}, LONGEST_TIMER_MS)
    const aborted = (): void => events.close()
    signal?.addEventListener('abort', aborted)
    if (signal?.aborted) aborted()
    try {
      for await (const event of events) {
        signal?.throwIfAborted()
        over = event.type === 'done'
        yield event
      }
      signal?.throwIfAborted()
      if (!over) throw closedError()
    } finally {
      clearInterval(alive)
      signal?.removeEventListener('abort', aborted)
      if (!over && !detach && !this.#closed) cancel(sessions, id, runId)
    }
  }

  runQuery(session: SessionRef, query: Query): Promise<Reply> {
    return replyOf(this.execute(session, query))
  }

  cancel(session: SessionRef, runId: string): Promise<void> {
    return this.#use((sessions) => sessions.cancel(WHO, idOf(session), runId))
  }

  input(session: SessionRef, runId: string, data: unknown): Promise<void> {
    return this.#use((sessions) => sessions.input(WHO, idOf(session), runId, data))
  }

  /** What still runs fails as `interrupted`; the store is free. */
  async close(): Promise<void> {
    this.#closed = true
    // One that could not be opened has said so.
    const sessions = await this.#sessions?.catch(() => undefined)
    sessions?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #use<T>(work: (sessions: Sessions) => T): Promise<T> {
    if (this.#closed) throw closedError()
    try {
      const sessions = await this.#opened()
      if (this.#closed) throw closedError()
      return work(sessions)
    } catch (error) {
      throw errorOf(error)
    }
  }

  async #opened(): Promise<Sessions> {
    const opening = (this.#sessions ??= this.#open())
    try {
      return await opening
    } catch (error) {
      // The next call tries again: another process may have let the store go.
      if (this.#sessions === opening) this.#sessions = undefined
      throw error
    }
  }

  async #open(): Promise<Sessions> {
    const { handlers, dataDir } = this.#options
    const isFile = typeof handlers === 'string' || handlers instanceof URL
    const module = isFile ? await loaded(String(handlers)) : handlers
    return new Sessions({ runner: inProcessRunner(module.execute?.bind(module)), dataDir })
  }
}

async function loaded(file: string): Promise<Executing> {
  try {
    return await loadHandlers(file.startsWith('file:') ? fileURLToPath(file) : file)
  } catch (error) {
    throw new GatewayError('bad_handlers', (error as Error).message, { cause: error })
  }
}

/** Where it is over, or its session is, there is nothing to cancel. */
function cancel(sessions: Sessions, id: string, runId: string): void {
  try {
    sessions.cancel(WHO, id, runId)
  } catch (error) {
    if (!(errorOf(error) instanceof GatewayError)) throw error
  }
}
