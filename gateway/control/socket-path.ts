import { closeSync, openSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ControlError } from './verbs.js'

const NAME = 'control.sock'

/** What fits into `sun_path` with its closing zero, on the smallest of the systems that gw runs on. */
const LONGEST = process.platform === 'linux' ? 107 : 103

/** A path to the socket that the system takes, for as long as it is open. */
export interface SocketPath {
  readonly path: string
  close(): void
}

/**
 * Where the socket of `dataDir` is. A longer path than a socket may have is reached through a descriptor of its
 * directory; where the system has no such thing, `ControlError` says that a shorter one is needed.
 */
export function openSocketPath(dataDir: string): SocketPath {
  const path = resolve(dataDir, NAME)
  if (Buffer.byteLength(path) <= LONGEST) return { path, close() {} }
  if (process.platform !== 'linux') {
    throw new ControlError(
      'path_too_long',
      `${path} is longer than the ${LONGEST} bytes of a socket's path: --data-dir takes a shorter one`,
    )
  }
  const directory = openSync(resolve(dataDir), 'r')
  return { path: join('/proc/self/fd', String(directory), NAME), close: () => closeSync(directory) }
}
