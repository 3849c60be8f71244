import { writeFileSync } from 'node:fs'
import { gatherFacts } from './facts.js'
import { spread } from './figure.js'
import { Ground, Interrupted } from './ground.js'
import { BadUsage, type Options, readOptions, USAGE } from './options.js'
import { factsText, resultText } from './report.js'
import { type Result, runScenario } from './run.js'

/** The benchmark: `npm run bench -- --help`. Exits 1 when something that was asked for could not run. */

/** Progress is for people who wait; it stays out of files and pipes. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

async function run(options: Options, words: readonly string[]): Promise<boolean> {
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc and runs on Linux only')
  const facts = gatherFacts(options.build, words)
  console.log(factsText(facts))
  const results: Result[] = []
  // Written from the start and after each scenario: a bad file name shows at once, and a cut run leaves what it had.
  const save = () => {
    if (options.json === undefined) return
    const text = JSON.stringify({ facts, scenarios: results.map(withSpreads) }, null, 1)
    try {
      writeFileSync(options.json, `${text}\n`)
    } catch (error) {
      throw new BadUsage(`--json: ${error instanceof Error ? error.message : error}`)
    }
  }
  save()
  const ground = new Ground()
  try {
    for (const scenario of options.scenarios) {
      const result = await runScenario(ground, scenario, { ...options, progress })
      results.push(result)
      save()
      progress('')
      console.log(resultText(result))
    }
  } finally {
    await ground.close()
  }
  return results.every((result) => result.outcomes.every((outcome) => outcome.kind !== 'failed'))
}

const withSpreads = (result: Result) => ({
  ...result,
  figures: result.figures.map((figure) => ({ ...figure, ...spread(figure.rounds) })),
})

async function main(words: readonly string[]): Promise<number> {
  try {
    const options = readOptions(words)
    if (options.help) {
      console.log(USAGE)
      return 0
    }
    return (await run(options, words)) ? 0 : 1
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
