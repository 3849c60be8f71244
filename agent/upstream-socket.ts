/** The way to an upstream: TCP, TLS or a unix socket. */
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, rootCertificates } from 'node:tls'
import type { Target } from './target.js'

export interface UpstreamTls {
  /** PEM texts of authorities to trust beside Node's own. */
  readonly ca?: readonly string[] | undefined
  readonly insecure?: boolean | undefined
}

const CONNECT_TIMEOUT = 10_000

/** The system may know localhost by one family only, and a server may listen on the other. */
const lookup: LookupFunction = (_host, _options, callback) => {
  callback(null, [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ])
}

/** A connection that is being made; `connected` is told once that it stands, or why it does not. */
export type Connect = (connected: (error: Error | null) => void) => Duplex

/** Connects to `target`, and verifies it where it speaks TLS. */
export function connector(target: Target, tls: UpstreamTls = {}): Connect {
  const event = target.kind === 'tcp' && target.protocol === 'https:' ? 'secureConnect' : 'connect'
  return (connected) => {
    const socket = connectTo(target, tls)
    const settle = (error: Error | null): void => {
      clearTimeout(timer)
      socket.off('error', settle)
      connected(error)
    }
    const timer = setTimeout(
      () => socket.destroy(new Error(`no connection within ${CONNECT_TIMEOUT / 1000} s`)),
      CONNECT_TIMEOUT,
    )
    socket.once('error', settle)
    socket.once('close', () => clearTimeout(timer))
    socket.once(event, () => settle(null))
    if (target.kind === 'tcp') socket.once('end', () => checkEnd(socket))
    return socket
  }
}

/**
 * Before Node 24 a reset behind bytes that were still unread is told as an end, and a body without a length would look
 * whole. Only a connection that stands can name its peer, as long as nobody has asked before.
 */
function checkEnd(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy(new Error('the connection was reset'))
}

/**
 * Who is not there refuses at once, so there is nothing to hurry for: the usual 250 ms for the first address would fail
 * a server with a full backlog.
 */
const LOCALHOST = { lookup, autoSelectFamilyAttemptTimeout: CONNECT_TIMEOUT }

function connectTo(target: Target, tls: UpstreamTls): Socket {
  const settings = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }
  if (target.kind === 'unix') return connectTcp({ ...settings, path: target.path })
  const { host, port, protocol } = target
  // All addresses of a name are tried, and the first that answers is taken.
  const where = {
    ...settings,
    host,
    port,
    autoSelectFamily: true,
    ...(host === 'localhost' ? LOCALHOST : {}),
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
