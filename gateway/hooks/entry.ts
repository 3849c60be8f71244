/** The files of hooks and tasks: a list of mappings, each read key by key, every mistake told with its place. */
import { type FileNode, formatPosition, KIND_NAMES, type Position } from '../../shared/config-file.js'
import { nearest } from '../../shared/nearest.js'
import type { Report } from '../../shared/option-spec.js'
import { LONGEST_TIMER_MS, parseDuration } from '../../shared/quantity.js'

type MapNode = Extract<FileNode, { kind: 'map' }>

const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
}
const TIME = 'seconds, 500ms, 30s, 5m or 1h'

/** The entries of a file whose only key is `key`; what is none is reported. An empty file has none. */
export function readEntries(root: FileNode, key: string, report: Report): Entry[] {
  if (root.kind === 'empty') return []
  const entries: Entry[] = []
  const list = new Entry(root, 'the file', report).finished([key])?.node(key)
  if (list === undefined || list.kind === 'empty') return []
  if (list.kind !== 'list')
    report(`${formatPosition(list.at)}: ${key} holds ${KIND_NAMES[list.kind]}; it takes a list`)
  else for (const item of list.items) entries.push(new Entry(item, `an entry of ${key}`, report))
  return entries
}

/** One mapping. Each reader answers undefined where its key is missing or wrong; the latter is reported. */
export class Entry {
  readonly at: Position
  readonly #what: string
  readonly #report: Report
  readonly #map: MapNode | undefined

  constructor(node: FileNode, what: string, report: Report) {
    this.at = node.at
    this.#what = what
    this.#report = report
    if (node.kind === 'map') this.#map = node
    else report(`${formatPosition(node.at)}: ${KIND_NAMES[node.kind]} stands here; ${what} takes a mapping`)
  }

  /** Reports the keys that are none of `known`. @returns itself, or undefined where it is no mapping. */
  finished(known: readonly string[]): this | undefined {
    for (const { key, at } of this.#map?.entries ?? []) {
      const name = key.replaceAll('-', '_')
      if (known.includes(name)) continue
      const meant = nearest(name, known)
      const advice = meant === undefined ? `it takes ${known.join(', ')}` : `did you mean ${meant}?`
      this.#report(`${formatPosition(at)}: ${JSON.stringify(key)} is no key of ${this.#what}; ${advice}`)
    }
    return this.#map === undefined ? undefined : this
  }

  /** Also where the key stands with nothing behind it. */
  node(key: string): FileNode | undefined {
    return this.#map?.entries.find((entry) => entry.key.replaceAll('-', '_') === key)?.value
  }

  has(key: string): boolean {
    return this.node(key) !== undefined
  }

  /** The place of the key's value, or of the mapping. */
  refuse(key: string | undefined, sentence: string): void {
    const at = (key === undefined ? undefined : this.node(key)?.at) ?? this.at
    this.#report(`${formatPosition(at)}: ${sentence}`)
  }

  /** Text that is not empty. */
  text(key: string, takes = 'text'): string | undefined {
    const node = this.node(key)
    if (node === undefined) return undefined
    if (node.kind === 'scalar' && node.text !== '' && !node.text.includes('\0')) return node.text
    this.refuse(key, `${key} ${told(node)}; it takes ${takes}`)
    return undefined
  }

  /** What it is called in logs, in paths and on the dashboard. */
  name(): string | undefined {
    const takes = 'a name of up to 100 characters'
    if (!this.has('name')) this.refuse(undefined, `${this.#what} has no name; it takes ${takes}`)
    const name = this.text('name', takes)
    if (name === undefined || (name.length <= 100 && !/[\u0000-\u001f\u007f]/.test(name))) return name
    this.refuse('name', `name is over 100 characters or holds a control character; it takes ${takes}`)
    return undefined
  }

  boolean(key: string): boolean | undefined {
    const text = this.text(key, 'true or false')
    if (text === undefined) return undefined
    const word = text.toLowerCase()
    if (Object.hasOwn(WORDS, word)) return WORDS[word]
    this.refuse(key, `${key} ${JSON.stringify(text)} is neither true nor false; it takes true or false`)
    return undefined
  }

  integer(key: string): number | undefined {
    const takes = 'a whole number'
    const text = this.text(key, takes)
    if (text === undefined) return undefined
    if (/^[+-]?\d{1,9}$/.test(text)) return Number(text)
    this.refuse(key, `${key} ${JSON.stringify(text)} is not a whole number; it takes ${takes}`)
    return undefined
  }

  /** Milliseconds. A bare number is seconds, with up to three decimals. */
  duration(key: string, least: number, most = LONGEST_TIMER_MS): number | undefined {
    const text = this.text(key, TIME)
    if (text === undefined) return undefined
    const bare = /^\d{1,12}(\.\d{1,3})?$/.test(text)
    const ms = bare ? Math.round(Number(text) * 1000) : parseDuration(text)
    const rule =
      ms === undefined
        ? 'is not a duration'
        : ms < least
          ? `is less than ${least / 1000} s`
          : ms > most && `is more than ${Math.floor(most / 3_600_000)} h`
    if (rule === false) return ms
    this.refuse(key, `${key} ${JSON.stringify(text)} ${rule}; it takes ${TIME}`)
    return undefined
  }

  /** A text, or a list of texts whose first names a program. */
  command(): string | readonly string[] | undefined {
    const node = this.node('command')
    if (node?.kind !== 'list') return this.text('command', 'a line for the shell, or a list for no shell')
    const argv: string[] = []
    for (const item of node.items) {
      if (item.kind === 'scalar' && !item.text.includes('\0')) argv.push(item.text)
      else this.#report(`${formatPosition(item.at)}: command ${told(item)}; an argument is text`)
    }
    if (node.items.length > 0 && argv[0] !== '') return argv
    this.refuse('command', 'command names no program; a list begins with one')
    return undefined
  }

  /** A mapping of texts whose keys `fault` has nothing against. No prototype. */
  texts(key: string, fault: (name: string, value: string) => string | undefined): Record<string, string> {
    const texts: Record<string, string> = Object.create(null)
    const node = this.node(key)
    if (node === undefined || node.kind === 'empty') return texts
    if (node.kind !== 'map') this.refuse(key, `${key} holds ${KIND_NAMES[node.kind]}; it takes a mapping`)
    for (const { key: name, at, value } of node.kind === 'map' ? node.entries : []) {
      const text = value.kind === 'scalar' ? value.text : value.kind === 'empty' ? '' : undefined
      const rule = text === undefined ? told(value) : fault(name, text)
      if (rule !== undefined) this.#report(`${formatPosition(at)}: ${key} ${JSON.stringify(name)} ${rule}`)
      texts[name] = text ?? ''
    }
    return texts
  }

  /** What stands under `key`, as a mapping of its own. */
  entry(key: string): Entry | undefined {
    const node = this.node(key)
    return node === undefined ? undefined : new Entry(node, key, this.#report)
  }
}

/** What is wrong with a value that should have been text. */
function told(node: FileNode): string {
  if (node.kind !== 'scalar') return `holds ${KIND_NAMES[node.kind]}`
  return node.text === '' ? 'is empty' : 'holds a zero byte'
}
