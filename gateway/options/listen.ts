import { specs } from '../../shared/option-spec.js'
import { choice, list, port, text } from '../../shared/option-types.js'
import { cidr, domain, ownPath, publicUrl } from '../addresses.js'

/** Where the gateway listens and what it calls itself. */
export const listenOptions = specs({
  host: {
    type: text('ADDRESS', 'an address'),
    default: '127.0.0.1',
    group: 'listen',
    common: true,
    help: 'address to listen on',
  },
  port: {
    type: port(),
    default: '3000',
    group: 'listen',
    common: true,
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
    common: true,
    help: 'host routing: PURPOSE-UUID.DOMAIN and NAME.DOMAIN reach that tunnel; repeatable',
  },
  publicUrl: {
    type: publicUrl,
    group: 'listen',
    otherwise: 'from host and port',
    common: true,
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
})
