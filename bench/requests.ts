import type { Reading } from './figure.js'
import type { Ground } from './ground.js'
import { type LoadOrder, type LoadReport, runLoad } from './load.js'
import { loadReadings, Meter } from './meter.js'
import type { Work } from './scenario.js'
import { fieldsOf, type Service } from './service.js'
import type { Trial } from './trial.js'

type Requests = Extract<Work, { kind: 'requests' }>

const MIB = 1024 * 1024
/** A load with more broken connections than this share of its requests measures something else. */
const TOLERATED = 0.001
/** Seconds of load before those that count. */
const LEAD_IN = 1

/** Requests as fast as the subject takes them. */
export async function measureRequests(trial: Trial, work: Requests): Promise<Reading[]> {
  const { ground, subject, origin, seconds } = trial
  const { upload } = work
  const order = orderOf(work, subject, seconds)
  await leadIn(trial, work)
  const meter = new Meter([...subject.members, ...(origin?.members ?? [])])
  const report = await soundLoad(ground, order)
  // Answers under way at the end count with the bytes that came; uploads are only known whole.
  const mib = (upload > 0 ? report.requests * work.body : report.bytes) / MIB
  const units = work.per === 'MiB' ? mib : report.requests
  return [
    { name: 'rate', unit: `${work.per === 'MiB' ? 'MiB' : 'req'}/s`, value: units / report.seconds },
    ...(report.requests > 0 ? latencies(report) : []),
    { name: 'broken', unit: 'connections', value: report.broken },
    ...meter.read(units, work.per),
    ...loadReadings(report.cpuNs, report.seconds, units, work.per),
  ]
}

const orderOf = (
  { path, connections, reuse, upload }: Requests,
  subject: Service,
  seconds: number,
): LoadOrder => orderFor(subject, subject.base + path, { connections, seconds, reuse, upload })

/** While the others had their turn this one was idle: its caches are cold, and V8 has given memory back. */
export async function leadIn({ ground, subject }: Trial, work: Requests): Promise<void> {
  await runLoad(ground, orderOf(work, subject, LEAD_IN))
}

export const orderFor = (
  subject: Service,
  path: string,
  rest: Omit<LoadOrder, 'host' | 'path' | 'headers'>,
): LoadOrder => ({ host: subject.host, path, headers: subject.headers, ...rest })

export const latencies = ({ p50Ms, p99Ms }: LoadReport): Reading[] => [
  { name: 'latency p50', unit: 'ms', value: p50Ms },
  { name: 'latency p99', unit: 'ms', value: p99Ms },
]

/** A load whose every answer was a success. */
export async function soundLoad(ground: Ground, order: LoadOrder): Promise<LoadReport> {
  const report = await runLoad(ground, order)
  // Of a large body much may have come before the first is whole.
  if (report.requests === 0 && report.bytes === 0) throw new Error('nothing was answered')
  if (report.refused > 0) throw new Error(`${report.refused} of ${report.requests} answers were no success`)
  // wrk also counts connections that end after their answer, if that did not say so: no loss where each has but one.
  if (order.reuse && report.broken > report.requests * TOLERATED) {
    throw new Error(`${report.broken} connections broke in ${report.requests} requests`)
  }
  return report
}

/** One request by hand before any is counted: does the way work, and is the answer the right one? */
export async function probe(
  subject: Service,
  { path, body, upload }: Pick<Requests, 'path' | 'body' | 'upload'>,
): Promise<void> {
  // Who is told apart by its host has been asked already, when it started: `fetch` cannot name one.
  if (subject.headers.some((line) => /^host:/i.test(line))) return
  const response = await fetch(`http://${subject.host}${subject.base}${path}`, {
    ...(upload > 0 ? { method: 'POST', body: new Uint8Array(body) } : {}),
    headers: fieldsOf(subject.headers),
    signal: AbortSignal.timeout(20_000),
  })
  const bytes = (await response.arrayBuffer()).byteLength
  if (response.status !== 200) throw new Error(`the first request was answered ${response.status}`)
  if (upload === 0 && bytes !== body) throw new Error(`the first answer had ${bytes} bytes, expected ${body}`)
}
