import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, type Ground } from './ground.js'
import { startNginxOrigin } from './nginx.js'
import type { Service } from './service.js'

/**
 * `fixed` answers small requests and files at the least cost; `live` reads uploads, paces streams and
 * hashes, which takes a program.
 */
export type OriginKind = 'fixed' | 'live' | 'none'

const MIB = 1024 * 1024
/** Paths of the fixed origin and their sizes. */
export const FILES = { '1m': MIB, '100m': 100 * MIB } as const

export async function startOrigin(ground: Ground, kind: OriginKind): Promise<Service | undefined> {
  switch (kind) {
    case 'none':
      return undefined
    case 'live':
      return await startProgram(ground, 'origin-live.js')
    case 'fixed':
      return findProgram('nginx')
        ? await startNginxOrigin(ground, files(ground))
        : await startProgram(ground, 'origin-fixed.js')
  }
}

async function startProgram(ground: Ground, module: string): Promise<Service> {
  const running = ground.startModule('origin', module, null)
  const [, host = ''] = await running.waitFor(/listening on (\S+)\n/)
  return {
    host,
    base: '',
    headers: [],
    members: [{ name: 'origin', pid: running.pid }],
    processes: [running],
  }
}

let written: string | undefined

/** Written once a run; read from the page cache ever after. */
function files(ground: Ground): string {
  if (written) return written
  const folder = join(ground.dir, 'files')
  mkdirSync(folder)
  for (const [name, size] of Object.entries(FILES)) writeFileSync(join(folder, name), Buffer.alloc(size))
  return (written = folder)
}
