import { assertNever } from '../shared/errors.js'
import { Absent, type Ground } from './ground.js'
import { startHaproxy } from './haproxy.js'
import { startNginxProxy } from './nginx.js'
import type { Service } from './service.js'
import { type Build, startGateway, startTunnel } from './tunnel.js'

/**
 * What can stand between the load and the origin. `direct` is nothing at all; `gateway` is one without an
 * agent; `logged` is `forward` with its access log on, as it is by default.
 */
export type SubjectName =
  | 'direct'
  | 'nginx'
  | 'nginx-2'
  | 'haproxy'
  | 'forward'
  | 'logged'
  | 'handler'
  | 'gateway'

export async function startSubject(
  ground: Ground,
  build: Build,
  name: SubjectName,
  origin: Service | undefined,
): Promise<Service> {
  const target = () => {
    if (!origin) throw new Error(`${name} needs an origin`)
    return origin.host
  }
  switch (name) {
    case 'direct':
      return { host: target(), base: '', members: [], processes: [] }
    case 'nginx':
      return await startNginxProxy(ground, 'nginx', target())
    case 'nginx-2':
      return await twoHops(ground, target())
    case 'haproxy':
      return await startHaproxy(ground, target())
    case 'forward':
      return await startTunnel(ground, build, { kind: 'forward', target: target() }, false)
    case 'logged':
      return await startTunnel(ground, build, { kind: 'forward', target: target() }, true)
    case 'handler':
      return await startTunnel(ground, build, { kind: 'handler' }, false)
    case 'gateway':
      return await startGateway(ground, build, false)
    default:
      return assertNever(name)
  }
}

/** What a tunnel's two processes are to be compared with: as many hops, none of them Node. */
async function twoHops(ground: Ground, target: string): Promise<Service> {
  const back = await startNginxProxy(ground, 'back', target)
  const front = await startNginxProxy(ground, 'front', back.host)
  return {
    ...front,
    members: [...front.members, ...back.members],
    processes: [...front.processes, ...back.processes],
  }
}

/** A reference that is missing is told and passed over; what the project itself builds may not be missing. */
export type Start =
  | { readonly kind: 'started'; readonly name: SubjectName; readonly service: Service }
  | { readonly kind: 'absent'; readonly name: SubjectName; readonly reason: string }
  | { readonly kind: 'failed'; readonly name: SubjectName; readonly reason: string }

export async function tryStart(
  ground: Ground,
  build: Build,
  name: SubjectName,
  origin: Service | undefined,
): Promise<Start> {
  try {
    return { kind: 'started', name, service: await startSubject(ground, build, name, origin) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { kind: error instanceof Absent ? 'absent' : 'failed', name, reason }
  }
}
