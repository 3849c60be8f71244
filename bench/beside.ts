import type { Reading } from './figure.js'
import { startGenerator } from './load.js'
import { loadReadings, Meter } from './meter.js'
import { latencies, orderFor, soundLoad } from './requests.js'
import type { Work } from './scenario.js'
import type { Trial } from './trial.js'

const MIB = 1024 * 1024
/** The download goes on after the requests that count. */
const BEYOND_SECONDS = 1

/** What one download as fast as it gets does to the small requests beside it. */
export async function measureBeside(
  { ground, subject, seconds }: Trial,
  { connections, path }: Extract<Work, { kind: 'beside' }>,
): Promise<Reading[]> {
  const small = orderFor(subject, `${subject.base}/`, { connections, seconds, reuse: true, upload: 0 })
  await soundLoad(ground, { ...small, seconds: 1 })
  const alone = await soundLoad(ground, small)
  const download = startGenerator(ground, {
    ...orderFor(subject, subject.base + path, { connections: 1, seconds, reuse: true, upload: 0 }),
    seconds: seconds + BEYOND_SECONDS,
  })
  await download.waitFor(/^STARTED\n/m)
  const meter = new Meter(subject.members)
  const beside = await soundLoad(ground, small)
  const readings = meter.read(beside.requests, 'request')
  const bulk = await download.report()
  return [
    ...latencies(alone).map((reading) => ({ ...reading, name: `${reading.name} alone` })),
    ...latencies(beside).map((reading) => ({ ...reading, name: `${reading.name} beside` })),
    { name: 'rate', unit: 'req/s', value: beside.requests / beside.seconds },
    { name: 'download', unit: 'MiB/s', value: bulk.bytes / MIB / bulk.seconds },
    ...readings.filter(({ name }) => name.endsWith('RSS')),
    ...loadReadings(beside.cpuNs, beside.seconds, beside.requests, 'request'),
  ]
}
