import { setTimeout as sleep } from 'node:timers/promises'
import type { Reading } from './figure.js'
import { cpuNs, rss } from './kernel.js'
import { openLinks } from './links.js'
import type { Work } from './scenario.js'
import type { Service } from './service.js'

type Idle = Extract<Work, { kind: 'idle' }>

const KIB = 1024
/**
 * Links made before the first reading, and kept: by them code is compiled, pools are filled and V8's young generation
 * has grown to the size that a burst of handshakes brings (16 MiB, given back when idle for 20 s), not by the counted.
 */
const WARM = 1_500
/** Until what was allocated for handshakes has been collected and pages have been given back. */
const SETTLE_MS = 1_000

/**
 * Memory of a gateway that holds many idle links, and the CPU that holding them takes. The gateway must be a
 * fresh one: what it has freed once it uses again before it grows.
 */
export async function measureIdle(work: Idle, subject: Service): Promise<Reading[]> {
  const [member] = subject.members
  if (!member) throw new Error('there is no gateway to read')
  const warm = await openLinks(subject.host, WARM)
  try {
    await sleep(SETTLE_MS)
    const before = rss(member.pid)
    const began = performance.now()
    const links = await openLinks(subject.host, work.links)
    try {
      const opening = (performance.now() - began) / 1000
      await sleep(SETTLE_MS)
      const after = rss(member.pid)
      const cpu = cpuNs(member.pid)
      await sleep(SETTLE_MS)
      const idleCpu = (cpuNs(member.pid) - cpu) / (SETTLE_MS * 1e6)
      const lost = links.lost() + warm.lost()
      if (lost > 0) throw new Error(`${lost} links were closed while idle`)
      return [
        { name: 'memory of a link', unit: 'KiB', value: (after - before) / KIB / work.links },
        { name: `${member.name} RSS`, unit: 'MiB', value: after / KIB / KIB },
        { name: 'links opened', unit: '1/s', value: work.links / opening },
        { name: 'CPU while idle', unit: '% of a core', value: idleCpu * 100 },
      ]
    } finally {
      links.destroy()
    }
  } finally {
    warm.destroy()
  }
}
