/** How a command reaches tokens and devices: through the gateway that runs on the data directory, else the store. */
import { existsSync } from 'node:fs'
import { control } from '../control/client.js'
import { Credentials } from './credentials.js'
import { accessFile } from './database.js'
import { Endings } from './endings.js'
import { CredentialStore } from './store.js'
import { accessVerbs } from './verbs.js'

/** Resolves to what the verb answers; rejects as it does. */
export async function ask<T>(dataDir: string, verb: string, args: object = {}): Promise<T> {
  const asked = await control(dataDir, verb, args)
  return (asked === undefined ? await withoutGateway(dataDir, verb, args) : asked.answer) as T
}

async function withoutGateway(dataDir: string, verb: string, args: object): Promise<unknown> {
  if (verb !== 'token.create' && !existsSync(accessFile(dataDir)))
    throw new Error(`no gateway runs on ${dataDir}, and no token or device was ever made there`)
  const credentials = new Credentials(CredentialStore.open(dataDir), new Endings(Date.now), Date.now)
  try {
    return await accessVerbs(() => ({ credentials, pairings: undefined }))[verb]!({ ...args })
  } finally {
    credentials.close()
  }
}
