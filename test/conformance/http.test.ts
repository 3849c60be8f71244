/** Requests that two servers might read in two ways: each is refused, served exactly once, or ends by a declared limit. */
import type { Test } from 'tap'
import { suites } from '../helpers/engine-suite.js'
import type { HttpCase, Verdict } from './http/case.js'
import { isLast, judge, judgeTogether } from './http/judge.js'
import { Site } from './http/site.js'
import { TABLES } from './http/table.js'

/** Fewer than that is no longer the table. */
const LEAST = 300

suites(({ engine, test }) => {
  const verdictOf = ({ verdict }: HttpCase): Verdict =>
    typeof verdict === 'object' ? verdict[engine] : verdict
  const all = Object.values(TABLES).flat()

  // All at once: who waits for the engine's timer waits with the others.
  const run = async (): Promise<{ found: Map<HttpCase, string[]>; site: Site }> => {
    const site = await Site.start(engine)
    const found = new Map<HttpCase, string[]>()
    try {
      await Promise.all(
        all.map(async (one) => {
          const verdict = verdictOf(one)
          const [alone, together] = await Promise.all([
            site.play(one, false),
            isLast(verdict, one) ? site.play(one, true) : undefined,
          ])
          const more = together === undefined ? [] : judgeTogether(verdict, engine, together)
          found.set(one, [...judge(one, verdict, engine, alone), ...more])
        }),
      )
    } finally {
      await site.stop()
    }
    return { found, site }
  }
  const ran = run()
  ran.catch(() => {})

  for (const [part, cases] of Object.entries(TABLES)) {
    test(`${part}: ${cases.length} cases`, async (t: Test) => {
      const { found } = await ran
      for (const one of cases) t.same(found.get(one), [], `${one.name}: ${String(verdictOf(one))}`)
    })
  }

  test('nothing reached the origin that nobody sent, and nothing was logged as an error', async (t: Test) => {
    const { site } = await ran
    t.ok(all.length >= LEAST, `${all.length} cases`)
    t.equal(
      new Set(Object.values(TABLES).flatMap((cases) => cases.map(({ name }) => name))).size,
      all.length,
      'names',
    )
    t.same(site.strange, [])
    t.same(site.errors, [])
  })
})
