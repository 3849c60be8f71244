/** The gateway's own endpoints: a row of the table, its handler, and what becomes of what the handler says. */
import { Problem } from '../../shared/errors.js'
import { parseJson } from '../../shared/json-body.js'
import type { Endings } from '../access/endings.js'
import type { Principal } from '../access/principal.js'
import { type Caller, type CallerEvents, NO_EVENTS } from '../edge/engine.js'
import type { Asked } from '../edge/exchange-host.js'
import type { Reply } from '../edge/reply.js'
import type { Route } from '../edge/routes.js'
import type { API_ROUTES, ApiRouteName } from '../endpoints/table.js'
import { CallerLeft, readBody } from './body.js'
import type { ApiHandler, ApiRequest, SocketHandler, Streaming } from './request.js'

/** What an answer came to, for the access log. */
export interface Served {
  status: number
  /** Body bytes; 0 of a stream, which has only begun. */
  bytes: number
}

/** One handler for each row: a row without one does not compile, and what has no row cannot be served. */
export type ApiHandlers = {
  readonly [Name in ApiRouteName]: (typeof API_ROUTES)[Name] extends { socket: true }
    ? SocketHandler
    : ApiHandler
}

export interface ApiEvents {
  served(served: Served): void
  failed(error: unknown): void
}

/** Calls `ended` when the credential of that principal does. @returns what takes that back. */
export type WatchPrincipal = (principal: Principal, ended: () => void) => () => void

export class Api {
  readonly #handlers: ApiHandlers
  readonly #endings: Pick<Endings, 'alive' | 'watch'>
  readonly #settings: { readonly minUploadRate: number }

  /** `settings` are read at use. */
  constructor(
    handlers: ApiHandlers,
    endings: Pick<Endings, 'alive' | 'watch'>,
    settings: { readonly minUploadRate: number },
  ) {
    this.#handlers = handlers
    this.#endings = endings
    this.#settings = settings
  }

  /** Tells `outcome` once: within the call where the handler answers at once. */
  serve(
    caller: Caller,
    { match, query }: Extract<Route, { kind: 'api' }>,
    { requestId, length, admission, upgrade }: Omit<Asked, 'route'>,
    outcome: ApiEvents,
  ): void {
    const hasBody = length !== undefined && length !== 0
    caller.events = NO_EVENTS
    if (hasBody) caller.pause()
    const { principal } = admission
    const body = async (most?: number): Promise<Buffer> => {
      const read = hasBody ? await readBody(caller, most, this.#settings.minUploadRate) : Buffer.alloc(0)
      // A body takes as long as its sender likes, and what was asked is done only now.
      if (principal === undefined || this.#endings.alive(principal)) return read
      throw new Problem('unauthorized', 'the credential has ended')
    }
    const request: ApiRequest = {
      head: caller.head,
      requestId,
      params: match.params,
      query: new URLSearchParams(query),
      principal,
      caller,
      headers: ['gw-request-id', requestId, ...admission.headers],
      body,
      json: async (most) => parseJson(await body(most)),
    }
    const answer = (said: Reply | Streaming | undefined): void => {
      if (said === undefined) outcome.served({ status: 101, bytes: 0 })
      else if ('kind' in said) {
        if (said.lasting) this.#supervise(caller, request.principal)
        outcome.served({ status: said.status, bytes: 0 })
      } else outcome.served(send(caller, said, request.headers))
    }
    try {
      const handler = this.#handlers[match.name]
      // The table tells which of the two it is; a socket's row is only matched by a handshake.
      const said =
        upgrade === undefined
          ? (handler as ApiHandler)(request)
          : (handler as SocketHandler)(request, upgrade)
      if (!(said instanceof Promise)) answer(said as Reply | Streaming | undefined)
      else {
        said
          .then((later) => answer(later as Reply | Streaming | undefined))
          .catch((error: unknown) => fail(error, outcome))
      }
    } catch (error) {
      fail(error, outcome)
    }
  }

  /** A stream ends with the credential behind it. */
  #supervise(caller: Caller, principal: Principal | undefined): void {
    if (principal === undefined) return
    const { events } = caller
    const unwatch = this.#endings.watch(principal, () => {
      caller.cut()
      events.aborted()
    })
    caller.events = new Supervised(events, unwatch)
  }
}

/** The caller of a stream, who is told when it ends by itself. */
class Supervised implements CallerEvents {
  readonly #events: CallerEvents
  readonly #unwatch: () => void

  constructor(events: CallerEvents, unwatch: () => void) {
    this.#events = events
    this.#unwatch = unwatch
  }

  data(chunk: Buffer): void {
    this.#events.data(chunk)
  }

  end(): void {
    this.#events.end()
  }

  writable(): void {
    this.#events.writable()
  }

  aborted(): void {
    this.#unwatch()
    this.#events.aborted()
  }
}

function fail(error: unknown, outcome: ApiEvents): void {
  if (error instanceof CallerLeft) outcome.served({ status: 0, bytes: 0 })
  else outcome.failed(error)
}

function send(caller: Caller, { head, body }: Reply, headers: readonly string[]): Served {
  const length = Buffer.byteLength(body)
  const told = head.status === 304 ? undefined : length
  caller.respond({ ...head, headers: [...head.headers, ...headers], length: told }, body)
  return { status: head.status, bytes: caller.head.method === 'HEAD' ? 0 : length }
}
