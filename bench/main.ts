import { asBefore, BASELINE_ROUNDS, compare, readBaseline, writeBaseline } from './baseline.js'
import { gatherFacts } from './facts.js'
import { Ground, Interrupted } from './ground.js'
import { BadUsage, type CommandName, type Options, readOptions, USAGE } from './options.js'
import { makePage } from './page.js'
import { drawPlots } from './plots/plots.js'
import { type Records, writeRecords } from './records.js'
import { factsText, resultText } from './report.js'
import { type Result, runScenario } from './run.js'

/** The benchmark: `npm run bench -- --help`. Exits 1 when something that was asked for could not run. */

/** Progress is for people who wait; it stays out of files and pipes. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** The whole run has ten minutes, the quick one has one; where there is time, longer rounds give steadier figures. */
const secondsOf = ({ chosen, seconds }: Options): number => seconds ?? (chosen ? 2 : 1)

/** Measures what was asked for, round by round, and keeps what there is after every scenario. */
async function measure(options: Options, words: readonly string[]): Promise<Records> {
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc and runs on Linux only')
  const facts = gatherFacts(options.build, words)
  console.log(factsText(facts))
  const results: Result[] = []
  const records = { facts, scenarios: results }
  // Written from the start: a bad file name shows at once, and a cut run leaves what it had.
  const save = () => {
    if (options.json !== undefined) attempt('--json', () => writeRecords(options.json ?? '', records))
    if (options.plots !== undefined) attempt('--plots', () => drawPlots(options.plots ?? '', records))
  }
  save()
  const ground = new Ground()
  try {
    for (const scenario of options.scenarios) {
      const settings = { build: options.build, seconds: secondsOf(options), progress }
      const result = await runScenario(ground, scenario, settings)
      results.push(result)
      save()
      progress('')
      console.log(resultText(result))
    }
  } finally {
    await ground.close()
  }
  return records
}

function attempt(option: string, write: () => void): void {
  try {
    write()
  } catch (error) {
    throw new BadUsage(`${option}: ${error instanceof Error ? error.message : error}`)
  }
}

const isWhole = ({ scenarios }: Records): boolean =>
  scenarios.every(({ outcomes }) => outcomes.every((outcome) => outcome.kind !== 'failed'))

const ACTIONS: Readonly<
  Record<CommandName, (options: Options, words: readonly string[]) => Promise<boolean>>
> = {
  all: async (options, words) => isWhole(await measure(options, words)),
  quick: async (options, words) => isWhole(await measure(options, words)),
  baseline: async (options, words) => {
    const { rounds = BASELINE_ROUNDS } = options
    const scenarios = options.scenarios
      .filter(({ comparisons }) => comparisons.some(({ kind }) => kind === 'ratio'))
      .map((scenario) => ({ ...scenario, rounds }))
    const records = await measure({ ...options, scenarios }, words)
    if (!isWhole(records)) return false
    writeBaseline(scenarios, records, secondsOf(options))
    return true
  },
  check: async (options, words) => {
    const baseline = readBaseline()
    const records = await measure(asBefore(baseline, options), words)
    const { text, worse } = compare(baseline, records)
    console.log(text)
    return isWhole(records) && !worse
  },
  page: async () => {
    makePage()
    return true
  },
}

async function main(words: readonly string[]): Promise<number> {
  try {
    const options = readOptions(words)
    if (options.help) {
      console.log(USAGE)
      return 0
    }
    return (await ACTIONS[options.command](options, words)) ? 0 : 1
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode
    if (error instanceof BadUsage) {
      console.error(`${error.message}\nnpm run bench -- --help tells more`)
      return 2
    }
    console.error(error instanceof Error ? error.message : error)
    return 1
  }
}

process.exit(await main(process.argv.slice(2)))
