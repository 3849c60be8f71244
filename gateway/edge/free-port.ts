import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use',
  EADDRNOTAVAIL: 'is not an address of this machine',
  ENOTFOUND: 'is not an address of this machine',
  EACCES: 'needs rights that this user does not have',
}

/** Why an engine cannot listen there. */
export function notOurs(host: string, port: number, cause: unknown): Error {
  const { code = '' } = (cause ?? {}) as NodeJS.ErrnoException
  const reason = REASONS[code] ?? 'is in use or not an address of this machine'
  return new Error(`${host}:${port} ${reason}`, { cause })
}

/** For an engine that cannot listen there and does not tell why. */
export async function notOursFor(host: string, port: number): Promise<Error> {
  const server = createServer()
  server.listen({ host, port })
  const cause = await once(server, 'listening').then(
    () => undefined,
    (error: unknown) => error,
  )
  server.close()
  return notOurs(host, port, cause)
}

/**
 * A port that nobody has at this moment. For an engine that takes a port which it picked itself without
 * `SO_REUSEADDR`: its connections in TIME-WAIT then keep a successor off that port for a minute.
 *
 * Rejects with `notOurs`.
 */
export async function freePort(host: string): Promise<number> {
  const server = createServer()
  server.listen({ host, port: 0 })
  await once(server, 'listening').catch((cause: unknown) => {
    throw notOurs(host, 0, cause)
  })
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
