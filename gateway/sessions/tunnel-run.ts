/**
 * One run behind a tunnel: searching → on a leg → over. Its lines are pulled; an agent that leaves in the middle
 * fails it, or, where it is resumable, has a successor that goes on from the history.
 */
import { assertNever, Problem } from '../../shared/errors.js'
import { RESUMABLE } from '../../shared/sessions/run-messages.js'
import { RunFailure, type RunRequest } from '../../shared/sessions/runner.js'
import type { Dispatcher, Job } from '../agents/dispatch.js'
import type { Instance } from '../agents/instance.js'
import { matchesId, matchesName } from '../agents/tunnel-patterns.js'
import { type Search, searches } from './agent-search.js'
import type { Departures } from './departures.js'
import { type LegOwner, RunLeg } from './run-leg.js'
import type { TunnelRunnerSettings } from './tunnel-runner.js'

/** Agents that are passed over because the caller may not use them; who may use so few names them better. */
const MAX_PASSED_OVER = 1000
/** Agents that one run may lose; one that loses more breaks them. */
const MAX_RESUMES = 5

export interface TunnelRunParts {
  readonly dispatcher: Dispatcher
  readonly settings: TunnelRunnerSettings
  readonly departures: Departures
}

type State =
  | { readonly kind: 'new' }
  | { readonly kind: 'searching'; readonly job: Job }
  | { readonly kind: 'leg'; readonly leg: RunLeg }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'over' }

const OVER: State = { kind: 'over' }
const DONE: IteratorResult<string> = { done: true, value: undefined }

export class TunnelRun implements AsyncIterableIterator<string>, LegOwner {
  readonly #request: RunRequest
  readonly #parts: TunnelRunParts
  /** They refused it, or its caller may not use them. */
  readonly #tried: Instance[] = []
  #refused = false
  /** Tunnel id of the agent that serves the session. */
  #kept: string | null
  #resumes = 0
  #state: State = { kind: 'new' }
  #wake: (() => void) | undefined
  #pumping = false

  constructor(request: RunRequest, parts: TunnelRunParts) {
    this.#request = request
    this.#parts = parts
    this.#kept = request.session.tunnel_id
    request.signal.addEventListener('abort', this.#cancelled, { once: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<string>> {
    for (;;) {
      const state = this.#state
      switch (state.kind) {
        case 'new':
          this.#search()
          break
        case 'searching':
          await this.#stir()
          break
        case 'leg': {
          const line = state.leg.take()
          if (line !== undefined) return { done: false, value: line }
          if (state.leg.outcome === undefined) await this.#stir()
          else this.#legEnded(state.leg)
          break
        }
        case 'failed':
          this.#over()
          throw state.error
        case 'over':
          return DONE
        default:
          assertNever(state)
      }
    }
  }

  /** At once, whatever the agent does. */
  async return(): Promise<IteratorResult<string>> {
    this.#over()
    return DONE
  }

  // From the leg.

  stirred(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  released(instance: Instance): void {
    this.#parts.dispatcher.released(instance)
  }

  #stir(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }

  #search(): void {
    const { settings, departures } = this.#parts
    const resumed = this.#resumes > 0
    const gone = this.#kept === null ? 0 : departures.goneFor(this.#kept)
    const patience = Math.max(0, settings.sessionFailover - gone)
    const [first, ...others] = searches(this.#request, this.#kept, {
      resumed,
      patience,
      policy: settings.policy,
    })
    this.#submit(first!, others)
  }

  #submit(search: Search, others: readonly Search[]): void {
    const job: Job = {
      ...search,
      stickyKey: this.#request.session.session_id,
      tried: this.#tried,
      upload: { unsure: false, look: (done) => done() },
      assigned: (instance) => this.#assigned(instance),
      refused: (problem) => {
        const [next, ...rest] = others
        if (problem.code === 'no_agent' && next !== undefined) this.#submit(next, rest)
        else this.#become({ kind: 'failed', error: this.#refusal(problem) })
      },
    }
    this.#state = { kind: 'searching', job }
    this.#parts.dispatcher.submit(job)
  }

  #refusal(problem: Problem): Problem {
    if (problem.code !== 'no_agent') return problem
    if (this.#refused) return new Problem('overloaded', 'every matching agent refused the run')
    return this.#resumes > 0
      ? new Problem('agent_disconnected', 'the agent left in the middle of the run, and no other takes it up')
      : new Problem('no_agent', 'no connected agent that serves runs matches the session')
  }

  #assigned(instance: Instance): void {
    if (!mayUse(this.#request.tunnels, instance)) {
      this.#passOver(instance)
      return
    }
    this.#kept = instance.tunnel.id
    this.#request.assigned(this.#kept)
    const leg = new RunLeg(instance, this.#request, this.#resumes > 0, this)
    this.#become({ kind: 'leg', leg })
    if (!this.#pumping) void this.#pump()
  }

  #passOver(instance: Instance): void {
    this.#tried.push(instance)
    // By `next`, not from here: there may be many in a row.
    if (this.#tried.length < MAX_PASSED_OVER) this.#become({ kind: 'new' })
    else this.#become({ kind: 'failed', error: this.#refusal(new Problem('no_agent', '')) })
  }

  #legEnded(leg: RunLeg): void {
    const end = leg.outcome!
    leg.release()
    switch (end.kind) {
      case 'complete':
        this.#over()
        return
      case 'failed':
        this.#become({ kind: 'failed', error: end.failure })
        return
      case 'moved':
        this.#tried.push(leg.instance)
        this.#refused = true
        this.#search()
        return
      case 'lost':
        this.#lost(leg.instance, end.message)
        return
      default:
        assertNever(end)
    }
  }

  #lost(instance: Instance, message: string): void {
    if (instance.capabilities.includes(RESUMABLE) && this.#resumes < MAX_RESUMES) {
      this.#resumes++
      this.#search()
      return
    }
    const error = new RunFailure('agent_disconnected', `the link to the agent went: ${message}`)
    this.#become({ kind: 'failed', error })
  }

  /** Callers' inputs go to the agent that has the run when they come. */
  async #pump(): Promise<void> {
    this.#pumping = true
    for await (const data of this.#request.input) {
      if (this.#state.kind === 'leg') await this.#state.leg.input(data)
    }
  }

  readonly #cancelled = (): void => {
    const state = this.#state
    if (state.kind === 'leg') state.leg.cancel(String(this.#request.signal.reason?.message ?? 'cancelled'))
    else this.#over()
  }

  #become(state: State): void {
    if (this.#state.kind === 'over') return
    this.#state = state
    this.stirred()
  }

  #over(): void {
    const state = this.#state
    if (state.kind === 'over') return
    this.#state = OVER
    if (state.kind === 'searching') this.#parts.dispatcher.cancel(state.job)
    if (state.kind === 'leg') state.leg.release()
    this.#request.signal.removeEventListener('abort', this.#cancelled)
    this.stirred()
  }
}

function mayUse(tunnels: readonly string[] | undefined, { tunnel, name }: Instance): boolean {
  if (tunnels === undefined) return true
  return matchesId(tunnels, tunnel.id) || (name !== null && matchesName(tunnels, name))
}
