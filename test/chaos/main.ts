/** `npm run test:chaos`: every scenario, or one, in its long form. Exits with 1 where an invariant broke. */
import { parseArgs } from 'node:util'
import { runScenario, SCENARIOS, type ScenarioName } from './run.js'

/** A breach repeats itself. */
const SHOWN = 20

const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    short: { type: 'boolean' },
  },
})
const number = (option: 'seconds' | 'seed'): number | undefined => {
  const text = values[option]
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text)) throw new Error(`--${option}: ${JSON.stringify(text)} is not a whole number`)
  return Number(text)
}
const known = Object.keys(SCENARIOS) as ScenarioName[]
const names = known.filter((name) => values.scenario === undefined || name === values.scenario)
if (names.length === 0) throw new Error(`--scenario: ${values.scenario} is none of ${known.join(', ')}`)
const seed = number('seed') ?? Math.floor(Math.random() * 2 ** 32)
const seconds = number('seconds')
const form = values.short ? 'short' : 'long'

let broken = 0
for (const name of names) {
  const startedAt = performance.now()
  const since = (): string => ((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)
  console.log(`${name}: --seed ${seed}${seconds === undefined ? '' : ` --seconds ${seconds}`}`)
  const { figures, breaches } = await runScenario(name, seed, {
    form,
    seconds,
    note: (sentence) => console.log(`${since()}  ${sentence}`),
  })
  for (const figure of figures) console.log(`${since()}  ${figure}`)
  for (const breach of breaches.slice(0, SHOWN)) console.log(`${since()}  BROKEN ${breach}`)
  if (breaches.length > SHOWN) console.log(`${since()}  and ${breaches.length - SHOWN} more`)
  console.log(`${since()}  ${breaches.length === 0 ? 'every invariant holds' : `${breaches.length} broken`}`)
  broken += breaches.length
}
process.exit(broken === 0 ? 0 : 1)
