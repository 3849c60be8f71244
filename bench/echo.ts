import type { Reading } from './figure.js'
import { endedChildrenNs } from './kernel.js'
import { resultOf } from './load.js'
import { loadReadings, Meter } from './meter.js'
import type { Work } from './scenario.js'
import type { Trial } from './trial.js'

/** What the driver of the WebSockets is told. */
export interface EchoOrder {
  readonly host: string
  readonly path: string
  readonly headers: readonly string[]
  readonly connections: number
  readonly bytes: number
  readonly seconds: number
}

export interface EchoReport {
  readonly messages: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Messages through WebSockets and back: what one costs each process, and how long it takes. */
export async function measureEcho(
  { ground, subject, origin, seconds }: Trial,
  { connections, bytes }: Extract<Work, { kind: 'echo' }>,
): Promise<Reading[]> {
  const { host, base, headers } = subject
  const order: EchoOrder = { host, path: `${base}/echo`, headers, connections, bytes, seconds }
  const meter = new Meter([...subject.members, ...(origin?.members ?? [])])
  const before = endedChildrenNs()
  const report = await resultOf<EchoReport>(ground.startModule('load', 'echo-driver.js', order), seconds)
  if (report.messages === 0) throw new Error('no message came back')
  return [
    { name: 'rate', unit: 'message/s', value: report.messages / report.seconds },
    { name: 'latency p50', unit: 'ms', value: report.p50Ms },
    { name: 'latency p99', unit: 'ms', value: report.p99Ms },
    ...meter.read(report.messages, 'message'),
    ...loadReadings(endedChildrenNs() - before, report.seconds, report.messages, 'message'),
  ]
}
