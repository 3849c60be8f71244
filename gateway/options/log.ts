import { LOG_LEVELS } from '../../shared/log.js'
import { specs } from '../../shared/option-spec.js'
import { choice } from '../../shared/option-types.js'

/** What is told, and how. */
export const logOptions = specs({
  accessLog: {
    type: choice('on', 'errors', 'off'),
    default: 'on',
    live: true,
    group: 'log',
    help: 'one line a request, or a failed request',
  },
  logLevel: {
    type: choice(...LOG_LEVELS),
    default: 'info',
    live: true,
    group: 'log',
    help: 'the least that is logged',
  },
  logFormat: {
    type: choice('json', 'pretty'),
    group: 'log',
    otherwise: 'pretty on a terminal, else json',
    help: 'how a line looks',
  },
})
