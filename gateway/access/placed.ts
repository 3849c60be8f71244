/** A command about the gateway of a data directory. */
import { type Command, defineCommand } from '../../shared/command.js'
import { defineOptions, type Report, type Specs, type ValuesOf } from '../../shared/options.js'
import { filesOptions } from '../options/files.js'
import { gatewaySources } from '../options.js'

const place = { dataDir: filesOptions.dataDir, config: filesOptions.config }

export interface PlacedSpec<S extends Specs, R> {
  readonly name: string
  readonly summary: string
  /** Given by flags alone. */
  readonly specs: S
  /** The bare argument, by the option that it stands for. */
  readonly argument?: string
  readonly examples: readonly (readonly [line: string, what: string])[]
  readonly resolve: (values: ValuesOf<S>, report: Report) => R
  readonly run: (config: R, dataDir: string) => Promise<void>
}

export function placedCommand<const S extends Specs, R>(spec: PlacedSpec<S, R>): Command {
  const { name, summary, argument, examples } = spec
  const own = Object.entries(spec.specs).map(([key, one]) => [key, { ...one, file: false }] as const)
  return defineCommand({
    name,
    summary,
    examples,
    ...(argument !== undefined && { argument: { name: argument, flag: argument } }),
    options: defineOptions({ ...Object.fromEntries(own), ...place }),
    ...gatewaySources,
    partly: true,
    ignored,
    resolve: ({ values }, report) => ({
      config: spec.resolve(values as unknown as ValuesOf<S>, report),
      dataDir: values.dataDir,
    }),
    run: async ({ config, dataDir }) => {
      await spec.run(config, dataDir)
      return 0
    },
  })
}

/** What is set for an agent, such as `GW_PUBLIC`, must not give rights to a token. */
function ignored(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env).filter((name) => name !== 'GW_DATA_DIR' && name !== 'GW_CONFIG')
}

/** Resolves once it is out: the process ends right after. */
export function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()))
}
