/** What this gateway is called where several report to one place: an id that outlives restarts. */
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makePrivateDirectory } from '../../shared/private-directory.js'

const SHAPE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Kept in `dataDir/node-id`, made there the first time. Throws where the directory cannot be written. */
export function nodeId(dataDir: string): string {
  const path = join(dataDir, 'node-id')
  const kept = read(path)
  if (kept !== undefined) return kept
  makePrivateDirectory(dataDir)
  const id = randomUUID()
  try {
    // Of two that start at once one makes the file, and the other takes that.
    writeFileSync(path, `${id}\n`, { mode: 0o600, flag: 'wx' })
    return id
  } catch (error) {
    const theirs = read(path)
    if (theirs !== undefined) return theirs
    throw new Error(`${path} holds no node id: remove it`, { cause: error })
  }
}

function read(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return SHAPE.test(text) ? text : undefined
  } catch {
    return undefined
  }
}
