import yargs from 'yargs'
import { Parser } from 'yargs/helpers'
import { nearest } from './nearest.js'
import { flagName, type Report, type Specs, withFlag } from './option-spec.js'

/** A command line taken apart; nothing of it is interpreted. */
export interface CommandLine {
  /** By name without dashes; each text in the order it was given. */
  readonly flags: ReadonlyMap<string, readonly string[]>
  /** What is no flag, with everything behind `--`. */
  readonly words: readonly string[]
  /** Undefined: not asked for. `-h` asks for the short one. */
  readonly help: 'short' | 'full' | undefined
  readonly version: boolean
}

/** What `--get-yargs-completions` of the completion script asks for. */
const COMPLETE = '--get-yargs-completions'

/** Values stay the texts they are: `options.ts` reads them, and knows where each came from. */
const PARSING = {
  'boolean-negation': true,
  'camel-case-expansion': false,
  'dot-notation': false,
  'duplicate-arguments-array': true,
  'greedy-arrays': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'populate--': true,
  'short-option-groups': false,
}

/** Reports each flag that is not of `specs`, and each that lacks its value. */
export function parseCommandLine(argv: readonly string[], specs: Specs, report: Report): CommandLine {
  const names = new Map(withFlag(specs).map(([key, { type }]) => [flagName(key), type.shape]))
  const flags = new Map<string, string[]>()
  const add = (name: string, text: string): void => void flags.set(name, [...(flags.get(name) ?? []), text])

  // yargs takes any text behind a boolean's `=` for false, so these are read here.
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length
  const rest = argv.filter((token, index) => {
    const [, name = '', text = ''] = (index < end && /^--([^=]+)=(.*)$/s.exec(token)) || []
    if (names.get(name) !== 'switch') return true
    add(name, text)
    return false
  })

  // The parser of yargs without yargs: the whole of it fails on flags such as `--constructor`, and has its own sentences.
  const {
    _: words,
    '--': behind,
    help,
    version,
    h,
    v,
    ...given
  } = Parser(rest, {
    boolean: ['help', 'version', ...namesOf(names, true)],
    string: namesOf(names, false),
    configuration: PARSING,
  })
  for (const [name, value] of Object.entries(given)) {
    const shape = names.get(name)
    const token = rest.find((part) => part.replace(/^--?(no-)?/, '').split('=', 1)[0] === name) ?? `--${name}`
    if (shape === undefined) report(unknownFlag(token.split('=', 1)[0]!, names.keys()))
    else {
      for (const text of [value].flat()) {
        if (shape === 'switch' || typeof text === 'string') add(name, String(text))
        else report(`${token}: --${name} takes a value, it cannot be negated`)
      }
    }
  }
  return {
    flags,
    words: [...words, ...(Array.isArray(behind) ? behind : [])].map(String),
    help: help === true ? 'full' : h === undefined ? undefined : 'short',
    version: version === true || v !== undefined,
  }
}

function namesOf(shapes: ReadonlyMap<string, string>, switches: boolean): string[] {
  return [...shapes].filter(([, shape]) => (shape === 'switch') === switches).map(([name]) => name)
}

function unknownFlag(token: string, names: Iterable<string>): string {
  const meant = nearest(token.replace(/^-+(no-)?/, ''), names)
  return `${token} is not an option${meant === undefined ? '' : `; did you mean --${meant}?`}`
}

export interface Completed {
  readonly program: string
  readonly commands: readonly (readonly [name: string, summary: string])[]
  readonly specs: Specs
}

/** The words that may come next, where the completion script asks for them; else undefined. */
export async function completions(
  argv: readonly string[],
  page: Completed,
): Promise<readonly string[] | undefined> {
  const at = argv.indexOf(COMPLETE)
  if (at < 0) return undefined
  return new Promise((resolve) => {
    completer(page).getCompletion(argv.slice(at + 1), (_error, words) => resolve(words ?? []))
  })
}

/** A script for the shell that `$SHELL` names: bash, zsh or fish. */
export function completionScript(page: Completed): string {
  let script = ''
  completer(page).parse(['completion'], (_error: unknown, _argv: unknown, output: string) => {
    script = output
  })
  return script
}

function completer({ program, commands, specs }: Completed) {
  const instance = yargs([])
    .scriptName(program)
    .exitProcess(false)
    .completion('completion', 'print a script for your shell')
  for (const [name, summary] of commands) instance.command(name, summary)
  for (const [key, { type, help }] of withFlag(specs)) {
    instance.option(flagName(key), {
      type: type.shape === 'switch' ? 'boolean' : 'string',
      description: help,
      ...(type.choices === undefined ? {} : { choices: type.choices }),
    })
  }
  return instance
}
