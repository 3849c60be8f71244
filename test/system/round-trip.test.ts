import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Agent } from '../../agent/agent.js'
import { Gateway } from '../../gateway/gateway.js'
import { createLogger } from '../../shared/log.js'
import { DelayProxy } from '../helpers/delay-proxy.js'

const MIB = 1024 * 1024
const LINE = { roundTrip: 100, window: 4 * MIB }
/** Enough for a window to grow in, and for stretches behind that. */
const BYTES = 96 * MIB
const STRETCH = 32 * MIB
/** How long one transfer may take: at 2.5 MiB/s, as fast as a window that does not grow allows, it is cut. */
const MOST_MS = 10_000
/** The goal is 0.8 on a quiet machine; without growing windows it is 0.06. */
const SHARE = 0.5
/** A machine that is busy with other things may spoil a round or two. */
const ROUNDS = 3

const quiet = createLogger({ level: 'error', write: () => {} })
const chunk = Buffer.alloc(64 * 1024, 'x')

/** An origin that sends BYTES. */
async function origin(): Promise<http.Server> {
  const server = http.createServer((_request, response) => {
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

/** Bytes a second over the best stretch: while others take the processor nothing is measured but them. */
async function rate(url: string): Promise<number> {
  const request = http.get(url, { agent: false })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const since = performance.now()
  const marks = [{ bytes: 0, at: since }]
  let bytes = 0
  let best = 0
  await new Promise<void>((resolve, reject) => {
    response.on('data', (data: Buffer) => {
      bytes += data.length
      const at = performance.now()
      marks.push({ bytes, at })
      while (marks.length > 1 && bytes - marks[1]!.bytes >= STRETCH) marks.shift()
      const first = marks[0]!
      const long = bytes - first.bytes >= STRETCH
      if (long || at - since > MOST_MS)
        best = Math.max(best, ((bytes - first.bytes) * 1000) / (at - first.at))
      if (at - since > MOST_MS) resolve()
    })
    response.on('end', resolve)
    response.on('error', reject)
  })
  request.destroy()
  return best
}

/** The gateway knows the round trip: what windows grow by. */
async function measured(gateway: string): Promise<number> {
  for (;;) {
    const response = await fetch(`${gateway}/connections`)
    const { connections } = (await response.json()) as { connections: { rtt_ms: number | null }[] }
    const rtt = connections[0]?.rtt_ms
    if (rtt !== undefined && rtt !== null) return rtt
    await delay(10)
  }
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
  t.comment(`the round trip is ${await measured(gateway.url)} ms`)
  let share = 0
  for (let round = 0; round < ROUNDS && share <= SHARE; round++) {
    const direct = await rate(`http://127.0.0.1:${plain.port}/`)
    const tunnelled = await rate(`${gateway.url}/forward`)
    share = tunnelled / direct
    t.comment(
      `direct ${(direct / MIB).toFixed(1)} MiB/s, tunnelled ${(tunnelled / MIB).toFixed(1)} MiB/s: ${share.toFixed(2)}`,
    )
  }
  t.ok(share > SHARE, `${share}`)
})
