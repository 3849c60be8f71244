/** Where callers come in: each request is admitted, routed, and served by an exchange or by the gateway itself. */
import { assertNever, Problem } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import type { Logger } from '../../shared/log.js'
import type { Acceptor } from '../agents/accept.js'
import type { Dispatcher, Job } from '../agents/dispatch.js'
import type { Instance } from '../agents/instance.js'
import type { Api } from '../api/api.js'
import type { AccessLog } from './access-log.js'
import { admit } from './admit.js'
import { IGNORED, whenKnown } from './arrival.js'
import type { Failure } from './attempt.js'
import { Backlog } from './backlog.js'
import type { Deadlines } from './deadlines.js'
import type { Caller, EngineHandlers, RequestHead, Upgrade } from './engine.js'
import { Exchange } from './exchange.js'
import type { Asked, ExchangeHost, ExchangeSettings, Summary } from './exchange-host.js'
import type { Gate } from './gate.js'
import { problemReply, type Reply } from './reply.js'
import { RequestIds } from './request-id.js'
import { FAILED, FAILED_BODY } from './response-head.js'
import { type Route, type RouteSettings, route } from './routes.js'

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
  gate: Gate
  log: Logger
  now(): number
  /** Told what a handler of the gateway's own threw that is no `Problem`. */
  onError(error: unknown): void
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
    this.#arrive(caller)
  }

  upgrade(upgrade: Upgrade): void {
    this.#arrive(upgrade.caller, upgrade)
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

  #arrive(caller: Caller, upgrade?: Upgrade): void {
    const { head } = caller
    const requestId = this.#ids.take(getField(head.headers, 'gw-request-id'))
    const refuse = (error: unknown): void => this.#refuse(caller, error, requestId)
    try {
      const length = admit(head, this.settings.maxHead)
      const found = route(head, this.settings, upgrade !== undefined)
      whenKnown(caller, this.#parts.gate.pass(head, found), {
        known: (verdict) => {
          try {
            if (verdict.kind === 'answered') this.#answer(caller, requestId, verdict.reply)
            else this.#serve(caller, found, { length, requestId, upgrade, grant: verdict })
          } catch (error) {
            this.#refuse(caller, error, requestId, verdict.kind === 'grant' ? verdict.headers : [])
          }
        },
        refuse,
        left: () => this.#ids.give(requestId),
      })
    } catch (error) {
      refuse(error)
    }
  }

  #serve(caller: Caller, found: Route, arrived: Omit<Asked, 'route'>): void {
    const { upgrade, requestId } = arrived
    switch (found.kind) {
      case 'proxy': {
        if (this.#draining) throw new Problem('draining', 'the gateway is shutting down')
        const exchange = new Exchange(this, caller, { ...arrived, route: found })
        exchange.start()
        return
      }
      case 'links':
        caller.events = IGNORED
        if (upgrade === undefined) {
          throw new Problem('unsupported_protocol', 'agents connect here by WebSocket', {
            headers: ['upgrade', 'websocket', 'sec-websocket-protocol', 'gw.v1'],
          })
        }
        this.#parts.acceptor.accept(upgrade, arrived.grant.principal)
        this.#ids.give(requestId)
        return
      case 'api':
        this.#parts.api.serve(caller, found, arrived, {
          served: (served) => {
            this.#ids.give(requestId)
            this.#parts.access.answer(caller.head, requestId, served)
          },
          failed: (error) => this.#refuse(caller, error, requestId, arrived.grant.headers),
        })
        return
      case 'nothing':
        throw new Problem('not_found', 'nothing is served under this path')
      default:
        assertNever(found)
    }
  }

  #answer(caller: Caller, requestId: string, { head, body }: Reply): void {
    this.#ids.give(requestId)
    caller.events = IGNORED
    caller.respond({ ...head, headers: [...head.headers, 'gw-request-id', requestId] }, body)
    this.#parts.access.answer(caller.head, requestId, { status: head.status, bytes: body.length })
  }

  /** A request that never became an exchange. Where more of it may come its connection ends: nothing is parsed behind it. */
  #refuse(caller: Caller, error: unknown, requestId: string, headers: readonly string[] = []): void {
    this.#ids.give(requestId)
    caller.events = IGNORED
    if (!(error instanceof Problem)) {
      this.#parts.onError(error)
      caller.respond(FAILED, FAILED_BODY)
      return
    }
    const { head } = caller
    const { head: answer, body } = problemReply(error, requestId, head.headers, closes(head, error))
    caller.respond(
      headers.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...headers] },
      body,
    )
    this.#parts.access.refusal(head, requestId, error)
  }
}

/** A request without a body that was merely not found can be followed by another; an ambiguous one cannot. */
const closes = ({ headers }: RequestHead, problem: Problem): boolean =>
  problem.code === 'bad_request' ||
  problem.code === 'head_too_large' ||
  getField(headers, 'content-length') !== undefined ||
  getField(headers, 'transfer-encoding') !== undefined
