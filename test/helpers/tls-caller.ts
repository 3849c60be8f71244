/** Callers by TLS, and what they see of the server. */
import { once } from 'node:events'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'

export interface TlsAnswer {
  /** Common name of the server's certificate; undefined where a session was resumed. */
  name: string | undefined
  reused: boolean
  status: number
  body: string
  /** For the next connection. */
  session: Buffer | undefined
}

/** A connection whose handshake is done. Rejects where it fails. */
export async function secureConnect(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

/** One GET on a connection of its own. Rejects where there is no whole answer. */
export async function secureAsk(
  port: number,
  options: ConnectionOptions = {},
  path = '/',
): Promise<TlsAnswer> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  let session: Buffer | undefined
  let text = ''
  socket.on('session', (given) => (session = given))
  await once(socket, 'secureConnect')
  const name = (socket.getPeerCertificate() as { subject?: { CN: string } } | null)?.subject?.CN
  const reused = socket.isSessionReused()
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
  await once(socket, 'close')
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1])
  if (Number.isNaN(status)) throw new Error(`no answer: ${JSON.stringify(text)}`)
  return { name, reused, status, body, session }
}
