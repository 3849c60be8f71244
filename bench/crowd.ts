import type { Reading } from './figure.js'
import { Meter } from './meter.js'
import { orderFor, soundLoad } from './requests.js'
import type { Work } from './scenario.js'
import type { Trial } from './trial.js'

/** What a request costs a gateway with the links it has: to one agent, and to any of them. */
export async function measureCrowd(
  { ground, subject, seconds }: Trial,
  { connections }: Extract<Work, { kind: 'crowd' }>,
): Promise<Reading[]> {
  const ways = [
    { name: 'by id', path: `${subject.base}/` },
    { name: 'to any', path: '/forward' },
  ]
  const gateway = subject.members.filter(({ name }) => name === 'gateway')
  const readings: Reading[] = []
  for (const { name, path } of ways) {
    const order = orderFor(subject, path, { connections, seconds, reuse: true, upload: 0 })
    await soundLoad(ground, { ...order, seconds: 1 })
    const meter = new Meter(gateway)
    const report = await soundLoad(ground, order)
    const [cpu, memory] = meter.read(report.requests, 'request')
    readings.push({ name: `rate ${name}`, unit: 'req/s', value: report.requests / report.seconds })
    if (cpu) readings.push({ ...cpu, name: `${cpu.name} ${name}` })
    if (memory && name === 'by id') readings.push(memory)
  }
  return readings
}
