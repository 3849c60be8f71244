import type { Reading } from './figure.js'
import { cpuNs } from './kernel.js'
import { Crowd } from './links/crowd.js'
import type { Work } from './scenario.js'
import { closeService, type Service } from './service.js'
import type { Trial } from './trial.js'
import { startGateway } from './tunnel.js'

const SECOND = 1_000

/** A gateway is told to stop as its supervisor tells it, and another one starts on its port: how all agents come back. */
export async function measureRestart(
  { ground, build, subject }: Trial,
  { links }: Extract<Work, { kind: 'restart' }>,
): Promise<Reading[]> {
  const port = Number(subject.host.split(':')[1])
  const start = () => startGateway(ground, build, { port, watched: true })
  const first = await start()
  const crowd = await Crowd.open(ground, subject.host, links, true)
  const told = now()
  await closeService(first)
  const second = await start()
  try {
    const listening = now()
    // The start itself, in which its modules were loaded, is no lag of its work.
    await loopLag(second, 1)
    const returns = await crowd.back()
    const [half = 0, last = 0] = [returns[links >> 1], returns.at(-1)]
    const [gateway] = second.members
    const cpu = gateway ? cpuNs(gateway.pid) : 0
    return [
      { name: 'all back', unit: 's', value: (last - listening) / SECOND },
      { name: 'half back', unit: 's', value: (half - listening) / SECOND },
      { name: 'away', unit: 's', value: (last - told) / SECOND },
      { name: 'gateway CPU', unit: 'µs/link', value: cpu / 1000 / links },
      ...(await loopLag(second, 2)),
    ]
  } finally {
    await crowd.close()
    await closeService(second)
  }
}

async function loopLag({ processes: [gateway] }: Service, turn: number): Promise<Reading[]> {
  if (!gateway) return []
  process.kill(gateway.pid, 'SIGUSR2')
  const [, text = ''] = await gateway.waitFor(new RegExp(`LOOP-LAG ${turn} (.+)\\n`))
  const { maxMs, p99Ms } = JSON.parse(text) as { maxMs: number; p99Ms: number }
  return [
    { name: 'loop lag p99', unit: 'ms', value: p99Ms },
    { name: 'loop lag max', unit: 'ms', value: maxMs },
  ]
}

/** The clock that all processes share, in milliseconds. */
const now = (): number => performance.timeOrigin + performance.now()
