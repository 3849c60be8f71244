import { envNames, flagName, type OptionSpec, optionName, type Specs } from './option-spec.js'

export interface HelpPage {
  /** As it is called: `gw-gateway`, or with a command `gw-gateway token create`. */
  readonly usage: string
  readonly summary: string
  /** What to type, and what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[]
  readonly commands: readonly (readonly [name: string, summary: string])[]
  readonly specs: Specs
  /** Of many options only those that are `common`. */
  readonly short?: boolean
}

const INDENT = 2
const FLAG_COLUMN = 28
/** Past this lines are tiring to read, however wide the terminal. */
const WIDEST = 100

/** Up to so many options the short help tells all of them. */
const FEW = 14

/** What a group is called where its name alone reads badly. */
const TITLES: Readonly<Record<string, string>> = { tls: 'TLS' }

const ELSEWHERE =
  'Each option is also an environment variable, GW_ and its name as in GW_LOG_LEVEL, and a key of the config file. A flag counts before a variable, a variable before the file.'

/** Help for a terminal of `columns`. */
export function renderHelp(page: HelpPage, columns: number): string {
  const width = Math.max(50, Math.min(columns, WIDEST))
  const every = Object.entries(page.specs)
  const short = page.short === true && every.length > FEW
  const shown = short ? Object.fromEntries(every.filter(([, spec]) => spec.common)) : page.specs
  const sections = [
    ...wrap(page.summary, width),
    ...section('Examples', page.examples, width),
    ...section('Usage', [[page.usage, '']], width),
    ...section('Commands', page.commands, width),
    ...groups(shown, short ? every.length : undefined).flatMap(([title, rows]) =>
      section(title, rows, width),
    ),
    ...(every.length === 0 ? [] : ['', ...wrap(ELSEWHERE, width)]),
  ]
  return `${sections.join('\n')}\n`
}

/** The options as a table of Markdown. */
export function renderTable(specs: Specs): string {
  const rows = Object.entries(specs).map(([key, spec]) => {
    const flag = spec.flag === false ? '' : `\`--${flagName(key)}${metavar(spec) && ` ${metavar(spec)}`}\``
    const variables = envNames(key, spec).map((name) => `\`${name}\``)
    const standard = spec.default === undefined ? (spec.otherwise ?? '') : `\`${spec.default}\``
    return [flag, variables.join(', '), standard, meaning(spec)]
  })
  return table([['option', 'variable', 'default', 'meaning'], ...rows])
}

/** A section of Markdown for each group, with what an option takes and, if `lives`, whether a reload takes it up. */
export function renderReference(specs: Specs, lives: boolean): string {
  const sections = new Map<string, string[][]>()
  for (const [key, spec] of Object.entries(specs)) {
    const rows = sections.get(spec.group) ?? [
      ['key', 'takes', 'default', ...(lives ? ['reload'] : []), 'meaning'],
    ]
    sections.set(spec.group, rows)
    const where =
      spec.file === false ? `\`${optionName(key, spec)}\`, not in the file` : `\`${flagName(key)}\``
    const standard = spec.default === undefined ? (spec.otherwise ?? '') : `\`${spec.default}\``
    const reload = lives ? [spec.live ? 'yes' : 'restart'] : []
    rows.push([where, spec.type.takes, standard, ...reload, spec.help])
  }
  return [...sections].map(([group, rows]) => `\n### \`${group}\`\n\n${table(rows)}`).join('')
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return `${lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}\n`
}

/** `of`: how many options there are where these are not all. */
function groups(specs: Specs, of?: number): (readonly [string, [string, string][]])[] {
  const byGroup = new Map<string, [string, string][]>()
  for (const [key, spec] of Object.entries(specs)) {
    const rows = byGroup.get(spec.group) ?? []
    byGroup.set(spec.group, rows)
    const standard = spec.default ?? spec.otherwise
    const told = standard === undefined ? '' : ` (default: ${standard})`
    rows.push([`${optionName(key, spec)} ${metavar(spec)}`.trimEnd(), `${meaning(spec)}${told}`])
  }
  byGroup.set('more', [
    ...(of === undefined
      ? ([['-h, --help', 'this text; -h tells less where there are many options']] as [string, string][])
      : ([['--help', `all ${of} options`]] as [string, string][])),
    ['-v, --version', 'the version'],
  ])
  return [...byGroup].map(([group, rows]) => [
    TITLES[group] ?? group[0]!.toUpperCase() + group.slice(1),
    rows,
  ])
}

/** The words of a choice where they are few and short, else what stands for one. */
function metavar({ type }: OptionSpec): string {
  return type.choices !== undefined && type.metavar.length > 20 ? 'WORD' : type.metavar
}

function meaning(spec: OptionSpec): string {
  return metavar(spec) === 'WORD' ? `${spec.help}: ${spec.type.takes}` : spec.help
}

function section(title: string, rows: readonly (readonly [string, string])[], width: number): string[] {
  if (rows.length === 0) return []
  return ['', title, ...rows.flatMap(([left, right]) => row(left, right, width))]
}

function row(left: string, right: string, width: number): string[] {
  const pad = ' '.repeat(INDENT)
  if (right === '') return [pad + left]
  const lines = wrap(right, width - INDENT - FLAG_COLUMN)
  const rest = ' '.repeat(INDENT + FLAG_COLUMN)
  if (left.length >= FLAG_COLUMN - 1) return [pad + left, ...lines.map((line) => rest + line)]
  return lines.map((line, index) => (index === 0 ? pad + left.padEnd(FLAG_COLUMN) : rest) + line)
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
