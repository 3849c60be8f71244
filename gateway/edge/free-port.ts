import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** Why an engine cannot listen there. */
export const notOurs = (host: string, port: number, cause?: unknown): Error =>
  new Error(`${host}:${port} is in use or not an address of this machine`, { cause })

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
