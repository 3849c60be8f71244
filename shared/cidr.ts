import { isIP } from 'node:net'
import { BadValue, one } from './option-types.js'

/** A range of addresses. Always with a prefix length: a single address is the whole of it. */
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
