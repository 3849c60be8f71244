import { existsSync } from 'node:fs'
import { resolve as resolvePath } from 'node:path'
import { ConfigFileError, type FileNode, readConfigFile } from './config-file.js'
import { type Loaded, loadOptions, type Options, type Report, type Specs } from './options.js'

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
  /** The bare argument, by the flag it stands for. */
  readonly argument?: { readonly name: string; readonly flag: string }
  readonly examples: readonly (readonly [line: string, what: string])[]
  /** Variables that are not to be read although they are set. */
  readonly ignored?: (env: Surroundings['env']) => readonly string[]
  /** Options to what the command works with; rules that join several options are checked here. */
  readonly resolve: (loaded: Loaded<S, I>, report: Report) => R
  /** Resolves to the exit code. */
  readonly run: (config: R, started: Started) => Promise<number>
}

export interface Started {
  readonly version: string
  /** The config file that was read. */
  readonly configFile: string | undefined
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
      const ignored = new Set(spec.ignored?.(around.env))
      const env = Object.fromEntries(
        Object.entries(around.env).filter(([variable]) => !ignored.has(variable)),
      )
      const opened = openConfig(
        flags.get('config')?.[0] ?? (env.GW_CONFIG || undefined),
        spec,
        around,
        report,
      )
      const mistakes: string[] = []
      const note = (mistake: string): void => void mistakes.push(mistake)
      const loaded = loadOptions(options, { flags, env, file: opened?.file }, note)
      const config = mistakes.length === 0 ? spec.resolve(loaded, note) : undefined
      mistakes.forEach(report)
      return () => spec.run(config as R, { version, configFile: opened?.path })
    },
  }
}

function openConfig(
  named: string | undefined,
  { configFile }: { readonly configFile?: string },
  { directory }: Surroundings,
  report: Report,
): { path: string; file: FileNode } | undefined {
  const path = named ?? configFile
  if (path === undefined) return undefined
  const file = resolvePath(directory, path)
  if (named === undefined && !existsSync(file)) return undefined
  try {
    return { path, file: readConfigFile(file, path) }
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error
    error.faults.forEach(report)
    return undefined
  }
}
