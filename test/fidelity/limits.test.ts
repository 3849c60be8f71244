/** `docs/limits.md` lists what the cases declare. `npm test -- --snapshot` writes it anew. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { CASES } from './cases.js'
import { LIMITS, type Scope } from './limits.js'
import { limitsPage } from './limits-page.js'

const ROOT = new URL('../../../', import.meta.url)
const PAGE = new URL('docs/limits.md', ROOT)

t.test('the page says what is declared', async (t) => {
  if (process.env.TAP_SNAPSHOT === '1') writeFileSync(PAGE, limitsPage())
  t.equal(readFileSync(PAGE, 'utf8'), limitsPage())
})

/** What the suites ask for by `limited(engine, 'name')`. */
function shownBySuites(): string[] {
  const folders = ['test/system/', 'test/fidelity/'].map((path) => new URL(path, ROOT))
  const sources = folders.flatMap((folder) =>
    readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8')),
  )
  return [...sources.join().matchAll(/\blimited\(engine, '([a-z0-9.-]+)'\)/g)].map(([, name]) => name!)
}

t.test('a test shows each limit', async (t) => {
  const elsewhere = shownBySuites()
  for (const scope of Object.keys(LIMITS) as Scope[]) {
    const shown = CASES.flatMap(({ limits = [] }) => limits.filter(({ on }) => on === scope))
    for (const name of Object.keys(LIMITS[scope]))
      t.ok(shown.some((one) => one.name === name) || elsewhere.includes(name), `${scope}: ${name}`)
  }
})

t.test('each case is told from the others by its title', async (t) => {
  t.ok(CASES.length >= 120)
  t.equal(new Set(CASES.map(({ title }) => title)).size, CASES.length)
})
