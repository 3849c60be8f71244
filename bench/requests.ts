import type { Reading } from './figure.js'
import type { Ground } from './ground.js'
import { runLoad } from './load.js'
import { cpuReading, Meter } from './meter.js'
import type { Work } from './scenario.js'
import type { Service } from './service.js'

type Requests = Extract<Work, { kind: 'requests' }>

const MIB = 1024 * 1024
/** A load with more broken connections than this share of its requests measures something else. */
const TOLERATED = 0.001
/** Seconds of load before those that count. */
const LEAD_IN = 1

/** Requests as fast as the subject takes them. */
export async function measureRequests(
  ground: Ground,
  work: Requests,
  subject: Service,
  origin: Service | undefined,
  seconds: number,
): Promise<Reading[]> {
  const { path, connections, reuse, upload } = work
  const order = { host: subject.host, path: subject.base + path, connections, seconds, reuse, upload }
  // While the others had their turn this one was idle: its caches are cold, and V8 has given memory back.
  await runLoad(ground, { ...order, seconds: LEAD_IN })
  const meter = new Meter([...subject.members, ...(origin?.members ?? [])])
  const report = await runLoad(ground, order)
  if (report.requests === 0) throw new Error('no request was answered')
  if (report.refused > 0) throw new Error(`${report.refused} of ${report.requests} answers were no success`)
  if (report.broken > report.requests * TOLERATED) {
    throw new Error(`${report.broken} connections broke in ${report.requests} requests`)
  }
  // Answers under way at the end count with the bytes that came; uploads are only known whole.
  const mib = (upload > 0 ? report.requests * work.body : report.bytes) / MIB
  const units = work.per === 'MiB' ? mib : report.requests
  return [
    { name: 'rate', unit: `${work.per === 'MiB' ? 'MiB' : 'req'}/s`, value: units / report.seconds },
    { name: 'latency p50', unit: 'ms', value: report.p50Ms },
    { name: 'latency p99', unit: 'ms', value: report.p99Ms },
    { name: 'broken', unit: 'connections', value: report.broken },
    ...meter.read(units, work.per),
    cpuReading('load', report.cpuNs, units, work.per),
  ]
}

/** One request by hand before any is counted: does the way work, and is the answer the right one? */
export async function probe(path: string, body: number, subject: Service, upload = false): Promise<void> {
  const response = await fetch(`http://${subject.host}${subject.base}${path}`, {
    ...(upload ? { method: 'POST', body: new Uint8Array(body) } : {}),
    signal: AbortSignal.timeout(20_000),
  })
  const bytes = (await response.arrayBuffer()).byteLength
  if (response.status !== 200) throw new Error(`the first request was answered ${response.status}`)
  if (!upload && bytes !== body) throw new Error(`the first answer had ${bytes} bytes, expected ${body}`)
}
