import { MAX_HEAD } from '../../shared/limits.js'
import { specs } from '../../shared/option-spec.js'
import { integer, size } from '../../shared/option-types.js'

/** A link carries twice that, with what the gateway adds. */
const MOST_HEAD = MAX_HEAD / 2

/** How much there may be of things. */
export const limitsOptions = specs({
  maxConnections: {
    type: integer({ off: true }),
    default: '15000',
    group: 'limits',
    help: 'connections at once; those past it get 503',
  },
  holdMax: {
    type: integer({ off: true }),
    default: '4000',
    live: true,
    group: 'limits',
    help: 'how many requests may wait for an agent at once',
  },
  minUploadRate: {
    type: size({ off: true }),
    default: '100b',
    live: true,
    group: 'limits',
    help: 'a request body slower than this per second, over 10 s, is refused',
  },
  maxBody: {
    type: size({ off: true }),
    default: '0',
    live: true,
    group: 'limits',
    help: 'largest request body; 0: no limit',
  },
  maxMessage: {
    type: size({ off: true }),
    default: '16mb',
    group: 'limits',
    help: 'largest message of a proxied WebSocket, from either side',
  },
  maxHead: {
    type: size({ min: 1024, max: MOST_HEAD }),
    default: '16kb',
    live: true,
    group: 'limits',
    help: "largest head of a caller's request; more than at the start takes a restart",
  },
  maxStreams: {
    type: integer({ off: true }),
    default: '1000',
    live: true,
    group: 'limits',
    help: 'exchanges at once on one link',
  },
  maxResets: {
    type: integer({ off: true }),
    default: '200',
    live: true,
    group: 'limits',
    help: 'streams that one link may reset in a second',
  },
})
