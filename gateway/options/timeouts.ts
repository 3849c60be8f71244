import { specs } from '../../shared/option-spec.js'
import { duration } from '../../shared/option-types.js'

/** How long things may take. 0 switches a limit off where the type says so. */
export const timeoutsOptions = specs({
  pingInterval: {
    type: duration({ min: 100, max: 3_600_000 }),
    default: '15s',
    live: true,
    group: 'timeouts',
    help: 'how often a link or a WebSocket is pinged',
  },
  pingTimeout: {
    type: duration({ min: 100, max: 3_600_000 }),
    default: '10s',
    live: true,
    group: 'timeouts',
    help: 'a link silent for interval and timeout is dead',
  },
  headTimeout: {
    type: duration({ min: 1_000, off: true }),
    default: '10s',
    group: 'timeouts',
    help: "how long a request's head, or a TLS handshake, may take; fixed at 8 to 12 s with uws",
  },
  helloTimeout: {
    type: duration({ off: true }),
    default: '5s',
    live: true,
    group: 'timeouts',
    help: 'how long a new link may take to introduce itself',
  },
  responseTimeout: {
    type: duration({ off: true }),
    default: '60s',
    live: true,
    group: 'timeouts',
    help: "longest wait for the response's head, from the dispatch or the last byte of the upload",
  },
  idleTimeout: {
    type: duration({ off: true }),
    default: '5m',
    live: true,
    group: 'timeouts',
    help: "longest time without a byte either way once the response's head is out",
  },
  maxTimeout: {
    type: duration({ off: true }),
    default: '1h',
    live: true,
    group: 'timeouts',
    help: 'the longest timeout that a request may ask for',
  },
  hold: {
    type: duration(),
    default: '0',
    live: true,
    group: 'timeouts',
    common: true,
    help: 'how long a request waits for a matching agent; 0: not at all',
  },
  holdLimit: {
    type: duration({ off: true }),
    default: '60s',
    live: true,
    group: 'timeouts',
    help: 'the longest hold that a request may ask for',
  },
  queueTimeout: {
    type: duration(),
    default: '30s',
    live: true,
    group: 'timeouts',
    help: 'how long a request waits for a free place at a connected agent; 0: not at all',
  },
  drainTimeout: {
    type: duration(),
    default: '30s',
    live: true,
    group: 'timeouts',
    help: 'how long shutdown waits for exchanges in flight; 0: not at all',
  },
})
