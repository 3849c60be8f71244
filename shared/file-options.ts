import { type FileEntry, type FileNode, formatPosition, KIND_NAMES, type Position } from './config-file.js'
import { type Given, join, split } from './given.js'
import { nearest } from './nearest.js'
import { flagName, type OptionSpec, type Report, type Specs } from './option-spec.js'

/** What a mapping of the file says, by the option's key. */
export type GivenInFile = ReadonlyMap<string, Given>

export interface FileContents {
  readonly given: GivenInFile
  readonly items: readonly { readonly at: Position; readonly given: GivenInFile }[]
}

/** A key of the file whose value is a list of mappings, each with options of its own. */
export interface ItemList<I extends Specs = Specs> {
  readonly key: string
  readonly specs: I
}

/**
 * Finds the options in a file, whatever section they stand under. Keys may have dashes or underscores; in a section
 * `log` the key `level` means `log-level`.
 */
export function readFileOptions(
  root: FileNode,
  specs: Specs,
  list: ItemList | undefined,
  report: Report,
): FileContents {
  const items: { at: Position; given: GivenInFile }[] = []
  const given = readMapping(root, specs, report, (entry, name) => {
    if (list === undefined || name !== list.key) return false
    if (entry.value.kind === 'list') {
      for (const item of entry.value.items) {
        items.push({ at: item.at, given: readMapping(item, list.specs, report) })
      }
    } else
      report(
        `${formatPosition(entry.value.at)}: ${name} holds ${KIND_NAMES[entry.value.kind]}; it takes a list`,
      )
    return true
  })
  return { given, items }
}

/** The file without what is none of these options: what is left out is not even looked at. */
export function onlyKnown(root: FileNode, specs: Specs): FileNode {
  const taken = Object.entries(specs).filter(([, spec]) => spec.file !== false)
  const names = new Set(taken.map(([key]) => flagName(key)))
  const groups = new Set(taken.map(([, spec]) => spec.group))
  const prune = (node: FileNode, group: string | undefined): FileNode => {
    if (node.kind !== 'map') return { kind: 'empty', at: node.at }
    const entries = node.entries.flatMap((entry): FileEntry[] => {
      const name = entry.key.replaceAll('_', '-')
      if (names.has(name) || names.has(`${group}-${name}`)) return [entry]
      return group === undefined && groups.has(name) ? [{ ...entry, value: prune(entry.value, name) }] : []
    })
    return { kind: 'map', at: node.at, entries }
  }
  return prune(root, undefined)
}

function readMapping(
  root: FileNode,
  specs: Specs,
  report: Report,
  claimed: (entry: FileEntry, name: string) => boolean = () => false,
): GivenInFile {
  const keys = new Map(Object.keys(specs).map((key) => [flagName(key), key]))
  const groups = new Set(Object.values(specs).map((spec) => spec.group))
  const given = new Map<string, Given>()

  const walk = (node: FileNode, group: string | undefined): void => {
    if (node.kind === 'empty') return
    if (node.kind !== 'map') {
      report(
        `${formatPosition(node.at)}: ${KIND_NAMES[node.kind]} stands here; ${group ?? 'the file'} takes a mapping`,
      )
      return
    }
    for (const entry of node.entries) {
      const name = entry.key.replaceAll('_', '-')
      const key = keys.get(name) ?? keys.get(`${group}-${name}`)
      const spec = key === undefined ? undefined : specs[key]
      const section = entry.value.kind === 'map' || key === undefined
      if (group === undefined && claimed(entry, name)) continue
      if (group === undefined && groups.has(name) && section && spec?.type.shape !== 'pairs') {
        walk(entry.value, name)
      } else if (key === undefined || spec === undefined || spec.file === false) {
        report(unknownKey(entry, spec, [...keys.keys(), ...groups], groupNames(specs, group)))
      } else {
        const earlier = given.get(key)?.sources[0]
        if (earlier?.kind === 'file') {
          report(`${formatPosition(entry.at)}: ${name} stands already at ${formatPosition(earlier)}`)
        } else {
          const value = readValue(name, spec, entry.value, report)
          if (value !== undefined) given.set(key, value)
        }
      }
    }
  }
  walk(root, undefined)
  return given
}

/** The options of a section. */
function groupNames(specs: Specs, group: string | undefined): string[] {
  return Object.entries(specs).flatMap(([key, spec]) =>
    spec.group === group && spec.file !== false ? [flagName(key)] : [],
  )
}

function unknownKey(
  { key, at }: FileEntry,
  spec: OptionSpec | undefined,
  names: readonly string[],
  here: readonly string[],
): string {
  const where = formatPosition(at)
  if (spec?.file === false) {
    const only = spec.flag === false ? 'variable' : 'flag and a variable'
    return `${where}: ${key} is a ${only} only, it cannot stand in the file`
  }
  const meant = nearest(key.replaceAll('_', '-'), names)
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`
  const takes = meant === undefined && here.length > 0 ? `; this section takes ${here.join(', ')}` : ''
  return `${where}: ${JSON.stringify(key)} is not an option${hint}${takes}`
}

function readValue(name: string, spec: OptionSpec, node: FileNode, report: Report): Given | undefined {
  const { shape, takes } = spec.type
  const here = { kind: 'file' as const, ...node.at }
  if (node.kind === 'scalar') return split(spec, node.text, here)
  if (node.kind === 'list' && (shape === 'many' || shape === 'pairs')) {
    return join(node.items.flatMap((item) => readValue(name, spec, item, report) ?? []))
  }
  if (node.kind === 'map' && shape === 'pairs') {
    const texts = node.entries.map(({ key, value }) => `${key}=${value.kind === 'scalar' ? value.text : ''}`)
    for (const { key, value } of node.entries) {
      if (value.kind !== 'scalar')
        report(`${formatPosition(value.at)}: ${name}.${key} holds ${KIND_NAMES[value.kind]}; it takes text`)
    }
    return { texts, sources: node.entries.map(({ value }) => ({ kind: 'file' as const, ...value.at })) }
  }
  report(`--${name}: ${KIND_NAMES[node.kind]} (${formatPosition(node.at)}) stands there; it takes ${takes}`)
  return undefined
}
