import { createHash, randomUUID } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { makePrivateDirectory } from '../shared/private-directory.js'
import { formatTunnelId, parseTunnelId, type TunnelId } from '../shared/tunnel-id.js'

export interface IdentityPlace {
  /** The gateway's URL and the agent's working directory: another pair, another identity. */
  readonly gateway: string
  readonly directory: string
  /** Tells tunnels of one process apart; empty for the only one. */
  readonly slot: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export type Identity =
  | { readonly kind: 'found' | 'made'; readonly id: TunnelId; readonly file: string }
  /** It could not be kept, so the next start has another. */
  | { readonly kind: 'passing'; readonly id: TunnelId; readonly reason: string }

/** What an agent is for when nobody said. */
const PURPOSE = 'dev'

/** The tunnel id of a place: the one kept there, else a new one that is kept from now on. */
export function keptIdentity(place: IdentityPlace): Identity {
  const folder = stateFolder(place.env)
  const key = createHash('sha256')
    .update(JSON.stringify([place.gateway, place.directory, place.slot]))
    .digest('hex')
  const file = join(folder, `${key.slice(0, 32)}.id`)
  const id = formatTunnelId(randomUUID(), PURPOSE)
  try {
    const found = readIdentity(file)
    if (found !== undefined) return { kind: 'found', id: found, file }
    makePrivateDirectory(folder)
    return keep(file, id)
  } catch (error) {
    return { kind: 'passing', id, reason: error instanceof Error ? error.message : String(error) }
  }
}

/** Written aside and linked into place: of two agents that start at once both get the id of the first. */
function keep(file: string, id: TunnelId): Identity {
  const aside = `${file}.${process.pid}.${randomUUID()}`
  try {
    writeFileSync(aside, `${id.id}\n`, { mode: 0o600, flag: 'wx' })
    linkSync(aside, file)
    return { kind: 'made', id, file }
  } catch (error) {
    const found = hasCode(error, 'EEXIST') ? readIdentity(file) : undefined
    if (found === undefined) throw error
    return { kind: 'found', id: found, file }
  } finally {
    rmSync(aside, { force: true })
  }
}

/** Undefined where nothing is kept. A file that holds no tunnel id is an error: it may be of use to its owner. */
function readIdentity(file: string): TunnelId | undefined {
  try {
    return parseTunnelId(readFileSync(file, 'utf8').trim())
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw hasCode(error, 'invalid_tunnel_id') ? new Error(`${file} holds no tunnel id`) : error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** By the XDG base directories, which ask for a relative path to be ignored. */
function stateFolder({ XDG_STATE_HOME: state = '', HOME: home }: IdentityPlace['env']): string {
  return join(isAbsolute(state) ? state : join(home || homedir(), '.local', 'state'), 'gw-agent')
}
