/** Where callers come in: each request is admitted, routed, and served by an exchange or by the gateway itself. */
import { assertNever, Problem } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import type { Logger } from '../../shared/log.js'
import type { Acceptor } from '../agents/accept.js'
import type { Dispatcher, Job } from '../agents/dispatch.js'
import type { Instance } from '../agents/instance.js'
import type { Api } from '../api/api.js'
import { admit } from './admit.js'
import { whenKnown } from './arrival.js'
import type { Failure } from './attempt.js'
import { Backlog } from './backlog.js'
import type { Deadlines } from './deadlines.js'
import { type Ended, labelOf, type Witness } from './ended.js'
import { type Caller, type EngineHandlers, NO_EVENTS, type RequestHead, type Upgrade } from './engine.js'
import { Exchange } from './exchange.js'
import type { Asked, ExchangeHost, ExchangeSettings } from './exchange-host.js'
import type { Admission, Gate, Pass } from './gate.js'
import type { InternalCaller } from './internal-caller.js'
import { answer, LEFT, refuse, type Said } from './refusal.js'
import { RequestIds } from './request-id.js'
import { aimed, type Route, type RouteSettings, route } from './routes.js'
import type { Watcher } from './watcher.js'

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
  /** Told how each request ended. */
  witness: Witness
  gate: Gate
  /** Sees exchanges pass. */
  watcher: Watcher | undefined
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

  readonly #parts: EdgeParts
  readonly #ids = new RequestIds(
    (id) => this.deadlines.some((one) => one.requestId === id),
    (id) => this.#parts.watcher?.knows?.(id) === true,
  )
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
    this.#arrive(caller, this.#ask)
  }

  upgrade(upgrade: Upgrade): void {
    this.#arrive(upgrade.caller, this.#ask, upgrade)
  }

  /** A request of the gateway's own, which `pass` judges. @returns its id. */
  inside(caller: InternalCaller, pass: Pass, replay?: Replay): string {
    const requestId = this.#arrive(caller, pass, undefined, replay)
    caller.send()
    return requestId
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

  alive(admission: Admission): boolean {
    return this.#parts.gate.alive(admission)
  }

  moved(requestId: string, failure: Failure): void {
    this.#parts.witness.moved?.(requestId, failure)
    this.#parts.log.info('exchange moved to another instance', {
      request_id: requestId,
      code: failure.problem.code,
      reason: failure.problem.message,
    })
  }

  finished(exchange: Exchange, ended: Ended): void {
    this.#ids.give(ended.requestId)
    this.#parts.witness.ended(exchange.caller.head, ended, exchange.caller)
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

  readonly #ask: Pass = (head, wanted) => this.#parts.gate.pass(head, wanted)

  #arrive(caller: Caller, pass: Pass, upgrade?: Upgrade, replay?: Replay): string {
    const { head } = caller
    const requestId = this.#ids.take(getField(head.headers, 'gw-request-id'))
    const startedAt = this.now()
    let found: Route | undefined
    const fail = (error: unknown, headers: readonly string[] = []): void => {
      const said = refuse(caller, error, requestId, headers, this.#parts.onError)
      this.#told(head, found, { requestId, startedAt }, said)
    }
    try {
      const length = admit(head, this.settings.maxHead)
      const wanted = aimed(route(head, this.settings, upgrade !== undefined), replay?.tunnelId)
      found = wanted
      whenKnown(caller, pass(head, wanted), {
        known: (verdict) => {
          try {
            if (verdict.kind === 'admitted') {
              const replayOf = replay?.of
              const asked = { length, requestId, startedAt, upgrade, admission: verdict, replayOf }
              this.#serve(caller, wanted, asked, fail)
            } else
              this.#told(head, wanted, { requestId, startedAt }, answer(caller, requestId, verdict.reply))
          } catch (error) {
            fail(error, verdict.kind === 'admitted' ? verdict.headers : [])
          }
        },
        refuse: fail,
        left: () => this.#told(head, wanted, { requestId, startedAt }, LEFT),
      })
    } catch (error) {
      fail(error)
    }
    return requestId
  }

  #serve(
    caller: Caller,
    found: Route,
    asked: Omit<Asked, 'route'>,
    fail: (error: unknown, headers: readonly string[]) => void,
  ): void {
    switch (found.kind) {
      case 'proxy': {
        if (this.#draining) throw new Problem('draining', 'the gateway is shutting down')
        // By name, and not by a spread: this is the way of every request.
        const { length, requestId, startedAt, upgrade, admission, replayOf } = asked
        const seen =
          this.#parts.watcher?.watch(caller, { requestId, route: found.via, length, replayOf }) ?? caller
        const all = { route: found, length, requestId, startedAt, upgrade, admission, replayOf }
        new Exchange(this, seen, all).start()
        return
      }
      case 'links':
        caller.events = NO_EVENTS
        if (asked.upgrade === undefined) {
          throw new Problem('unsupported_protocol', 'agents connect here by WebSocket', {
            headers: ['upgrade', 'websocket', 'sec-websocket-protocol', 'gw.v1'],
          })
        }
        if (asked.admission.principal === undefined)
          throw new Problem('unauthorized', 'links need a credential')
        this.#parts.acceptor.accept(asked.upgrade, asked.admission.principal)
        this.#told(caller.head, found, asked, { status: 101, bytes: 0 })
        return
      case 'api':
        this.#parts.api.serve(caller, found, asked, {
          served: (served) => this.#told(caller.head, found, asked, served),
          failed: (error) => fail(error, asked.admission.headers),
        })
        return
      case 'nothing':
        throw found.problem
      default:
        assertNever(found)
    }
  }

  /** A request that was no exchange has its answer. */
  #told(
    head: RequestHead,
    found: Route | undefined,
    { requestId, startedAt }: Pick<Asked, 'requestId' | 'startedAt'>,
    { status, bytes, code }: Said,
  ): void {
    this.#ids.give(requestId)
    const duration = this.now() - startedAt
    this.#parts.witness.ended(head, {
      requestId,
      route: labelOf(found, head),
      status,
      code,
      tunnelId: undefined,
      bytesIn: 0,
      bytesOut: bytes,
      duration,
      queued: undefined,
      firstByte: status === 0 ? undefined : duration,
      moves: 0,
    })
  }
}

/** An exchange that is sent again, to the tunnel that served it. */
export interface Replay {
  of: string
  tunnelId: string
}
