import { isIP } from 'node:net'
import { BadValue, one } from '../shared/option-types.js'

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

/** Always with a prefix length: a single address is the whole of it. */
export const cidr = one('CIDR', 'addresses such as 10.0.0.0/8 or ::1', (value) => {
  const [address = '', length, more] = value.split('/')
  const family = isIP(address)
  const bits = family === 4 ? 32 : 128
  if (family === 0 || more !== undefined || address.includes('%'))
    throw new BadValue('is not an address or CIDR')
  if (length === undefined) return `${address}/${bits}`
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) {
    throw new BadValue(`has a prefix length other than 0 to ${bits}`)
  }
  return `${address}/${Number(length)}`
})
