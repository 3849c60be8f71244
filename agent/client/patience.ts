/** How long, and how often, a gateway that went away is tried again. */
import { Backoff } from '../../shared/backoff.js'
import type { GatewayError } from './gateway-error.js'

/** Milliseconds. */
export interface Retry {
  /** The first wait is random below it; the next ones below its double, … */
  readonly base: number
  /** … up to this. */
  readonly max: number
  /** Given up when nothing was heard for so long; `Infinity`: never. */
  readonly patience: number
}

export const DEFAULT_RETRY: Retry = { base: 250, max: 5000, patience: 60_000 }

/** What passes by itself, as when a gateway is started again: the problems, and what a proxy says meanwhile. */
const PASSING = new Set(['unreachable', 'draining', 'overloaded', 'rate_limited', 'conflict'])
const PROXY = new Set<number | undefined>([502, 503, 504])

export class Patience {
  readonly #retry: Retry
  readonly #backoff: Backoff
  #heardAt = performance.now()

  constructor(retry: Retry) {
    this.#retry = retry
    this.#backoff = new Backoff({ ...retry, random: Math.random })
  }

  /** The gateway is there. */
  readonly heard = (): void => {
    this.#heardAt = performance.now()
  }

  /** And of use: the next wait is a short one again. */
  progressed(): void {
    this.#backoff.reset()
  }

  /** Waits. @throws `error` where it will not pass, or has not for too long; the signal's reason. */
  async wait(error: GatewayError, signal: AbortSignal): Promise<void> {
    const passing = PASSING.has(error.code) || (error.code === 'unexpected_answer' && PROXY.has(error.status))
    if (!passing || performance.now() - this.#heardAt > this.#retry.patience) throw error
    await pause(this.#backoff.next(), signal)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', aborted)
      resolve()
    }, ms)
    signal.addEventListener('abort', aborted, { once: true })
    if (signal.aborted) aborted()
  })
}
