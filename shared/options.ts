import type { FileNode, Position } from './config-file.js'
import { type FileContents, type ItemList, readFileOptions } from './file-options.js'
import { type Given, interpret, join, provenanceOf, split } from './given.js'
import {
  envNames,
  flagName,
  type OptionSpec,
  type Provenance,
  type ProvenanceOf,
  type Report,
  type Specs,
  type ValuesOf,
} from './option-spec.js'

export type {
  OptionSource,
  OptionSpec,
  Provenance,
  ProvenanceOf,
  Report,
  Specs,
  ValuesOf,
} from './option-spec.js'
export { envNames, flagName, formatSource } from './option-spec.js'

/** The options of one command. */
export interface Options<S extends Specs, I extends Specs = Specs> {
  readonly specs: S
  readonly list: ItemList<I> | undefined
}

/** One mapping of the file's list: only what stands there, without defaults. */
export interface Item<I extends Specs> {
  readonly at: Position
  readonly values: Partial<ValuesOf<I>>
  readonly provenance: ProvenanceOf<I>
}

export interface Loaded<S extends Specs, I extends Specs = Specs> {
  readonly values: ValuesOf<S>
  readonly provenance: ProvenanceOf<S>
  /** What the file's list holds; empty where the command has none. */
  readonly items: readonly Item<I>[]
}

export interface Sources {
  /** By name without dashes; each text in the order of the command line. */
  readonly flags: ReadonlyMap<string, readonly string[]>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly file?: FileNode | undefined
}

/** Bad usage or configuration: every mistake as a sentence. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

export function defineOptions<const S extends Specs, const I extends Specs = Record<never, never>>(
  specs: S,
  list?: ItemList<I>,
): Options<S, I> {
  return { specs, list }
}

/**
 * Flag before environment before file before default. Everything in the file is read, also what a flag overrides, so
 * that its mistakes show; an overridden variable is not. Once `report` was called the result is not to be used.
 */
export function loadOptions<S extends Specs, I extends Specs>(
  options: Options<S, I>,
  { flags, env, file }: Sources,
  report: Report,
): Loaded<S, I> {
  const contents: FileContents =
    file === undefined
      ? { given: new Map(), items: [] }
      : readFileOptions(file, options.specs, options.list, report)
  const { values, provenance } = resolve(
    options.specs,
    (key, spec) => {
      const inFile = contents.given.get(key)
      const given = fromFlag(key, spec, flags) ?? fromEnv(key, spec, env)
      if (given !== undefined && inFile !== undefined) interpret(key, spec, inFile, report)
      return (
        given ??
        inFile ??
        (spec.default === undefined ? undefined : split(spec, spec.default, { kind: 'default' }))
      )
    },
    report,
  )
  for (const [key, spec] of Object.entries(options.specs))
    if (!(key in values)) values[key] = spec.type.absent

  const items = contents.items.map(({ at, given }) => {
    const item = resolve(options.list?.specs ?? {}, (key) => given.get(key), report)
    return Object.freeze({
      at,
      values: Object.freeze(item.values),
      provenance: Object.freeze(item.provenance),
    })
  })
  return Object.freeze({
    values: Object.freeze(values) as ValuesOf<S>,
    provenance: Object.freeze(provenance) as ProvenanceOf<S>,
    items: Object.freeze(items) as unknown as readonly Item<I>[],
  })
}

/** What is in force where nothing is given. */
export function defaultsOf<S extends Specs>(options: Options<S>): ValuesOf<S> {
  const wrong: string[] = []
  const { values } = loadOptions(options, { flags: new Map(), env: {} }, (mistake) => wrong.push(mistake))
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
  return values
}

function resolve(
  specs: Specs,
  find: (key: string, spec: OptionSpec) => Given | undefined,
  report: Report,
): { values: Record<string, unknown>; provenance: Record<string, Provenance> } {
  const values: Record<string, unknown> = {}
  const provenance: Record<string, Provenance> = {}
  for (const [key, spec] of Object.entries(specs)) {
    const given = find(key, spec)
    if (given === undefined) continue
    values[key] = interpret(key, spec, given, report)
    provenance[key] = provenanceOf(spec, given)
  }
  return { values, provenance }
}

function fromFlag(key: string, spec: OptionSpec, flags: Sources['flags']): Given | undefined {
  const texts = flags.get(flagName(key))
  return texts && join(texts.map((text) => split(spec, text, { kind: 'flag' })))
}

/** A variable that is set but empty counts as not set: compose files and units pass such ones on. */
function fromEnv(key: string, spec: OptionSpec, env: Sources['env']): Given | undefined {
  for (const name of envNames(key, spec)) {
    const text = env[name]
    if (text !== undefined && text !== '') return split(spec, text, { kind: 'env', name })
  }
  return undefined
}
