import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made: string[] = []

/** A data directory that no other gateway owns; gone with this process. */
export function freshDirectory(): string {
  if (made.length === 0)
    process.once('exit', () => {
      for (const path of made) rmSync(path, { recursive: true, force: true })
    })
  const path = mkdtempSync(join(tmpdir(), 'gw-data-'))
  made.push(path)
  return path
}
