/**
 * Which agent serves a request, and how long the request waits for one. One queue: for any matching agent
 * (`hold`), then for a free place at a connected one (`queue-timeout`).
 */
import { assertNever, Problem } from '../../shared/errors.js'
import type { Instance } from './instance.js'
import { Picker, type Wanted } from './pick.js'
import type { PolicyName } from './policies.js'
import type { Change, Registry } from './registry.js'
import { matches } from './selector.js'

/** A request that wants an agent. */
export interface Job extends Wanted {
  /** Milliseconds to wait for a matching agent. */
  hold: number
  /** An agent is there and has room: open the stream now. May be called from inside `submit`. */
  assigned(instance: Instance): void
  /** No agent. May be called from inside `submit`. */
  refused(problem: Problem): void
}

export interface DispatchSettings {
  policy: PolicyName
  queueTimeout: number
  holdMax: number
}

type Waiting = {
  job: Job
  /** When each wait began, in milliseconds; undefined while it has not. */
  heldSince: number
  queuedSince: number | undefined
  timer: NodeJS.Timeout | undefined
}

export class Dispatcher {
  readonly #picker: Picker
  readonly #settings: DispatchSettings
  readonly #now: () => number
  /** In order of arrival. */
  readonly #waiting = new Map<Job, Waiting>()
  readonly #stopListening: () => void

  constructor(registry: Registry, settings: DispatchSettings, now: () => number) {
    this.#picker = new Picker(registry, now)
    this.#settings = settings
    this.#now = now
    this.#stopListening = registry.listen((change) => this.#follow(change))
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  submit(job: Job): void {
    const now = this.#now()
    this.#try(job, { job, heldSince: now, queuedSince: undefined, timer: undefined })
  }

  /** The request is no longer wanted. */
  cancel(job: Job): void {
    clearTimeout(this.#waiting.get(job)?.timer)
    this.#waiting.delete(job)
  }

  /** `instance` has a place again. */
  released(instance: Instance): void {
    if (this.#waiting.size === 0) return
    for (const waiting of this.#waiting.values()) {
      if (!instance.free) return
      if (matches(waiting.job.selector, instance)) this.#try(waiting.job, waiting)
    }
  }

  /** Nothing waits any more: the gateway shuts down. */
  close(): void {
    this.#stopListening()
    for (const { job } of [...this.#waiting.values()]) {
      this.cancel(job)
      job.refused(new Problem('draining', 'the gateway is shutting down'))
    }
  }

  #follow(change: Change): void {
    switch (change.kind) {
      case 'connected':
      case 'changed':
        if (change.link.instance !== undefined) this.released(change.link.instance)
        return
      case 'disconnected':
        // Those that waited for a place there may now wait for an agent, or for nothing.
        for (const waiting of [...this.#waiting.values()]) {
          if (matches(waiting.job.selector, change.link.instance!)) this.#try(waiting.job, waiting)
        }
        return
      default:
        assertNever(change)
    }
  }

  #try(job: Job, waiting: Waiting): void {
    const picked = this.#picker.pick(job)
    switch (picked.kind) {
      case 'instance':
        this.cancel(job)
        job.assigned(picked.instance)
        return
      case 'busy':
        waiting.queuedSince ??= this.#now()
        this.#wait(waiting, waiting.queuedSince + this.#settings.queueTimeout, BUSY)
        return
      case 'none':
        this.#wait(waiting, waiting.heldSince + job.hold, GONE)
        return
      default:
        assertNever(picked)
    }
  }

  /** Waits until `deadline`, then fails with `problem`. */
  #wait(waiting: Waiting, deadline: number, problem: () => Problem): void {
    const { job } = waiting
    const left = deadline - this.#now()
    clearTimeout(waiting.timer)
    if (left <= 0) {
      this.#waiting.delete(job)
      job.refused(problem())
      return
    }
    if (
      !this.#waiting.has(job) &&
      this.#settings.holdMax > 0 &&
      this.#waiting.size >= this.#settings.holdMax
    ) {
      job.refused(new Problem('overloaded', `${this.#settings.holdMax} requests wait already`))
      return
    }
    this.#waiting.set(job, waiting)
    waiting.timer = setTimeout(() => {
      this.#waiting.delete(job)
      job.refused(problem())
    }, left)
  }
}

const BUSY = (): Problem => new Problem('overloaded', 'every matching agent is full or does not respond')
const GONE = (): Problem => new Problem('no_agent', 'no connected agent matches')
