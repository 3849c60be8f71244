/** Where the files that name commands stand, and whether what stands there may be believed. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigFileError, type FileNode, readConfigFile } from '../../shared/config-file.js'
import type { Report } from '../../shared/option-spec.js'
import { UsageError } from '../../shared/options.js'
import { distrust } from '../../shared/trusted-file.js'

export interface Place {
  /** The directory that the user named; undefined for the default one. */
  readonly given: string | undefined
  /** Looked into where none was named. */
  readonly otherwise: string
  readonly file: string
}

/**
 * What `parse` makes of the file; undefined where there is none. Commands run in the file's directory.
 *
 * @throws UsageError with every mistake in the file, or where others may write to it and nobody named it.
 */
export function readPlace<T>(
  { given, otherwise, file }: Place,
  parse: (root: FileNode, directory: string, report: Report) => T,
): T | undefined {
  const shown = join(given ?? otherwise, file)
  const path = resolve(shown)
  if (!existsSync(path)) return undefined
  const doubt = given === undefined ? distrust(shown) : undefined
  if (doubt !== undefined) throw new UsageError([doubt])
  const mistakes: string[] = []
  try {
    const parsed = parse(readConfigFile(path, shown), resolve(given ?? otherwise), (mistake) => {
      mistakes.push(mistake)
    })
    if (mistakes.length === 0) return parsed
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error
    mistakes.push(...error.faults)
  }
  throw new UsageError(mistakes)
}
