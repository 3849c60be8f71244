/**
 * A caller whom no credential brought in. Where he comes to a public tunnel its guards are asked, and again that of
 * each agent which dispatch finds for him: another replica may have come since.
 */
import { Problem } from '../../shared/errors.js'
import type { Instance } from '../agents/instance.js'
import type { Tell } from '../events/event.js'
import { addressKey } from './address.js'
import type { Attempts } from './attempts.js'
import { guardsOf } from './public-tunnels.js'
import { judge, type TunnelGuard } from './tunnel-guard.js'

export interface GuestFacts {
  /** The caller's own address, not its network. */
  readonly address: string
  /** The field, if any. */
  readonly authorization: string | undefined
  readonly attempts: Attempts
  readonly tell: Tell
  /**
   * Under `--auth none` everybody is one: what is not public is open to him all the same, and he may ask for and wait
   * as others do.
   */
  readonly open: boolean
}

export class Guest {
  /** A guard took his `authorization`: it is not sent on. */
  spent = false
  /** His `authorization` was wrong for a guard that asks for one; else it may be a credential for the gateway. */
  wrong = false
  readonly #facts: GuestFacts

  constructor(facts: GuestFacts) {
    this.#facts = facts
  }

  /** What he may ask for is bounded, and with others of his kind he waits in half of the places. */
  get limited(): boolean {
    return !this.#facts.open
  }

  /** Why he may not pass all of these; `unauthorized`, `forbidden` or `rate_limited`. */
  refusal(guards: readonly TunnelGuard[]): Problem | undefined {
    const { address, authorization, attempts, tell } = this.#facts
    const key = addressKey(address)
    try {
      if (authorization !== undefined && guards.some(({ basic }) => basic !== undefined)) attempts.check(key)
    } catch (error) {
      if (error instanceof Problem) return error
      throw error
    }
    const verdict = judge(guards, address, authorization)
    if (verdict.kind === 'allow') {
      this.spent = verdict.spent
      if (verdict.spent) attempts.succeeded(key)
      return undefined
    }
    this.wrong = verdict.wrong
    if (verdict.wrong) {
      attempts.failed(key)
      tell({ type: 'auth:failed', data: { address: key, scheme: 'basic', reason: verdict.problem.message } })
    }
    return verdict.problem
  }

  /** Why this instance may not serve him, at the moment at which it would. */
  refusedBy(instance: Instance): Problem | undefined {
    const guards = guardsOf([instance])
    if (guards !== undefined) return this.refusal(guards)
    return this.#facts.open ? undefined : new Problem('unauthorized', 'this tunnel takes a credential')
  }
}
