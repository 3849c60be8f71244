import { startLine } from './far-line.js'
import { Absent, freePort, type Ground } from './ground.js'
import { startHaproxy } from './haproxy.js'
import { Crowd } from './links/crowd.js'
import { startNginxProxy } from './nginx.js'
import { startPeer } from './peers/peer.js'
import { type PeerName, peerOf } from './peers/table.js'
import type { Service } from './service.js'
import { type Build, type GatewaySettings, requireOption, startGateway, startTunnel } from './tunnel.js'

/**
 * What can stand between the load and the origin: nothing, a proxy, two proxies, our tunnel in one of its
 * settings, or what people would use instead. `core` is the code alone, `address` a place where a trial starts its own.
 */
export type SubjectName =
  | 'direct'
  | 'nginx'
  | 'nginx-2'
  | 'haproxy'
  | 'haproxy-2'
  | 'forward'
  | 'logged'
  | 'observed'
  | 'token'
  | 'uws'
  | 'node'
  | 'handler'
  | 'gateway'
  | 'links-1'
  | 'links-64'
  | 'links-15000'
  | 'far'
  | 'far-forward'
  | 'core'
  | 'address'
  | PeerName

const TOKEN = 'the-token-of-a-benchmark-and-of-nothing-else'
/** So short that a round of a few seconds sees every link pinged. */
export const PING_SECONDS = 2

/** What answers by itself has no part of the origin's CPU. */
export const usesOrigin = (name: SubjectName): boolean => name !== 'handler' && !name.startsWith('links-')

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
  const forward = (settings: GatewaySettings) =>
    startTunnel(ground, build, { kind: 'forward', target: target() }, settings)
  switch (name) {
    case 'direct':
      return { ...NOTHING, host: target() }
    case 'nginx':
      return await startNginxProxy(ground, 'nginx', target())
    case 'nginx-2':
      return await twoHops(target(), (hop, to) => startNginxProxy(ground, hop, to))
    case 'haproxy':
      return await startHaproxy(ground, 'haproxy', target())
    case 'haproxy-2':
      return await twoHops(target(), (hop, to) => startHaproxy(ground, hop, to))
    case 'forward':
      return await forward({})
    case 'logged':
      return await forward({ accessLog: true })
    case 'observed':
      requireOption(build, '--inspect')
      return await forward({ accessLog: true, inspect: true })
    case 'token':
      requireOption(build, '--auth')
      return await forward({ token: TOKEN })
    case 'uws':
    case 'node':
      return await forward({ engine: name })
    case 'handler':
      return await startTunnel(ground, build, { kind: 'handler' })
    case 'gateway':
      return await startGateway(ground, build, { pingInterval: `${PING_SECONDS}s` })
    case 'links-1':
    case 'links-64':
    case 'links-15000':
      return await crowded(ground, build, Number(name.slice('links-'.length)))
    case 'far':
      return await startLine(ground, target())
    case 'far-forward':
      return await startTunnel(ground, build, { kind: 'forward', target: target() }, {}, (gateway) =>
        startLine(ground, gateway.host),
      )
    case 'core':
      return { ...NOTHING, host: '' }
    case 'address':
      return { ...NOTHING, host: `127.0.0.1:${await freePort()}` }
    default:
      return await startPeer(ground, name, peerOf(name), target())
  }
}

const NOTHING: Omit<Service, 'host'> = { base: '', headers: [], members: [], processes: [] }

/** What a tunnel's two processes are to be compared with: as many hops, none of them Node. */
async function twoHops(
  target: string,
  start: (name: string, target: string) => Promise<Service>,
): Promise<Service> {
  const back = await start('back', target)
  const front = await start('front', back.host)
  return {
    ...front,
    members: [...front.members, ...back.members],
    processes: [...front.processes, ...back.processes],
  }
}

/** A gateway with so many agents that answer by themselves; its path leads to one of them. */
async function crowded(ground: Ground, build: Build, links: number): Promise<Service> {
  const gateway = await startGateway(ground, build)
  const crowd = await Crowd.open(ground, gateway.host, links)
  return { ...gateway, base: `/t/${crowd.id}`, processes: [...crowd.processes, ...gateway.processes] }
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
