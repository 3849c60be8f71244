/** Where callers come in: each request is admitted, routed, and served by an exchange or by the gateway itself. */
import { Problem } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import type { Logger } from '../../shared/log.js'
import type { Acceptor } from '../agents/accept.js'
import type { Dispatcher, Job } from '../agents/dispatch.js'
import type { Instance } from '../agents/instance.js'
import type { Api } from '../api/api.js'
import type { AccessLog } from './access-log.js'
import { admit } from './admit.js'
import type { Failure } from './attempt.js'
import { Backlog } from './backlog.js'
import type { Deadlines } from './deadlines.js'
import type { Caller, CallerEvents, EngineHandlers, RequestHead, Upgrade } from './engine.js'
import { Exchange } from './exchange.js'
import type { Asked, ExchangeHost, ExchangeSettings, Summary } from './exchange-host.js'
import { problemReply } from './reply.js'
import { RequestIds } from './request-id.js'
import { type RouteSettings, route } from './routes.js'

export interface EdgeSettings extends ExchangeSettings, RouteSettings {
  /** Bytes of a request head. */
  maxHead: number
}

export interface EdgeParts {
  settings: EdgeSettings
  dispatcher: Dispatcher
  deadlines: Deadlines
  acceptor: Acceptor
  api: Api
  access: AccessLog
  log: Logger
  now(): number
}

export class Edge implements EngineHandlers, ExchangeHost {
  readonly settings: EdgeSettings
  readonly deadlines: Deadlines
  readonly backlog = new Backlog()
  readonly now: () => number
  /** Moves to another instance so far. */
  retries = 0

  readonly #parts: EdgeParts
  readonly #ids = new RequestIds((id) => this.deadlines.some((one) => one.requestId === id))
  #draining = false
  #idle: (() => void) | undefined

  constructor(parts: EdgeParts) {
    this.#parts = parts
    this.settings = parts.settings
    this.deadlines = parts.deadlines
    this.now = parts.now
  }

  /** Exchanges in flight. */
  get inflight(): number {
    return this.deadlines.size
  }

  // From the engine.

  request(caller: Caller): void {
    const { head } = caller
    const requestId = this.#ids.take(getField(head.headers, 'gw-request-id'))
    try {
      this.#serve(caller, requestId)
    } catch (error) {
      this.#ids.give(requestId)
      if (!(error instanceof Problem)) throw error
      this.#refuse(caller, error, requestId)
    }
  }

  upgrade(upgrade: Upgrade): void {
    const { caller } = upgrade
    const { head } = caller
    const requestId = this.#ids.take(getField(head.headers, 'gw-request-id'))
    try {
      admit(head, this.settings.maxHead)
      const found = route(head, this.settings)
      if (found.kind === 'proxy') {
        this.#proxy(caller, { route: found, length: undefined, requestId, upgrade })
        return
      }
      if (found.kind !== 'links') throw new Problem('not_found', 'no WebSocket is served under this path')
      caller.events = IGNORED
      this.#parts.acceptor.accept(upgrade)
      this.#ids.give(requestId)
    } catch (error) {
      this.#ids.give(requestId)
      if (!(error instanceof Problem)) throw error
      this.#refuse(caller, error, requestId)
    }
  }

  // From exchanges.

  submit(job: Job): void {
    this.#parts.dispatcher.submit(job)
  }

  cancel(job: Job): void {
    this.#parts.dispatcher.cancel(job)
  }

  released(instance: Instance): void {
    this.#parts.dispatcher.released(instance)
  }

  moved(requestId: string, failure: Failure): void {
    this.retries++
    this.#parts.log.info('exchange moved to another instance', {
      request_id: requestId,
      code: failure.problem.code,
      reason: failure.problem.message,
    })
  }

  finished(exchange: Exchange, summary: Summary): void {
    this.#ids.give(summary.requestId)
    this.#parts.access.exchange(exchange.caller.head, summary)
    if (this.deadlines.size === 0) this.#idle?.()
  }

  // From the gateway.

  /** New requests are refused from now on. Resolves once no exchange is in flight. */
  drain(): Promise<void> {
    this.#draining = true
    if (this.deadlines.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle = resolve
    })
  }

  /** Cuts what is in flight. @returns how many exchanges that were. */
  destroy(): number {
    const cut = this.deadlines.size
    this.deadlines.destroy()
    return cut
  }

  #serve(caller: Caller, requestId: string): void {
    const { head } = caller
    const length = admit(head, this.settings.maxHead)
    const found = route(head, this.settings)
    switch (found.kind) {
      case 'proxy':
        this.#proxy(caller, { route: found, length, requestId })
        return
      case 'links':
        throw new Problem('unsupported_protocol', 'agents connect here by WebSocket', {
          headers: ['upgrade', 'websocket', 'sec-websocket-protocol', 'gw.v1'],
        })
      default:
        caller.events = IGNORED
        this.#parts.access.answer(head, requestId, this.#parts.api.serve(caller, found, requestId))
        this.#ids.give(requestId)
    }
  }

  #proxy(caller: Caller, asked: Asked): void {
    if (this.#draining) throw new Problem('draining', 'the gateway is shutting down')
    const exchange = new Exchange(this, caller, asked)
    exchange.start()
  }

  /** A request that never became an exchange. Its connection ends: nothing behind it is parsed. */
  #refuse(caller: Caller, problem: Problem, requestId: string): void {
    caller.events = IGNORED
    const { head } = caller
    const { head: answer, body } = problemReply(problem, requestId, head.headers, closes(head, problem))
    caller.respond(answer, body)
    this.#parts.access.refusal(head, requestId, problem)
  }
}

/** A request without a body that was merely not found can be followed by another; an ambiguous one cannot. */
const closes = ({ headers }: RequestHead, problem: Problem): boolean =>
  problem.code === 'bad_request' ||
  problem.code === 'head_too_large' ||
  getField(headers, 'content-length') !== undefined ||
  getField(headers, 'transfer-encoding') !== undefined

/** A body that nobody wants is read and dropped by the engine. */
const IGNORED: CallerEvents = { data() {}, end() {}, writable() {}, aborted() {} }
