import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * Makes a directory, and those above it that are missing, for this user alone; nothing where it is there. One by one:
 * Node's own `recursive` never returns where a file system makes no directories at all, as on `/proc`.
 *
 * @throws Error naming the directory and why it cannot be.
 */
export function makePrivateDirectory(path: string): void {
  const missing: string[] = []
  for (let at = resolve(path); !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at)
  try {
    for (const each of missing) make(each)
    if (!statSync(path).isDirectory()) throw new Error('it is a file')
  } catch (error) {
    throw new Error(`${path} cannot be a directory: ${(error as Error).message}`, { cause: error })
  }
}

/** Another process may have been quicker. */
function make(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // What it lies in is there.
    if (code === 'ENOENT') throw new Error(`${dirname(path)} takes no directories`, { cause: error })
    if (code !== 'EEXIST') throw error
  }
}
