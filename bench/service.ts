import { setTimeout as sleep } from 'node:timers/promises'
import type { Running } from './process.js'

/** A process whose CPU and memory a round reads, under the name that the report gives it. */
export interface Member {
  readonly name: string
  readonly pid: number
}

/** Something that answers HTTP on 127.0.0.1, and the processes it is made of. */
export interface Service {
  readonly host: string
  /** What stands before every path: a tunnel's prefix, or nothing. */
  readonly base: string
  readonly members: readonly Member[]
  readonly processes: readonly Running[]
}

/** Waits for programs that say nothing when they are ready. */
export async function answering(running: Running, host: string): Promise<void> {
  const end = performance.now() + 5_000
  for (;;) {
    running.check()
    const answered = await fetch(`http://${host}/`, { method: 'HEAD' }).then(
      () => true,
      () => false,
    )
    if (answered) return
    if (performance.now() > end) throw new Error(`${running.name} does not answer on ${host}`)
    await sleep(20)
  }
}

export async function closeService(service: Service): Promise<void> {
  await Promise.all(service.processes.map((running) => running.close()))
}

export function checkService(service: Service): void {
  for (const running of service.processes) running.check()
}
