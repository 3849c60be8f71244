import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram, freePort, type Ground, program } from '../ground.js'
import { childrenOf } from '../kernel.js'
import type { Running } from '../process.js'
import { answering, type Service } from '../service.js'
import { connects } from './connects.js'

/** What a definition may use; ports are free ones on 127.0.0.1. */
export interface Place {
  readonly targetHost: string
  readonly targetPort: string
  /** Where callers come in. */
  readonly open: number
  /** Where the client dials in. */
  readonly control: number
  /** For whatever else wants to listen. */
  readonly spare: readonly [number, number]
  write(name: string, content: string): string
  /** The path of one of the programs named in `programs`. */
  program(name: string): string
  /** Runs a helper program to its end. */
  run(file: string, ...args: readonly string[]): Promise<void>
}

export interface Call {
  readonly file: string
  readonly args: readonly string[]
}

/** A tunnel that people would use instead: a server to which a client dials, and a port of the server's for callers. */
export interface Peer {
  /** Without one of these it is absent. */
  readonly programs: readonly string[]
  /** Whether the definition has been run here, or only written from the peer's documentation. */
  readonly proven: boolean
  /** The lines that callers must send, where the peer tells its tunnels apart by them. */
  readonly headers?: readonly string[]
  /** Where it cannot be told, the port at which the server waits for its client. */
  readonly controlPort?: number
  /** Callers and the client come to the same port. */
  readonly onePort?: true
  start(
    place: Place,
  ): Promise<{ readonly server: Call; readonly client: Call }> | { server: Call; client: Call }
}

export async function startPeer(ground: Ground, name: string, peer: Peer, target: string): Promise<Service> {
  for (const file of peer.programs) program(file)
  try {
    return await start(ground, name, peer, target)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(peer.proven ? reason : `${reason} (how to start it is only known from its documentation)`)
  }
}

async function start(ground: Ground, name: string, peer: Peer, target: string): Promise<Service> {
  const [targetHost = '', targetPort = ''] = target.split(':')
  const open = await freePort()
  const control = peer.onePort ? open : (peer.controlPort ?? (await freePort()))
  const { server, client } = await peer.start({
    targetHost,
    targetPort,
    open,
    control,
    spare: [await freePort(), await freePort()],
    write: (file, content) => ground.write(file, content),
    program: (file) => findProgram(file) ?? file,
    run: async (file, ...args) => void (await ground.start({ name, file, args }).finish(20_000)),
  })
  const first = ground.start({ name: `${name} server`, ...server })
  await listening(first, control)
  const second = ground.start({ name: `${name} client`, ...client })
  const host = `127.0.0.1:${open}`
  const headers = peer.headers ?? []
  await answering([first, second], host, headers)
  return {
    host,
    base: '',
    headers,
    members: [...membersOf('server', first), ...membersOf('client', second)],
    processes: [second, first],
  }
}

async function listening(running: Running, port: number): Promise<void> {
  for (const end = performance.now() + 10_000; !(await connects(port)); await sleep(20)) {
    running.check()
    if (performance.now() > end) throw new Error(`${running.name} does not listen on port ${port}`)
  }
}

/** Some servers hand each client to a process of its own. */
function membersOf(name: string, running: Running): { name: string; pid: number }[] {
  const all: number[] = [running.pid]
  for (let n = 0; n < all.length; n++) all.push(...childrenOf(all[n] ?? 0))
  return all.map((pid) => ({ name, pid }))
}
