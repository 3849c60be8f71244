import { isIP } from 'node:net'
import { BadValue, one } from '../shared/option-types.js'

export { cidr } from '../shared/cidr.js'

/** Option types for where a gateway stands and who its neighbours are. */

/** A path of the gateway's own, without query. */
export const ownPath = one('PATH', 'a path that begins with /', (value) => {
  if (!/^\/[\w\-.~!$&'()*+,;=:@%/]*$/.test(value)) throw new BadValue('is not such a path')
  return value
})

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** In lower case, without the final dot. */
export const domain = one('DOMAIN', 'a domain such as tunnels.example.com', (value) => {
  const name = value.toLowerCase().replace(/\.$/, '')
  if (name.length > 253 || !name.split('.').every((part) => LABEL.test(part)) || isIP(name) !== 0) {
    throw new BadValue('is not a domain')
  }
  return name
})

/** Without the final slash, so that a path can be put behind it. */
export const publicUrl = one('URL', 'an http or https URL without query', (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new BadValue('is not such a URL')
  if (/[?#]/.test(value)) throw new BadValue('has a query or a fragment')
  if (url.username !== '' || url.password !== '') throw new BadValue('holds a user name')
  return url.href.replace(/\/$/, '')
})
