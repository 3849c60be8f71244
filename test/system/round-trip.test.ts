import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { Agent } from '../../agent/agent.js'
import { Gateway } from '../../gateway/gateway.js'
import { createLogger } from '../../shared/log.js'
import { DelayProxy } from '../helpers/delay-proxy.js'

const MIB = 1024 * 1024
const LINE = { roundTrip: 100, window: 4 * MIB }
/** Enough for a window to grow in, and to be measured behind that. */
const BYTES = 96 * MIB

const quiet = createLogger({ level: 'error', write: () => {} })
const chunk = Buffer.alloc(64 * 1024, 'x')

/** An origin that sends BYTES on GET and counts what a PUT brings. */
async function origin(): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    if (request.method === 'PUT') {
      let bytes = 0
      request.on('data', (data: Buffer) => (bytes += data.length))
      request.on('end', () => response.end(String(bytes)))
      return
    }
    response.writeHead(200, { 'content-length': BYTES })
    let left = BYTES
    const send = (): void => {
      while (left > 0) {
        left -= chunk.length
        if (!response.write(chunk)) return
      }
      response.end()
    }
    response.on('drain', send)
    send()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

/** Bytes a second once the first third is through. */
async function rate(url: string): Promise<number> {
  const [response] = (await once(http.get(url, { agent: false }), 'response')) as [http.IncomingMessage]
  let bytes = 0
  let since = 0
  response.on('data', (data: Buffer) => {
    bytes += data.length
    if (since === 0 && bytes >= BYTES / 3) since = performance.now()
  })
  await once(response, 'end')
  return ((BYTES * 2) / 3 / (performance.now() - since)) * 1000
}

t.test('one stream over a link with 100 ms round trip is nearly as fast as TCP itself', async (t) => {
  const server = await origin()
  const { port } = server.address() as AddressInfo
  const gateway = await Gateway.start({ port: 0, log: quiet, accessLog: 'off' })
  const plain = await DelayProxy.start(port, LINE)
  const line = await DelayProxy.start(Number(new URL(gateway.url).port), LINE)
  const agent = new Agent({
    gateway: `http://127.0.0.1:${line.port}`,
    tunnelId: 'agent_550e8400-e29b-41d4-a716-446655440000_prod',
    forward: `127.0.0.1:${port}`,
    log: quiet,
  })
  t.teardown(async () => {
    await agent.destroy()
    await gateway.destroy()
    plain.stop()
    line.stop()
    server.close()
  })
  await agent.start()
  const direct = await rate(`http://127.0.0.1:${plain.port}/`)
  const tunnelled = await rate(`${gateway.url}/forward`)
  const share = tunnelled / direct
  t.comment(
    `direct ${(direct / MIB).toFixed(1)} MiB/s, tunnelled ${(tunnelled / MIB).toFixed(1)} MiB/s: ${share.toFixed(2)}`,
  )
  // The goal is 0.8 on a quiet machine; without growing windows it is 0.06.
  t.ok(share > 0.5, `${share}`)
})
