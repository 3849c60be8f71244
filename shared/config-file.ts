import { readFileSync } from 'node:fs'
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  type YAMLParseError,
} from 'yaml'

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly path: string
  readonly line: number
  readonly column: number
}

export interface FileEntry {
  readonly key: string
  readonly at: Position
  readonly value: FileNode
}

/** A YAML document with nothing interpreted: scalars are the text that stands there, each node has its place. */
export type FileNode =
  | { readonly kind: 'empty'; readonly at: Position }
  | { readonly kind: 'scalar'; readonly at: Position; readonly text: string }
  | { readonly kind: 'list'; readonly at: Position; readonly items: readonly FileNode[] }
  | { readonly kind: 'map'; readonly at: Position; readonly entries: readonly FileEntry[] }

/** How each kind of node is called where another one is wanted. */
export const KIND_NAMES = { empty: 'nothing', scalar: 'one value', list: 'a list', map: 'a mapping' } as const

/** What is wrong with a file as a whole, or with its YAML. */
export class ConfigFileError extends Error {
  override readonly name = 'ConfigFileError'
  /** One sentence for each fault, beginning with its place. */
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

/** Aliases are expanded; a file that grows past this by them is refused, so that a short one cannot fill memory. */
const MOST_NODES = 20_000

/** Deeper than any option lies; it also ends an alias that stands inside its own anchor. */
const DEEPEST = 16

/** Throws `ConfigFileError` where the file cannot be read or is no YAML. Positions are told with `shown`. */
export function readConfigFile(file: string, shown: string): FileNode {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    // Node adds the call and the path, which is told already.
    throw new ConfigFileError([`${shown}: ${(error as Error).message.split(', ', 1)[0]}`])
  }
  return parseConfig(text, shown)
}

/** Throws `ConfigFileError`. Positions are told with `path`. */
export function parseConfig(text: string, path: string): FileNode {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { path, line, column: col }
  }
  if (document.errors.length > 0) {
    throw new ConfigFileError(
      document.errors.map((error) => `${formatPosition(place(error.pos[0]))}: ${faultOf(error)}`),
    )
  }

  let nodes = 0
  const convert = (node: ParsedNode | null, at: Position, depth = 0): FileNode => {
    if (depth > DEEPEST)
      throw new ConfigFileError([`${formatPosition(at)}: lies deeper than ${DEEPEST} levels`])
    if ((nodes += 1) > MOST_NODES)
      throw new ConfigFileError([`${path}: holds more than ${MOST_NODES} values`])
    if (node === null) return { kind: 'empty', at }
    const here = node.range ? place(node.range[0]) : at
    if (isAlias(node)) {
      const target = node.resolve(document)
      if (target === undefined)
        throw new ConfigFileError([`${formatPosition(here)}: unknown alias *${node.source}`])
      return convert(target as ParsedNode, here, depth + 1)
    }
    if (isMap(node)) {
      const entries = node.items.map(({ key, value }): FileEntry => {
        const keyNode = convert(key as ParsedNode | null, here, depth + 1)
        if (keyNode.kind !== 'scalar')
          throw new ConfigFileError([`${formatPosition(keyNode.at)}: a key must be a word`])
        return {
          key: keyNode.text,
          at: keyNode.at,
          value: convert(value as ParsedNode | null, keyNode.at, depth + 1),
        }
      })
      return { kind: 'map', at: here, entries }
    }
    if (isSeq(node)) {
      return {
        kind: 'list',
        at: here,
        items: node.items.map((item) => convert(item as ParsedNode | null, here, depth + 1)),
      }
    }
    if (!isScalar(node) || node.value === null) return { kind: 'empty', at: here }
    return {
      kind: 'scalar',
      at: here,
      text: typeof node.value === 'string' ? node.value : (node.source ?? ''),
    }
  }
  return convert(document.contents, { path, line: 1, column: 1 })
}

/** `gateway.yaml:3:15`. */
export function formatPosition({ path, line, column }: Position): string {
  return `${path}:${line}:${column}`
}

function faultOf({ code, message }: YAMLParseError): string {
  return code === 'MULTIPLE_DOCS' ? 'a second document begins here' : (message.split('\n', 1)[0] ?? message)
}
