import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CHECKOUT } from './ground.js'
import { quickly, type Scenario } from './scenario.js'
import { SCENARIOS } from './scenarios.js'
import type { Build } from './tunnel.js'

export class BadUsage extends Error {
  override readonly name = 'BadUsage'
}

/** `all` measures what is chosen; `page` measures nothing and makes the page and its plots from the last results. */
const COMMANDS = ['all', 'quick', 'baseline', 'check', 'page'] as const
export type CommandName = (typeof COMMANDS)[number]

export interface Options {
  readonly help: boolean
  readonly command: CommandName
  readonly scenarios: readonly Scenario[]
  /** Whether scenarios were named, rather than taken all. */
  readonly chosen: boolean
  /** Undefined: as each scenario has it. */
  readonly rounds: number | undefined
  /** Undefined: as the command has it. */
  readonly seconds: number | undefined
  readonly json: string | undefined
  readonly plots: string | undefined
  readonly build: Build
}

/** wrk counts in whole seconds, and below one the 10 ms ticks of ended processes would show in the figures. */
const MIN_SECONDS = 1
const MAX_SECONDS = 60
const MAX_ROUNDS = 20

export const USAGE = `npm run bench -- [quick | baseline | check | page] [options]

  (nothing)           every scenario, in under ten minutes; each peer that is installed adds about one
  quick               the few scenarios that show most, in under a minute
  baseline            write the ratios of this run to bench/baseline.json
  check               compare with those: exit 1 where one has become worse
  page                make docs/performance.md and its plots from docs/performance/results.json

  --scenario NAME     only this one; repeatable
  --rounds N          rounds of each scenario, 1 to ${MAX_ROUNDS}
  --seconds N         length of a round, ${MIN_SECONDS} to ${MAX_SECONDS} (default 1; named scenarios 2)
  --json FILE         write all figures there too
  --plots DIR         draw them there as SVG, with results.json beside
  --engine NAME       the gateway's engine: uws or node
  --root DIR          measure the built checkout in DIR
  --help              this text

Scenarios (those of the quick run with a star):
${SCENARIOS.map(({ name, about, quick }) => `  ${quick ? '*' : ' '} ${name.padEnd(12)} ${about}`).join('\n')}
`

export function readOptions(words: readonly string[]): Options {
  const { values, positionals } = parse(words)
  const command = readCommand(positionals)
  const rounds = values.rounds === undefined ? undefined : whole('--rounds', values.rounds, 1, MAX_ROUNDS)
  const { engine } = values
  if (engine !== undefined && engine !== 'uws' && engine !== 'node') {
    throw new BadUsage(`--engine takes uws or node, not ${JSON.stringify(engine)}`)
  }
  return {
    help: values.help ?? false,
    command,
    scenarios: choose(command === 'quick', values.scenario).map((scenario) =>
      rounds === undefined ? scenario : { ...scenario, rounds },
    ),
    chosen: values.scenario !== undefined,
    rounds,
    seconds:
      values.seconds === undefined ? undefined : whole('--seconds', values.seconds, MIN_SECONDS, MAX_SECONDS),
    json: values.json,
    plots: values.plots,
    build: { root: resolve(values.root ?? CHECKOUT), engine },
  }
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        scenario: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        json: { type: 'string' },
        plots: { type: 'string' },
        engine: { type: 'string' },
        root: { type: 'string' },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new BadUsage(error instanceof Error ? error.message : String(error))
  }
}

function readCommand([word = 'all', ...more]: readonly string[]): CommandName {
  const found = COMMANDS.find((name) => name === word)
  if (found === undefined) {
    throw new BadUsage(`unknown word ${JSON.stringify(word)}; there are ${COMMANDS.join(', ')}`)
  }
  if (more.length > 0)
    throw new BadUsage(`one word is enough: ${JSON.stringify(more[0])} comes after ${word}`)
  return found
}

function choose(quick: boolean, names: readonly string[] | undefined): readonly Scenario[] {
  const all = quick ? SCENARIOS.map(quickly) : SCENARIOS
  if (!names) return quick ? all.filter((scenario) => scenario.quick) : all
  return names.map((name) => {
    const found = all.find((scenario) => scenario.name === name)
    if (found) return found
    throw new BadUsage(
      `unknown scenario ${JSON.stringify(name)}; there are ${SCENARIOS.map((scenario) => scenario.name).join(', ')}`,
    )
  })
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new BadUsage(`${option} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`)
}
