/**
 * Which agent serves a request, and how long the request waits for one. One queue: for any matching agent
 * (`hold`), then for a free place at a connected one (`queue-timeout`).
 */
import { assertNever, Problem } from '../../shared/errors.js'
import type { PolicyName } from '../../shared/policies.js'
import type { Instance } from './instance.js'
import { Picker, type Wanted } from './pick.js'
import type { Change, Registry } from './registry.js'
import { matches } from './selector.js'

/** A request that wants an agent. */
export interface Job extends Wanted {
  /** Milliseconds to wait for a matching agent. */
  hold: number
  /** Set where no credential brought it in. Those that are `limited` take at most half of `holdMax`. */
  readonly guest?:
    | { readonly limited: boolean; refusedBy(instance: Instance): Problem | undefined }
    | undefined
  /** Its body is stopped, so that a caller who left would not be noticed: looks, and says when it has. */
  readonly upload: { readonly unsure: boolean; look(done: () => void): void }
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

/** What a request waits for: any matching agent, or a place at one that is there. */
type Want = 'agent' | 'place'

interface Waiting {
  job: Job
  /** Undefined before its first wait. */
  want: Want | undefined
  since: number
  /** Milliseconds left of each wait: an agent that comes and goes must not begin them anew. */
  readonly left: Record<Want, number>
  /** A place is kept for it while it is seen whether its caller is still there. */
  looking: boolean
  timer: NodeJS.Timeout | undefined
}

export class Dispatcher {
  readonly #picker: Picker
  readonly #settings: DispatchSettings
  readonly #now: () => number
  /** In order of arrival. */
  readonly #waiting = new Map<Job, Waiting>()
  /** Of them, those of limited guests. */
  #guests = 0
  readonly #stopListening: () => void
  #closed = false

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
    // Nearly every request finds its agent at once.
    const picked = this.#closed ? undefined : this.#picker.pick(job)
    if (picked?.kind === 'instance') {
      assign(job, picked.instance)
      return
    }
    const left = { agent: job.hold, place: this.#settings.queueTimeout }
    this.#try(job, { job, want: undefined, since: 0, left, looking: false, timer: undefined })
  }

  /** The request is no longer wanted. */
  cancel(job: Job): void {
    clearTimeout(this.#waiting.get(job)?.timer)
    this.#leave(job)
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
    this.#closed = true
    this.#stopListening()
    for (const job of this.#waiting.keys()) {
      this.cancel(job)
      job.refused(DRAINING())
    }
  }

  #follow(change: Change): void {
    const instance = change.link.instance!
    switch (change.kind) {
      case 'connected':
      case 'changed':
        // Also where it is full: what waited for an agent now waits for a place.
        this.#retry(instance, (want) => instance.free || want === 'agent' || instance.state === 'draining')
        return
      case 'disconnected':
        this.#retry(instance, () => true)
        return
      default:
        assertNever(change)
    }
  }

  #retry(instance: Instance, affects: (want: Want | undefined) => boolean): void {
    for (const waiting of this.#waiting.values()) {
      if (matches(waiting.job.selector, instance) && affects(waiting.want)) this.#try(waiting.job, waiting)
    }
  }

  #try(job: Job, waiting: Waiting): void {
    if (waiting.looking) return
    const picked = this.#picker.pick(job)
    switch (picked.kind) {
      case 'instance':
        if (job.upload.unsure && this.#waiting.has(job)) {
          this.#look(waiting, picked.instance)
          return
        }
        this.cancel(job)
        assign(job, picked.instance)
        return
      case 'busy':
        this.#wait(waiting, 'place', BUSY)
        return
      case 'none':
        this.#wait(waiting, 'agent', GONE)
        return
      default:
        assertNever(picked)
    }
  }

  #look(waiting: Waiting, instance: Instance): void {
    const { job } = waiting
    waiting.looking = true
    instance.inflight++
    job.upload.look(() => {
      waiting.looking = false
      instance.inflight--
      if (this.#waiting.get(job) === waiting) this.#try(job, waiting)
      else this.released(instance)
    })
  }

  /** Waits for what is left of that wait, then fails with `problem`. */
  #wait(waiting: Waiting, want: Want, problem: () => Problem): void {
    if (waiting.want === want) return
    const { job, left } = waiting
    const now = this.#now()
    if (waiting.want !== undefined) left[waiting.want] -= now - waiting.since
    waiting.want = want
    waiting.since = now
    clearTimeout(waiting.timer)
    if (this.#closed || left[want] <= 0) {
      this.#leave(job)
      job.refused(this.#closed ? DRAINING() : problem())
      return
    }
    if (!this.#waiting.has(job)) {
      const crowd = this.#crowd(job)
      if (crowd !== undefined) {
        job.refused(new Problem('overloaded', crowd))
        return
      }
      if (job.guest?.limited) this.#guests++
      this.#waiting.set(job, waiting)
    }
    waiting.timer = setTimeout(() => {
      this.#leave(job)
      job.refused(problem())
    }, left[want])
  }

  /** Why one more may not wait. */
  #crowd({ guest }: Job): string | undefined {
    const { holdMax } = this.#settings
    if (holdMax === 0) return undefined
    if (this.#waiting.size >= holdMax) return `${holdMax} requests wait already`
    const most = Math.floor(holdMax / 2)
    if (!guest?.limited || this.#guests < most) return undefined
    return `${most} requests without a credential wait already`
  }

  #leave(job: Job): void {
    if (this.#waiting.delete(job) && job.guest?.limited) this.#guests--
  }
}

/** A guest is held against the guard of the very instance: it may have come after he was let in. */
function assign(job: Job, instance: Instance): void {
  const problem = job.guest?.refusedBy(instance)
  if (problem === undefined) job.assigned(instance)
  else job.refused(problem)
}

const BUSY = (): Problem => new Problem('overloaded', 'every matching agent is full or does not respond')
const GONE = (): Problem => new Problem('no_agent', 'no connected agent matches')
const DRAINING = (): Problem => new Problem('draining', 'the gateway is shutting down')
