import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/**
 * A port that nobody has at this moment. For an engine that takes a port which it picked itself without
 * `SO_REUSEADDR`: its connections in TIME-WAIT then keep a successor off that port for a minute.
 */
export async function freePort(host: string): Promise<number> {
  const server = createServer()
  server.listen({ host, port: 0 })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
