import { formatPosition, type Position } from './config-file.js'
import type { OptionType } from './option-types.js'

/** One record an option: flag, environment variable, key of the file, help and README are made from it. */
export interface OptionSpec {
  readonly type: OptionType<unknown, unknown>
  /** As a user would write it. Without one the value is the type's `absent`. */
  readonly default?: string
  readonly help: string
  /** Heading in help, and a section that the file may put it under. */
  readonly group: string
  /** One of the few that `-h` tells. */
  readonly common?: true
  /** Told in place of a default where it depends on something else. */
  readonly otherwise?: string
  /** Masked wherever it is shown. */
  readonly secret?: true
  /** Environment variables read before its own one, which is always the last. */
  readonly env?: readonly string[]
  /** A running gateway takes a new value up; without it a change needs a restart. */
  readonly live?: true
  /** False where it makes no sense inside the file. */
  readonly file?: false
  /** False for a secret that the process list must not show: it comes from its variable. */
  readonly flag?: false
}

export type Specs = Readonly<Record<string, OptionSpec>>

/** A part of a command's options, its types kept as they are written. */
export const specs = <const S extends Specs>(part: S): S => part

type ValueOf<S extends OptionSpec> =
  S['type'] extends OptionType<infer T, infer A>
    ? S extends { readonly default: string }
      ? T
      : T | A
    : never

/** What these records resolve to. Frozen. */
export type ValuesOf<S extends Specs> = { readonly [K in keyof S]: ValueOf<S[K]> }

export type OptionSource =
  | { readonly kind: 'flag' }
  | { readonly kind: 'env'; readonly name: string }
  | ({ readonly kind: 'file' } & Position)
  | { readonly kind: 'default' }

export interface Provenance {
  readonly source: OptionSource
  /** As it was written; masked if secret. */
  readonly text: string
}

/** No entry: not given, and no default. */
export type ProvenanceOf<S extends Specs> = { readonly [K in keyof S]?: Provenance }

/** Collects sentences, each about one thing that the user has to correct. */
export type Report = (mistake: string) => void

/** `pingInterval` → `ping-interval`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** The variables an option is read from; the first that is set wins. */
export function envNames(key: string, spec: OptionSpec): readonly string[] {
  return [...(spec.env ?? []), `GW_${flagName(key).toUpperCase().replaceAll('-', '_')}`]
}

/** What an option is called in a sentence: its flag, or the variable of one that has none. */
export function optionName(key: string, spec: OptionSpec): string {
  return spec.flag === false ? envNames(key, spec).at(-1)! : `--${flagName(key)}`
}

/** Those that a command line may give. */
export function withFlag(specs: Specs): [string, OptionSpec][] {
  return Object.entries(specs).filter(([, spec]) => spec.flag !== false)
}

/** `flag`, `env GW_PORT`, `gateway.yaml:3:15`, `default`. */
export function formatSource(source: OptionSource): string {
  if (source.kind === 'file') return formatPosition(source)
  return source.kind === 'env' ? `env ${source.name}` : source.kind
}
