import { hostLabel } from '../../shared/tunnel-id.js'
import type { LinkClaim } from './claim.js'

/** Where callers reach a tunnel, best first: host names where there is a domain, paths always. */
export function urlsOf({ tunnel, name }: LinkClaim, base: string, domains: readonly string[]): string[] {
  const urls: string[] = []
  const { protocol, port } = new URL(base)
  const suffix = port === '' ? '' : `:${port}`
  for (const domain of domains) {
    if (name !== null) urls.push(`${protocol}//${name}.${domain}${suffix}`)
    urls.push(`${protocol}//${hostLabel(tunnel)}.${domain}${suffix}`)
  }
  const root = base.replace(/\/$/, '')
  if (name !== null) urls.push(`${root}/t/${name}`)
  urls.push(`${root}/t/${tunnel.id}`)
  return urls
}
