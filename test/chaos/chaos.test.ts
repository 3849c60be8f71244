import t from 'tap'
import { runScenario, SCENARIOS, type ScenarioName } from './run.js'

/** The same faults every time, one of each kind; `npm run test:chaos` draws others. */
const SEED = 16

// Six scenarios of some seconds each, on a machine that may be busy with other things.
t.setTimeout(300_000)

for (const name of Object.keys(SCENARIOS) as ScenarioName[]) {
  t.test(`${name}: no invariant breaks`, async (t) => {
    const { figures, breaches } = await runScenario(name, SEED, {
      form: 'short',
      seconds: undefined,
      note: (sentence) => t.comment(sentence),
    })
    for (const figure of figures) t.comment(figure)
    t.same(breaches.slice(0, 10), [])
  })
}
