import { setTimeout as sleep } from 'node:timers/promises'
import type { Reading } from './figure.js'
import { cpuNs, rss } from './kernel.js'
import { Crowd } from './links/crowd.js'
import type { Work } from './scenario.js'
import { PING_SECONDS } from './subject.js'
import type { Trial } from './trial.js'

const KIB = 1024
/**
 * Links made before the first reading, and kept: by them code is compiled, pools are filled and V8's young generation
 * has grown to the size that a burst of handshakes brings (16 MiB, given back when idle for 20 s), not by the counted.
 * With half as many it grew by 8 MiB under the counted ones in every other round, which is 4 KiB for each of 2,000.
 */
const WARM = 3_000
/** Until what was allocated for handshakes has been collected and pages have been given back. */
const SETTLE_MS = 1_000

/**
 * Memory of a gateway that holds many idle links, and the CPU that holding them takes. The gateway must be a
 * fresh one: what it has freed once it uses again before it grows.
 */
export async function measureIdle(
  { ground, subject }: Trial,
  work: Extract<Work, { kind: 'idle' }>,
): Promise<Reading[]> {
  const [member] = subject.members
  if (!member) throw new Error('there is no gateway to read')
  const crowds = [await Crowd.open(ground, subject.host, WARM)]
  const counts = async () => {
    const all = await Promise.all(crowds.map((crowd) => crowd.count()))
    const lost = all.reduce((sum, count) => sum + count.lost, 0)
    if (lost > 0) throw new Error(`${lost} links were closed while idle`)
    return all.reduce((sum, count) => sum + count.pings, 0)
  }
  try {
    await sleep(SETTLE_MS)
    const before = rss(member.pid)
    const began = cpuNs(member.pid)
    const crowd = await Crowd.open(ground, subject.host, work.links)
    crowds.push(crowd)
    const opening = cpuNs(member.pid) - began
    await sleep(SETTLE_MS)
    const after = rss(member.pid)
    const [pings, cpu] = [await counts(), cpuNs(member.pid)]
    await sleep(PING_SECONDS * 1000)
    const [pinged, idleCpu] = [(await counts()) - pings, cpuNs(member.pid) - cpu]
    return [
      { name: 'memory of a link', unit: 'KiB', value: (after - before) / KIB / work.links },
      { name: `${member.name} RSS`, unit: 'MiB', value: after / KIB / KIB },
      { name: 'links opened', unit: '1/s', value: work.links / (crowd.openingMs / 1000) },
      { name: 'CPU of a handshake', unit: 'µs', value: opening / 1000 / work.links },
      { name: 'pings', unit: '1/s', value: pinged / PING_SECONDS },
      { name: 'CPU of a ping', unit: 'µs', value: idleCpu / 1000 / Math.max(1, pinged) },
    ]
  } finally {
    await Promise.all(crowds.map((crowd) => crowd.close()))
  }
}
