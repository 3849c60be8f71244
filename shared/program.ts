import { completionScript, completions, parseCommandLine } from './cli.js'
import type { Command, Flags, Surroundings } from './command.js'
import { renderHelp } from './help.js'
import { createLogger, type LogFormat, type Logger, type LogLevel, standardFormat } from './log.js'
import { nearest } from './nearest.js'
import { type Specs, UsageError } from './options.js'

export interface Program {
  readonly name: string
  readonly version: string
  readonly summary: string
  /** The first is meant where none is named. */
  readonly commands: readonly [Command, ...Command[]]
}

export type Invocation =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'run'; readonly run: () => Promise<number> }

/** What a command line asks for; throws `UsageError` with every mistake in it. */
export async function interpretCommandLine(program: Program, around: Surroundings): Promise<Invocation> {
  const { name, version, commands } = program
  const listed = commands.map((command) => [command.name, command.summary] as const)
  const page = { program: name, commands: listed.filter(([word]) => word !== ''), specs: commands[0].specs }
  const completed = await completions(around.argv, page)
  if (completed !== undefined) return { kind: 'print', text: completed.map((word) => `${word}\n`).join('') }

  const every: Specs = Object.assign({}, ...commands.map((command) => command.specs))
  const { words } = parseCommandLine(around.argv, every, () => {})
  if (words[0] === 'completion') return { kind: 'print', text: `${completionScript(page)}\n` }
  const command = named(commands, words) ?? commands[0]
  const mistakes: string[] = []
  const report = (mistake: string): void => void mistakes.push(mistake)
  const line = parseCommandLine(around.argv, command.specs, report)
  if (line.help !== undefined) {
    const short = line.help === 'short'
    return { kind: 'print', text: helpOf(program, command, words, { columns: around.columns, short }) }
  }
  if (line.version) return { kind: 'print', text: `${version}\n` }

  const flags: Flags = new Map(line.flags)
  const [first, ...more] = line.words.slice(
    named(commands, line.words) === undefined ? 0 : command.name.split(' ').length,
  )
  if (first !== undefined) {
    const { argument } = command
    if (argument === undefined || begunBy(first, commands).length > 0) report(strayWord(first, commands))
    else flags.set(argument.flag, [...(flags.get(argument.flag) ?? []), first])
  }
  for (const word of more) report(`${JSON.stringify(word)} is one argument too many`)
  const run = command.prepare(flags, around, version, report)
  if (mistakes.length > 0) throw new UsageError(mistakes)
  return { kind: 'run', run }
}

function named(commands: Program['commands'], words: readonly string[]): Command | undefined {
  return commands.find(
    ({ name }) => name !== '' && name.split(' ').every((part, index) => part === words[index]),
  )
}

/** `token create` and `token list` of `token`. */
function begunBy(word: string | undefined, commands: Program['commands']): readonly Command[] {
  return commands.filter(({ name }) => name.startsWith(`${word} `))
}

function strayWord(word: string, commands: Program['commands']): string {
  const begun = begunBy(word, commands).map(({ name }) => name)
  if (begun.length > 0) return `${JSON.stringify(word)} alone is not a command; there is ${begun.join(', ')}`
  const meant = nearest(word, ['completion', ...commands.map(({ name }) => name)])
  return `${JSON.stringify(word)} is not a command${meant === undefined ? '' : `; did you mean ${meant}?`}`
}

function helpOf(
  { name, summary, commands }: Program,
  command: Command,
  words: readonly string[],
  { columns, short }: { readonly columns: number; readonly short: boolean },
): string {
  const isMain = command === commands[0]
  const summaries = (some: readonly Command[]) =>
    some.filter((other) => other.name !== '').map((other) => [other.name, other.summary] as const)
  const begun = isMain ? begunBy(words[0], commands) : []
  if (begun.length > 0) {
    const usage = `${name} ${words[0]} COMMAND [options]`
    const examples = begun.flatMap((one) => one.examples)
    return renderHelp(
      {
        usage,
        summary: `The commands of ${name} ${words[0]}.`,
        examples,
        commands: summaries(begun),
        specs: {},
      },
      columns,
    )
  }
  const listed = summaries(commands)
  const word = isMain && command.name !== '' ? `[${command.name}]` : command.name
  const argument = command.argument && `[${command.argument.name}]`
  return renderHelp(
    {
      usage: [name, word, argument, '[options]'].filter(Boolean).join(' '),
      summary: isMain ? summary : command.summary,
      examples: command.examples,
      commands: isMain ? [...listed, ['completion', 'a completion script for the shell of $SHELL']] : [],
      specs: command.specs,
      short,
    },
    columns,
  )
}

/** The log of this process on standard output; colour only on a terminal, and never under `NO_COLOR`. */
export function processLogger(options: {
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat | undefined
}): Logger {
  const terminal = process.stdout.isTTY === true
  return createLogger({
    level: options.logLevel,
    format: options.logFormat ?? standardFormat(),
    color: terminal && !process.env.NO_COLOR,
  })
}

/**
 * Runs this process as `program` and ends it: 0 after help or a clean end, 1 for a failure, 2 for bad usage or
 * configuration, or what the command resolves to.
 */
export async function main(program: Program): Promise<void> {
  // A reader that goes away, as in `--help | head -1`, or a log collector that dies, must not end the process.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const tell = (sentence: string): void => void process.stderr.write(`${program.name}: ${sentence}\n`)
  try {
    const outcome = await interpretCommandLine(program, {
      argv: process.argv.slice(2),
      env: process.env,
      directory: process.cwd(),
      columns: process.stdout.columns ?? 80,
    })
    if (outcome.kind === 'run') process.exit(await outcome.run())
    process.stdout.write(outcome.text)
  } catch (error) {
    if (error instanceof UsageError) {
      error.mistakes.forEach(tell)
      tell('-h tells how it is called, --help every option')
      process.exit(2)
    }
    tell(error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
}
