/** WebSockets of every kind that the published list has, through a gateway and an agent to a server that echoes. */
import t, { type Test } from 'tap'
import { Agent } from '../../agent/index.js'
import { Gateway } from '../../gateway/gateway.js'
import { createLogger } from '../../shared/log.js'
import { type On, suites } from '../helpers/engine-suite.js'
import { tunnelId } from '../helpers/raw-agent.js'
import { SocketUpstream } from '../helpers/socket-upstream.js'
import { FrameCaller, judge } from './websocket/caller.js'
import type { SocketCase } from './websocket/case.js'
import { CLOSING } from './websocket/closing.js'
import { FRAMING } from './websocket/framing.js'
import { LOAD } from './websocket/load.js'
import { UTF8 } from './websocket/utf8.js'

const TABLES: Readonly<Record<string, readonly SocketCase[]>> = {
  'framing, sections 1 to 5': FRAMING,
  'UTF-8, section 6': UTF8,
  'closing, section 7': CLOSING,
  'load, sections 9 and 10': LOAD,
}
/** Callers at once. */
const WIDTH = 32

async function run(engine: On['engine']): Promise<{ found: Map<SocketCase, string[]>; errors: string[] }> {
  const errors: string[] = []
  const log = createLogger({ level: 'error', write: (line) => errors.push(line) })
  const upstream = await SocketUpstream.echo(t)
  const gateway = await Gateway.start({ port: 0, engine, accessLog: 'off', log })
  const agent = new Agent({ gateway: gateway.url, tunnelId: tunnelId(), forward: upstream.port })
  await agent.start()
  const found = new Map<SocketCase, string[]>()
  const port = Number(new URL(gateway.url).port)
  const waiting = Object.values(TABLES).flat()
  await Promise.all(
    Array.from({ length: WIDTH }, async () => {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
        const verdict = one.limits?.[engine]?.verdict ?? one.verdict
        const caller = await FrameCaller.open(port, `/t/${agent.tunnelId}/`)
        await caller.play(one, verdict)
        found.set(one, judge(verdict, caller))
      }
    }),
  )
  agent.destroy()
  await gateway.destroy()
  return { found, errors }
}

suites(({ engine, test }) => {
  const ran = run(engine)
  ran.catch(() => {})
  for (const [part, cases] of Object.entries(TABLES)) {
    test(`${part}: ${cases.length} cases`, async (t: Test) => {
      const { found } = await ran
      for (const one of cases) t.same(found.get(one), [], `${one.id} ${one.name}`)
    })
  }
  test('nothing was logged as an error', async (t: Test) => {
    t.same((await ran).errors, [])
  })
})
