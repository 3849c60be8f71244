import type { Reading } from './figure.js'
import { endedChildrenNs } from './kernel.js'
import { resultOf } from './load.js'
import { loadReadings, Meter } from './meter.js'
import type { Work } from './scenario.js'
import type { Trial } from './trial.js'

/** What the reader of the streams is told. */
export interface StreamOrder {
  readonly host: string
  readonly path: string
  readonly headers: readonly string[]
  readonly streams: number
  /** Milliseconds after which a stream ends and another begins; null: they stay. */
  readonly lifeMs: number | null
  /** Without an event for so long, a stream has stalled. */
  readonly stallMs: number
  readonly seconds: number
}

export interface StreamReport {
  readonly opened: number
  readonly stalled: number
  readonly events: number
  readonly seconds: number
  /** From the request to the first event. */
  readonly first: Delays
  /** From the origin to the caller, of every event. */
  readonly event: Delays
}

/** Milliseconds. */
export interface Delays {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** A stream whose events are this many intervals late, and at least a second, has stalled. */
const STALL_INTERVALS = 5
const STALL_MS = 1_000

/** Many slow streams at once: what counts is CPU by event, and how late each event comes. */
export async function measureStreams(
  { ground, subject, origin, seconds }: Trial,
  { streams, intervalMs, lifeMs }: Extract<Work, { kind: 'streams' }>,
): Promise<Reading[]> {
  const meter = new Meter([...subject.members, ...(origin?.members ?? [])])
  const before = endedChildrenNs()
  const order: StreamOrder = {
    host: subject.host,
    path: `${subject.base}/stream?interval=${intervalMs}`,
    headers: subject.headers,
    streams,
    lifeMs: lifeMs ?? null,
    stallMs: Math.max(STALL_MS, STALL_INTERVALS * intervalMs),
    seconds,
  }
  const report = await resultOf<StreamReport>(ground.startModule('load', 'stream-reader.js', order), seconds)
  if (report.opened < streams) throw new Error(`${report.opened} of ${streams} streams opened`)
  if (report.events === 0) throw new Error('no event came')
  return [
    { name: 'rate', unit: 'event/s', value: report.events / report.seconds },
    { name: 'streams', unit: 'streams', value: report.opened },
    { name: 'stalled', unit: 'streams', value: report.stalled },
    ...delays('first event', report.first),
    ...delays('delay', report.event),
    ...meter.read(report.events, 'event'),
    ...loadReadings(endedChildrenNs() - before, report.seconds, report.events, 'event'),
  ]
}

const delays = (name: string, { p50, p99, max }: Delays): Reading[] => [
  { name: `${name} p50`, unit: 'ms', value: p50 },
  { name: `${name} p99`, unit: 'ms', value: p99 },
  { name: `${name} max`, unit: 'ms', value: max },
]
