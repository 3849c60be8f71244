/** Address ranges: whose forwarded fields are believed (`--trusted-proxies`), who may call a tunnel (`--allow-ip`). */
import ipaddr from 'ipaddr.js'

export type TrustedProxies = readonly [ipaddr.IPv4 | ipaddr.IPv6, number][]

/** `cidrs`: addresses with or without a prefix length, as the options have checked them. */
export function trustedProxies(cidrs: readonly string[]): TrustedProxies {
  return cidrs.map((cidr) =>
    cidr.includes('/') ? ipaddr.parseCIDR(cidr) : [ipaddr.process(cidr), cidr.includes(':') ? 128 : 32],
  )
}

export function isTrusted(address: string, trusted: TrustedProxies): boolean {
  if (trusted.length === 0 || !ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  return trusted.some(
    ([range, bits]) => range.kind() === parsed.kind() && parsed.match([range, bits] as never),
  )
}
