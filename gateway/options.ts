import { MAX_HEAD } from '../shared/limits.js'
import { LOG_LEVELS } from '../shared/log.js'
import { choice, duration, integer, list, path, port, size, text } from '../shared/option-types.js'
import { defineOptions, type Loaded, type ValuesOf } from '../shared/options.js'
import { cidr, domain, ownPath, publicUrl } from './addresses.js'

/** Everything that `gw-gateway serve` takes. Durations resolve to milliseconds, sizes to bytes. */
export const gatewayOptions = defineOptions({
  host: {
    type: text('ADDRESS', 'an address'),
    default: '127.0.0.1',
    group: 'listen',
    help: 'address to listen on',
  },
  port: {
    type: port(),
    default: '3000',
    group: 'listen',
    help: 'port; 0 picks a free one, which the ready line tells',
  },
  wsPath: {
    type: ownPath,
    default: '/ws',
    group: 'listen',
    help: 'where agents connect',
  },
  domain: {
    type: list(domain),
    group: 'listen',
    help: 'host routing: PURPOSE-UUID.DOMAIN and NAME.DOMAIN reach that tunnel; repeatable',
  },
  publicUrl: {
    type: publicUrl,
    group: 'listen',
    otherwise: 'from host and port',
    help: 'what links, Location and printed URLs begin with',
  },
  trustedProxies: {
    type: list(cidr),
    group: 'listen',
    help: 'peers whose forwarded fields are believed; repeatable',
  },
  engine: {
    type: choice('auto', 'uws', 'node'),
    default: 'auto',
    group: 'listen',
    help: 'HTTP server: uWebSockets.js, or node:http and ws; auto takes the first that loads',
  },
  config: {
    type: path(),
    group: 'files',
    otherwise: 'gateway.yaml if it stands there',
    file: false,
    help: 'config file',
  },
  dataDir: {
    type: path('DIR'),
    default: '.gw',
    group: 'files',
    help: 'where what must survive a restart will be kept; nothing is yet',
  },
  policy: {
    type: choice('first', 'round-robin', 'random', 'weighted', 'least-inflight', 'lowest-latency', 'sticky'),
    default: 'least-inflight',
    group: 'routing',
    help: 'which of several matching agents is chosen where the caller names no policy',
  },
  pingInterval: {
    type: duration({ min: 100, max: 3_600_000 }),
    default: '15s',
    group: 'timeouts',
    help: 'how often a link or a WebSocket is pinged',
  },
  pingTimeout: {
    type: duration({ min: 100, max: 3_600_000 }),
    default: '10s',
    group: 'timeouts',
    help: 'a link silent for interval and timeout is dead',
  },
  helloTimeout: {
    type: duration({ off: true }),
    default: '5s',
    group: 'timeouts',
    help: 'how long a new link may take to introduce itself',
  },
  responseTimeout: {
    type: duration({ off: true }),
    default: '60s',
    group: 'timeouts',
    help: "longest wait for the response's head, from the dispatch or the last byte of the upload",
  },
  idleTimeout: {
    type: duration({ off: true }),
    default: '5m',
    group: 'timeouts',
    help: "longest time without a byte either way once the response's head is out",
  },
  maxTimeout: {
    type: duration({ off: true }),
    default: '1h',
    group: 'timeouts',
    help: 'the longest timeout that a request may ask for',
  },
  hold: {
    type: duration(),
    default: '0',
    group: 'timeouts',
    help: 'how long a request waits for a matching agent; 0: not at all',
  },
  holdLimit: {
    type: duration({ off: true }),
    default: '60s',
    group: 'timeouts',
    help: 'the longest hold that a request may ask for',
  },
  queueTimeout: {
    type: duration(),
    default: '30s',
    group: 'timeouts',
    help: 'how long a request waits for a free place at a connected agent; 0: not at all',
  },
  drainTimeout: {
    type: duration(),
    default: '30s',
    group: 'timeouts',
    help: 'how long shutdown waits for exchanges in flight; 0: not at all',
  },
  holdMax: {
    type: integer({ off: true }),
    default: '4000',
    group: 'limits',
    help: 'how many requests may wait for an agent at once',
  },
  minUploadRate: {
    type: size({ off: true }),
    default: '100b',
    group: 'limits',
    help: 'a request body slower than this per second, over 10 s, is refused',
  },
  maxBody: {
    type: size({ off: true }),
    default: '0',
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
    type: size({ min: 1024, max: MAX_HEAD }),
    default: '16kb',
    group: 'limits',
    help: "largest head of a caller's request",
  },
  maxStreams: {
    type: integer({ off: true }),
    default: '1000',
    group: 'limits',
    help: 'exchanges at once on one link',
  },
  maxResets: {
    type: integer({ off: true }),
    default: '200',
    group: 'limits',
    help: 'streams that one link may reset in a second',
  },
  accessLog: {
    type: choice('on', 'errors', 'off'),
    default: 'on',
    group: 'log',
    help: 'one line a request, or a failed request',
  },
  logLevel: { type: choice(...LOG_LEVELS), default: 'info', group: 'log', help: 'the least that is logged' },
  logFormat: {
    type: choice('json', 'pretty'),
    group: 'log',
    otherwise: 'pretty on a terminal, else json',
    help: 'how a line looks',
  },
})

export type GatewaySpecs = typeof gatewayOptions.specs
export type GatewayOptions = ValuesOf<GatewaySpecs>
export type LoadedGateway = Loaded<GatewaySpecs>
