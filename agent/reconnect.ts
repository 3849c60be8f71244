/**
 * When to dial again, and when never to. Sans-IO: its owner says what happened and does what it is told; time
 * (milliseconds, monotonic) and chance are handed in.
 */
import { Backoff } from '../shared/backoff.js'
import { CloseCode } from '../shared/close-codes.js'
import { assertNever } from '../shared/errors.js'
import { describeEnd, type LinkEnd } from './link-end.js'

export type NextStep =
  /** Dial after `delay` milliseconds. */
  | { readonly kind: 'dial'; readonly delay: number }
  /** Dialling again would get the same answer. */
  | { readonly kind: 'stop'; readonly reason: string }

type State =
  | { readonly kind: 'down' }
  | { readonly kind: 'up'; readonly since: number }
  | { readonly kind: 'stopped'; readonly reason: string }

const FIRST_CEILING = 250
const LAST_CEILING = 15_000
/** A link that stood this long was a good one: its loss is no sign of trouble. */
const HEALTHY = 10_000
/** Advice beyond this is more likely a front proxy's error page than a gateway's plan. */
const MOST_ADVISED = 5 * 60_000

const FINAL_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 426])
const FINAL_CODES: ReadonlySet<number> = new Set([CloseCode.protocolError, CloseCode.credentialEnded])

export class Reconnect {
  readonly #backoff: Backoff
  #state: State = { kind: 'down' }

  /** `random`: uniform in [0, 1). */
  constructor(random: () => number) {
    this.#backoff = new Backoff({ base: FIRST_CEILING, max: LAST_CEILING, random })
  }

  ready(now: number): void {
    if (this.#state.kind !== 'stopped') this.#state = { kind: 'up', since: now }
  }

  /** The gateway takes no more on the link that is up, and advises when to dial another; 0 is no advice. */
  goingAway(delay: number, now: number): NextStep {
    return this.#again(delay === 0 ? undefined : delay, now)
  }

  ended(end: LinkEnd, now: number): NextStep {
    switch (end.kind) {
      case 'refused':
        return FINAL_STATUSES.has(end.status) ? this.#stop(end) : this.#again(end.retryAfter, now)
      case 'closed':
        return FINAL_CODES.has(end.code) ? this.#stop(end) : this.#again(undefined, now)
      case 'broken':
        return this.#stop(end)
      case 'unreachable':
      case 'silent':
      case 'stopped':
        return this.#again(undefined, now)
      default:
        return assertNever(end)
    }
  }

  #stop(end: LinkEnd): NextStep {
    const state = { kind: 'stopped', reason: describeEnd(end) } as const
    this.#state = state
    return { kind: 'stop', reason: state.reason }
  }

  #again(advised: number | undefined, now: number): NextStep {
    const state = this.#state
    switch (state.kind) {
      case 'stopped':
        return { kind: 'stop', reason: state.reason }
      case 'up':
        if (now - state.since >= HEALTHY) this.#backoff.reset()
        this.#state = { kind: 'down' }
        break
      case 'down':
        break
      default:
        assertNever(state)
    }
    return {
      kind: 'dial',
      delay: this.#backoff.next(advised === undefined ? undefined : Math.min(advised, MOST_ADVISED)),
    }
  }
}
