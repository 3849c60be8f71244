import type { Ground } from './ground.js'
import type { Service } from './service.js'

/** A line with a round trip and, as TCP on such a line has, a window: bytes that may be on their way each direction. */
export interface LineOrder {
  readonly target: string
  readonly roundTripMs: number
  readonly window: number
}

const LINE = { roundTripMs: 100, window: 4 * 1024 * 1024 }

/** In a process of its own, and not counted: it stands for a network. */
export async function startLine(ground: Ground, target: string): Promise<Service> {
  const order: LineOrder = { target, ...LINE }
  const running = ground.startModule('line', 'far-line-relay.js', order)
  const [, host = ''] = await running.waitFor(/listening on (\S+)\n/)
  return { host, base: '', headers: [], members: [], processes: [running] }
}
