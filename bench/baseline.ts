import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Facts } from './facts.js'
import { type Comparison, RATIO, type Spread, spread } from './figure.js'
import { CHECKOUT } from './ground.js'
import { BadUsage, type Options } from './options.js'
import type { Records } from './records.js'
import { digits } from './report.js'
import type { Scenario } from './scenario.js'

/** The ratios of one run, with which later ones are compared. Absolute figures stay behind: they do not travel. */
export interface Baseline {
  readonly made: Pick<Facts, 'date' | 'commit' | 'cpu' | 'cores' | 'engine' | 'generator' | 'node'>
  readonly rounds: number
  readonly seconds: number
  readonly ratios: Readonly<Record<string, Readonly<Record<string, BaselineRatio>>>>
}

interface BaselineRatio extends Spread {
  readonly better: Comparison['better']
}

/** More rounds than a plain run has: with five on either side, noise alone parts them once in 250 times. */
export const BASELINE_ROUNDS = 5
/** A median that is worse by less than this share is noise on a machine that others use too. */
const TOLERANCE = 0.1

const FILE = join(CHECKOUT, 'bench', 'baseline.json')

export function writeBaseline(
  scenarios: readonly Scenario[],
  { facts, scenarios: results }: Records,
  seconds: number,
): void {
  const { date, commit, cpu, cores, engine, generator, node } = facts
  const ratios = scenarios.map(({ name, comparisons }) => {
    const result = results.find((other) => other.name === name)
    const entries = comparisons.flatMap((comparison): (readonly [string, BaselineRatio])[] => {
      const figure = result?.figures.find(
        (other) => other.subject === RATIO && other.name === comparison.name,
      )
      const values = figure && spread(figure.rounds)
      return values ? [[comparison.name, { better: comparison.better, ...rounded(values) }]] : []
    })
    return [name, Object.fromEntries(entries)] as const
  })
  const baseline: Baseline = {
    made: { date, commit, cpu, cores, node, engine, generator },
    rounds: Math.max(...results.map(({ rounds }) => rounds)),
    seconds,
    ratios: Object.fromEntries(ratios.filter(([, entries]) => Object.keys(entries).length > 0)),
  }
  writeFileSync(FILE, `${JSON.stringify(baseline, null, 2)}\n`)
}

export function readBaseline(): Baseline {
  if (!existsSync(FILE))
    throw new BadUsage('bench/baseline.json is not there: npm run bench -- baseline makes it')
  return JSON.parse(readFileSync(FILE, 'utf8')) as Baseline
}

/** The same scenarios, rounds and seconds as the baseline's, but for what the user asked for. */
export function asBefore({ rounds, seconds, ratios }: Baseline, options: Options): Options {
  const scenarios = options.scenarios.filter(({ name }) => ratios[name])
  if (scenarios.length === 0) throw new BadUsage('bench/baseline.json has none of these scenarios')
  return {
    ...options,
    seconds: options.seconds ?? seconds,
    scenarios: options.rounds === undefined ? scenarios.map((one) => ({ ...one, rounds })) : scenarios,
  }
}

export interface Comparisons {
  readonly text: string
  readonly worse: boolean
}

/** Every ratio that both runs have. Worse is one whose rounds are all worse than all before, and its median by a tenth. */
export function compare({ made, ratios }: Baseline, { facts, scenarios }: Records): Comparisons {
  const lines = [`\ncompared with ${made.commit}, ${made.date}`]
  for (const key of ['cpu', 'cores', 'node', 'engine', 'generator'] as const) {
    if (made[key] !== facts[key]) lines.push(`  another ${key}: ${made[key]} then, ${facts[key]} now`)
  }
  let worse = false
  for (const { name, figures } of scenarios) {
    for (const [ratio, then] of Object.entries(ratios[name] ?? {})) {
      const figure = figures.find((other) => other.subject === RATIO && other.name === ratio)
      const now = figure && spread(figure.rounds)
      const verdict = now ? judge(then, now) : 'not measured'
      if (verdict === 'WORSE') worse = true
      const is = now ? `, is ${digits(now.median)} (${digits(now.min)} to ${digits(now.max)})` : ''
      lines.push(
        `  ${verdict}: ${name}, ${ratio}: was ${digits(then.median)} (${digits(then.min)} to ${digits(then.max)})${is}`,
      )
    }
  }
  return { text: lines.join('\n'), worse }
}

function judge(then: BaselineRatio, now: Spread): 'same' | 'better' | 'WORSE' {
  const isAbove = now.min > then.max && now.median > then.median * (1 + TOLERANCE)
  const isBelow = now.max < then.min && now.median < then.median / (1 + TOLERANCE)
  if (!isAbove && !isBelow) return 'same'
  return isAbove === (then.better === 'higher') ? 'better' : 'WORSE'
}

const rounded = ({ min, median, max }: Spread): Spread => ({
  min: Number(min.toPrecision(4)),
  median: Number(median.toPrecision(4)),
  max: Number(max.toPrecision(4)),
})
