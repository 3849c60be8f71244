/** The tables in the README and the reference are made from the records that the code runs on. `npm test -- --snapshot` writes them anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { agentOptions } from '../../agent/options.js'
import { gatewayOptions } from '../../gateway/options.js'
import { PROBLEMS } from '../../shared/errors.js'
import { renderReference, renderTable } from '../../shared/help.js'

const README = new URL('../../../README.md', import.meta.url)
const REFERENCE = new URL('../../../docs/configuration.md', import.meta.url)

const errors = [
  '| code | status | when |',
  '| --- | --- | --- |',
  ...Object.entries(PROBLEMS).map(([code, { status, when }]) => `| \`${code}\` | ${status} | ${when} |`),
  '',
].join('\n')

type Blocks = readonly (readonly [begin: string, end: string, text: string])[]

const TABLES: Blocks = [
  ['<!-- options:gateway -->', '<!-- /options -->', renderTable(gatewayOptions.specs)],
  ['<!-- options:agent -->', '<!-- /options -->', renderTable(agentOptions.specs)],
  ['<!-- errors -->', '<!-- /errors -->', errors],
]

const SECTIONS: Blocks = [
  ['<!-- options:gateway -->', '<!-- /options -->', `${renderReference(gatewayOptions.specs, true)}\n`],
  ['<!-- options:agent -->', '<!-- /options -->', `${renderReference(agentOptions.specs, false)}\n`],
]

for (const [page, blocks] of [
  [README, TABLES],
  [REFERENCE, SECTIONS],
] as const) {
  t.test(`${page.pathname.split('/').at(-1)} says what the code does`, async (t) => {
    let text = readFileSync(page, 'utf8')
    for (const [begin, end, table] of blocks) {
      const from = text.indexOf(begin) + begin.length
      const to = text.indexOf(end, from)
      if (process.env.TAP_SNAPSHOT === '1') text = `${text.slice(0, from)}\n${table}${text.slice(to)}`
      else t.equal(text.slice(from, to), `\n${table}`, begin)
    }
    if (process.env.TAP_SNAPSHOT === '1') writeFileSync(page, text)
  })
}
