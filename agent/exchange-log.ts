import type { Logger } from '../shared/log.js'
import type { Exchange } from './exchange.js'
import type { ExchangeObserver } from './serve.js'

/** Logs each exchange that failed as a warning, the others at debug; `next` is told of all of them as well. */
export function exchangeLog(log: Logger, next: ExchangeObserver | undefined): ExchangeObserver {
  return {
    began: (exchange) => next?.began(exchange),
    ended(exchange) {
      next?.ended(exchange)
      const { outcome, method, status } = exchange
      if (outcome.kind === 'failed') {
        log.warn('exchange failed', { method, path: pathOf(exchange), reason: outcome.message })
      } else if (outcome.kind === 'aborted') {
        log.debug('exchange aborted', { method, path: pathOf(exchange), reason: outcome.reason })
      } else {
        log.debug('exchange', { method, path: pathOf(exchange), status })
      }
    },
  }
}

/** Without the query, where credentials may stand. */
export function pathOf({ target }: Exchange): string {
  const end = target.indexOf('?')
  return end < 0 ? target : target.slice(0, end)
}
