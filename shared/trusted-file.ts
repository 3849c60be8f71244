import { realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Write permission of the group and of everybody else. */
const OTHERS_MAY_WRITE = 0o022

/**
 * Why a file that nobody named, and that was merely found at its default place, is not to be used: it can make this
 * process run commands, so whoever may change it, or put another in its place, must be this user or root. Undefined
 * where it may be used, where it is not there, and on systems without such owners.
 */
export function distrust(file: string): string | undefined {
  const user = process.geteuid?.()
  if (user === undefined) return undefined
  try {
    const real = realpathSync(file)
    for (const path of new Set([real, dirname(real), dirname(file)])) {
      const fault = faultOf(path, user)
      if (fault !== undefined) return `${file}: not used, because ${fault}`
    }
    return undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function faultOf(path: string, user: number): string | undefined {
  const { uid, mode } = statSync(path)
  if (uid !== user && uid !== 0) return `${path} belongs to another user (${uid})`
  if ((mode & OTHERS_MAY_WRITE) === 0) return undefined
  return `others may write to ${path} (mode ${(mode & 0o7777).toString(8).padStart(4, '0')}): chmod go-w`
}
