import { existsSync } from 'node:fs'
import { resolve as resolvePath } from 'node:path'
import { ConfigFileError, type FileNode, readConfigFile } from './config-file.js'
import { onlyKnown } from './file-options.js'
import {
  envNames,
  flagName,
  type Loaded,
  loadOptions,
  type Options,
  type Report,
  type Specs,
  UsageError,
} from './options.js'
import { distrust } from './trusted-file.js'

/** What a command is given of the process it runs in. */
export interface Surroundings {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly directory: string
  readonly columns: number
}

export interface CommandSpec<S extends Specs, I extends Specs, R> {
  /** One word, or several: `token create`. Empty for what a program does without any. */
  readonly name: string
  readonly summary: string
  readonly options: Options<S, I>
  /** The config file that is read where it stands in the working directory and `--config` names no other. */
  readonly configFile?: string
  /** At its default place the config file is taken only if nobody else can have written it. */
  readonly trusted?: true
  /** The file is that of a larger command: what else it holds is left alone, right or wrong. */
  readonly partly?: true
  /** The bare argument, by the flag it stands for. */
  readonly argument?: { readonly name: string; readonly flag: string }
  readonly examples: readonly (readonly [line: string, what: string])[]
  /** Variables that are not to be read although they are set. */
  readonly ignored?: (env: Surroundings['env']) => readonly string[]
  /** Options to what the command works with; rules that join several options are checked here. */
  readonly resolve: (loaded: Loaded<S, I>, report: Report) => R
  /** Resolves to the exit code. */
  readonly run: (config: R, started: Started<R>) => Promise<number>
}

export interface Started<R = unknown> {
  readonly version: string
  /** The config file that was read. */
  readonly configFile: string | undefined
  /** What the command line says. */
  readonly flags: Flags
  /** Reads the same sources anew. Throws `UsageError` with every mistake that is in them now. */
  readonly again: () => R
}

/** A command whose types are closed over. */
export interface Command
  extends Pick<CommandSpec<Specs, Specs, unknown>, 'name' | 'summary' | 'examples' | 'argument'> {
  readonly specs: Specs
  readonly prepare: (
    flags: Flags,
    around: Surroundings,
    version: string,
    report: Report,
  ) => () => Promise<number>
}

/** By name without dashes, each text in the order it was given. */
export type Flags = Map<string, readonly string[]>

export function defineCommand<S extends Specs, I extends Specs, R>(spec: CommandSpec<S, I, R>): Command {
  const { name, summary, examples, options } = spec
  return {
    name,
    summary,
    examples,
    ...(spec.argument === undefined ? {} : { argument: spec.argument }),
    specs: options.specs,
    prepare(flags, around, version, report) {
      const { config, path } = read(spec, flags, around, report)
      const again = (): R => {
        const mistakes: string[] = []
        const now = read(spec, flags, around, (mistake) => void mistakes.push(mistake))
        if (mistakes.length > 0) throw new UsageError(mistakes)
        return now.config as R
      }
      return () => spec.run(config as R, { version, configFile: path, flags, again })
    },
  }
}

/** Once `report` was called the config is not to be used. */
function read<S extends Specs, I extends Specs, R>(
  spec: CommandSpec<S, I, R>,
  flags: Flags,
  around: Surroundings,
  report: Report,
): { readonly config: R | undefined; readonly path: string | undefined } {
  const ignored = new Set(spec.ignored?.(around.env))
  const env = Object.fromEntries(Object.entries(around.env).filter(([variable]) => !ignored.has(variable)))
  const named = flags.get('config')?.[0] ?? (env.GW_CONFIG || undefined)
  const opened = needsFile(spec, flags, env) ? openConfig(named, spec, around, report) : undefined
  const mistakes: string[] = []
  const note = (mistake: string): void => void mistakes.push(mistake)
  const file = opened && (spec.partly ? onlyKnown(opened.file, spec.options.specs) : opened.file)
  const loaded = loadOptions(spec.options, { flags, env, file }, note)
  const config = mistakes.length === 0 ? spec.resolve(loaded, note) : undefined
  mistakes.forEach(report)
  return { config, path: opened?.path }
}

/** A command that has from elsewhere all that it would take out of the file works also where that is broken. */
function needsFile<S extends Specs>(
  { partly, options }: { readonly partly?: true; readonly options: Options<S> },
  flags: Flags,
  env: Surroundings['env'],
): boolean {
  if (!partly) return true
  return Object.entries(options.specs).some(
    ([key, spec]) =>
      spec.file !== false && !flags.has(flagName(key)) && !envNames(key, spec).some((name) => env[name]),
  )
}

function openConfig(
  named: string | undefined,
  { configFile, trusted }: { readonly configFile?: string; readonly trusted?: true },
  { directory }: Surroundings,
  report: Report,
): { path: string; file: FileNode } | undefined {
  const path = named ?? configFile
  if (path === undefined) return undefined
  const file = resolvePath(directory, path)
  if (named === undefined && !existsSync(file)) return undefined
  const fault = named === undefined && trusted ? distrust(file) : undefined
  if (fault !== undefined) {
    report(`${fault}; or name it with --config`)
    return undefined
  }
  try {
    return { path, file: readConfigFile(file, path) }
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error
    error.faults.forEach(report)
    return undefined
  }
}
