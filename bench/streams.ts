import type { Reading } from './figure.js'
import type { Ground } from './ground.js'
import { endedChildrenNs } from './kernel.js'
import { cpuReading, Meter } from './meter.js'
import type { Work } from './scenario.js'
import type { Service } from './service.js'

type Streams = Extract<Work, { kind: 'streams' }>

/** What the reader of the streams is told. */
export interface StreamOrder {
  readonly host: string
  readonly path: string
  readonly streams: number
  readonly seconds: number
}

export interface StreamReport {
  readonly opened: number
  readonly events: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Many slow streams at once: what counts is CPU by event, and how late each event comes. */
export async function measureStreams(
  ground: Ground,
  work: Streams,
  subject: Service,
  origin: Service | undefined,
  seconds: number,
): Promise<Reading[]> {
  const meter = new Meter([...subject.members, ...(origin?.members ?? [])])
  const before = endedChildrenNs()
  const path = `${subject.base}/stream?interval=${work.intervalMs}`
  const order: StreamOrder = { host: subject.host, path, streams: work.streams, seconds }
  const running = ground.startModule('load', 'stream-reader.js', order)
  const line = /^RESULT (.+)$/m.exec(await running.finish((seconds + 20) * 1000))?.[1]
  if (!line) throw new Error('the reader of the streams gave no result')
  const report = JSON.parse(line) as StreamReport
  if (report.opened < work.streams) throw new Error(`${report.opened} of ${work.streams} streams opened`)
  if (report.events === 0) throw new Error('no event came')
  return [
    { name: 'rate', unit: 'event/s', value: report.events / report.seconds },
    { name: 'delay p50', unit: 'ms', value: report.p50Ms },
    { name: 'delay p99', unit: 'ms', value: report.p99Ms },
    { name: 'delay max', unit: 'ms', value: report.maxMs },
    ...meter.read(report.events, 'event'),
    cpuReading('load', endedChildrenNs() - before, report.events, 'event'),
  ]
}
