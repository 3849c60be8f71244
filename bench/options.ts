import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CHECKOUT } from './ground.js'
import { quickly, type Scenario } from './scenario.js'
import { SCENARIOS } from './scenarios.js'
import type { Build } from './tunnel.js'

export class BadUsage extends Error {
  override readonly name = 'BadUsage'
}

export interface Options {
  readonly help: boolean
  readonly scenarios: readonly Scenario[]
  readonly seconds: number
  readonly json: string | undefined
  readonly build: Build
}

/** Below this, 10 ms clock ticks and start-up show in the figures. */
const MIN_SECONDS = 2
const MAX_SECONDS = 60
const MAX_ROUNDS = 20

export const USAGE = `npm run bench -- [quick] [options]

  quick               the few scenarios that show most, in under a minute
  --scenario NAME     only this one; repeatable
  --rounds N          rounds of each scenario, 1 to ${MAX_ROUNDS}
  --seconds N         length of a round, ${MIN_SECONDS} to ${MAX_SECONDS} (default ${MIN_SECONDS})
  --json FILE         write all figures there too
  --engine NAME       the gateway's engine: uws or node
  --root DIR          measure the built checkout in DIR
  --help              this text

Scenarios (those of the quick run with a star):
${SCENARIOS.map(({ name, about, quick }) => `  ${quick ? '*' : ' '} ${name.padEnd(12)} ${about}`).join('\n')}
`

export function readOptions(words: readonly string[]): Options {
  const { values, positionals } = parse(words)
  const quick = positionals.length > 0
  if (quick && (positionals.length > 1 || positionals[0] !== 'quick')) {
    throw new BadUsage(
      `unknown word ${JSON.stringify(positionals.find((word) => word !== 'quick') ?? 'quick')}`,
    )
  }
  const rounds = values.rounds === undefined ? undefined : whole('--rounds', values.rounds, 1, MAX_ROUNDS)
  const { engine } = values
  if (engine !== undefined && engine !== 'uws' && engine !== 'node') {
    throw new BadUsage(`--engine takes uws or node, not ${JSON.stringify(engine)}`)
  }
  return {
    help: values.help ?? false,
    scenarios: choose(quick, values.scenario).map((scenario) =>
      rounds === undefined ? scenario : { ...scenario, rounds },
    ),
    seconds: whole('--seconds', values.seconds ?? String(MIN_SECONDS), MIN_SECONDS, MAX_SECONDS),
    json: values.json,
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
        engine: { type: 'string' },
        root: { type: 'string' },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new BadUsage(error instanceof Error ? error.message : String(error))
  }
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
