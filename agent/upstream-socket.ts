/** The way to an upstream: TCP, TLS or a unix socket. */
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls, rootCertificates } from 'node:tls'
import type { Target } from './target.js'

export interface UpstreamTls {
  /** PEM texts of authorities to trust beside Node's own. */
  readonly ca?: readonly string[] | undefined
  readonly insecure?: boolean | undefined
}

/** The system may know localhost by one family only, and a server may listen on the other. */
const lookup: LookupFunction = (_host, _options, callback) => {
  callback(null, [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ])
}

/** A socket that connects to `target`, and verifies it where it speaks TLS. */
export function connectTo(target: Target, tls: UpstreamTls): Socket {
  const settings = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }
  if (target.kind === 'unix') return connectTcp({ ...settings, path: target.path })
  const { host, port, protocol } = target
  // All addresses of a name are tried, and the first that answers is taken.
  const where = {
    ...settings,
    host,
    port,
    autoSelectFamily: true,
    ...(host === 'localhost' ? { lookup } : {}),
  }
  if (protocol === 'http:') return connectTcp(where)
  return connectTls({
    ...where,
    servername: isIP(host) > 0 ? '' : host,
    ALPNProtocols: ['http/1.1'],
    ca: tls.ca === undefined ? undefined : [...rootCertificates, ...tls.ca],
    rejectUnauthorized: tls.insecure !== true,
  })
}
