import { specs } from '../../shared/option-spec.js'
import { duration, integer, list } from '../../shared/option-types.js'
import { hostName, origin } from '../guard/origin.js'
import { rate } from '../guard/rate.js'

/** What callers and agents may do how often, and which web pages may ask. */
export const guardOptions = specs({
  rateLimit: {
    type: rate(),
    default: '0',
    live: true,
    group: 'limits',
    help: 'requests of one address (an IPv4 address or an IPv6 /64), such as 600/1m; 0: no limit',
  },
  rateLimitBurst: {
    type: integer({ max: 1_000_000 }),
    default: '0',
    live: true,
    group: 'limits',
    help: 'how many more than a rate limit allows may pass within any one second',
  },
  rateLimitCredential: {
    type: rate(),
    default: '0',
    live: true,
    group: 'limits',
    help: 'requests of one credential; 0: no limit',
  },
  maxLinks: {
    type: integer({ off: true }),
    default: '1000',
    live: true,
    group: 'limits',
    help: 'links that one credential of agents may have open; 0: no limit',
  },
  authAttempts: {
    type: rate(),
    default: '10/60s',
    live: true,
    group: 'auth',
    help: 'wrong credentials from one address before it is refused for a while; 0: no limit',
  },
  authCooldown: {
    type: duration({ min: 1000, off: true }),
    default: '5m',
    live: true,
    group: 'auth',
    help: 'for how long; 0: not at all',
  },
  corsOrigin: {
    type: list(origin),
    live: true,
    group: 'auth',
    help: "web pages of this origin may use the gateway's API and open WebSockets to it; repeatable",
  },
  allowedHosts: {
    type: list(hostName),
    live: true,
    group: 'auth',
    help: 'hosts under which the gateway answers without authentication, beside addresses, localhost, --host and --domain; repeatable',
  },
})
