import { isIP } from 'node:net'
import { cidr } from '../../shared/cidr.js'
import { specs } from '../../shared/option-spec.js'
import { BadValue, choice, list, one, port, text } from '../../shared/option-types.js'

/** A path of the gateway's own, without query. */
const ownPath = one('PATH', 'a path that begins with /', (value) => {
  if (!/^\/[\w\-.~!$&'()*+,;=:@%/]*$/.test(value)) throw new BadValue('is not such a path')
  return value
})

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** In lower case, without the final dot. */
const domain = one('DOMAIN', 'a domain such as tunnels.example.com', (value) => {
  const name = value.toLowerCase().replace(/\.$/, '')
  if (name.length > 253 || !name.split('.').every((part) => LABEL.test(part)) || isIP(name) !== 0) {
    throw new BadValue('is not a domain')
  }
  return name
})

/** Without the final slash, so that a path can be put behind it. */
const publicUrl = one('URL', 'an http or https URL without query', (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new BadValue('is not such a URL')
  if (/[?#]/.test(value)) throw new BadValue('has a query or a fragment')
  if (url.username !== '' || url.password !== '') throw new BadValue('holds a user name')
  return url.href.replace(/\/$/, '')
})

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
