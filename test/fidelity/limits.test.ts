/** What `docs/limits.md` lists is what the cases declare. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { CASES } from './cases.js'

const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
const HEADINGS = { every: '## On every engine', uws: '## With uWebSockets.js (`--engine uws`)' }

t.test('the page lists every limit that a case declares, and no other', async (t) => {
  for (const [on, heading] of Object.entries(HEADINGS)) {
    const from = page.indexOf(`${heading}\n`)
    t.ok(from >= 0, heading)
    const section = page.slice(from + heading.length).split('\n## ')[0]!
    const listed = [...section.matchAll(/^- \*\*([a-z0-9.-]+)\*\*: /gm)].map(([, name]) => name!)
    const declared = new Set(CASES.flatMap(({ limit }) => (limit?.on === on ? limit.name : [])))
    t.same(listed.toSorted(), [...declared].toSorted(), heading)
    t.equal(section.match(/^- /gm)?.length, listed.length, `${heading}: each point has a name`)
  }
})

t.test('each case is told from the others by its title', async (t) => {
  t.ok(CASES.length >= 120)
  t.equal(new Set(CASES.map(({ title }) => title)).size, CASES.length)
  t.same(
    CASES.filter(({ limit }) => limit !== undefined && limit.why.length < 10),
    [],
  )
})
