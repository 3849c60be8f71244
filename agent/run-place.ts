/** Where `gw-agent run` runs: at the gateway that is named, else here, else at the gateway that owns the sessions here. */
import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '../shared/options.js'
import { STORE_FILE } from '../shared/sessions/engine-types.js'
import { MIGRATIONS } from '../shared/sessions/sqlite-tables.js'
import { openDatabase } from '../shared/store/database.js'
import { ExternalGateway } from './client/external-gateway.js'
import { GatewayError } from './client/gateway-error.js'
import { InProcessGateway } from './client/in-process-gateway.js'
import type { Session, SessionGateway } from './client/session-gateway.js'
import type { RunConfig } from './run.js'

export interface RunPlace {
  readonly gateway: SessionGateway
  readonly session: Session
}

type Notice = (line: string) => void

/** With its session, so that a gateway that cannot be reached shows before anything runs. */
export async function openPlace(config: RunConfig, notice: Notice): Promise<RunPlace> {
  const { gatewayUrl, handlers } = config
  if (gatewayUrl === undefined) return here(config, notice)
  try {
    return await begin(config, new ExternalGateway(gatewayUrl, config))
  } catch (error) {
    if (codeOf(error) !== 'unreachable' || handlers === undefined) throw error
    notice(`${(error as Error).message}; running here, on ${handlers}`)
    return here(config, notice)
  }
}

async function here(config: RunConfig, notice: Notice): Promise<RunPlace> {
  const { handlers, dataDir } = config
  let conflict: unknown
  if (handlers !== undefined) {
    try {
      return await begin(config, new InProcessGateway({ handlers, dataDir }))
    } catch (error) {
      if (codeOf(error) === 'store_unavailable' && config.mayForget) {
        notice(`the session ends with this process: ${(error as Error).message}`)
        return begin(config, new InProcessGateway({ handlers }))
      }
      if (codeOf(error) !== 'conflict') throw error
      conflict = error
    }
  }
  const url = ownerOf(dataDir)
  if (url === undefined) throw conflict ?? new UsageError(['run needs --gateway-url or --handlers'])
  notice(`the sessions in ${dataDir} belong to the gateway on ${url}, which runs it`)
  return begin(config, new ExternalGateway(url, { token: config.token, insecure: true }))
}

async function begin(config: RunConfig, gateway: SessionGateway): Promise<RunPlace> {
  const { session: id, userId, workspaceDir } = config
  try {
    const session =
      id === undefined
        ? await gateway.createSession({ userId, workspaceDir })
        : await gateway.resumeSession(id)
    return { gateway, session }
  } catch (error) {
    await gateway.close()
    throw error
  }
}

/** Where the gateway of this machine listens that has the directory's sessions; undefined where none says so. */
function ownerOf(dataDir: string): string | undefined {
  const path = join(dataDir, STORE_FILE)
  if (!existsSync(path)) return undefined
  const database = openDatabase({ path, migrations: MIGRATIONS })
  try {
    const url = database.prepare('SELECT url FROM owner').get()?.url
    return typeof url === 'string' && isHere(url) ? url : undefined
  } finally {
    database.close()
  }
}

/** A directory that came from elsewhere must not say where a credential goes. */
function isHere(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address))
  return ['localhost', '0.0.0.0', '::', ...addresses].includes(host)
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof GatewayError ? error.code : undefined
