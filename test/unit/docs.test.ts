/** The tables in the README are made from the records that the code runs on. `npm test -- --snapshot` writes them anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { agentOptions } from '../../agent/options.js'
import { gatewayOptions } from '../../gateway/options.js'
import { PROBLEMS } from '../../shared/errors.js'
import { renderTable } from '../../shared/help.js'

const README = new URL('../../../README.md', import.meta.url)

const errors = [
  '| code | status | when |',
  '| --- | --- | --- |',
  ...Object.entries(PROBLEMS).map(([code, { status, when }]) => `| \`${code}\` | ${status} | ${when} |`),
  '',
].join('\n')

const BLOCKS = [
  ['<!-- options:gateway -->', '<!-- /options -->', renderTable(gatewayOptions.specs)],
  ['<!-- options:agent -->', '<!-- /options -->', renderTable(agentOptions.specs)],
  ['<!-- errors -->', '<!-- /errors -->', errors],
] as const

t.test('the tables of the README say what the code does', async (t) => {
  let text = readFileSync(README, 'utf8')
  for (const [begin, end, table] of BLOCKS) {
    const from = text.indexOf(begin) + begin.length
    const to = text.indexOf(end, from)
    if (process.env.TAP_SNAPSHOT === '1') text = `${text.slice(0, from)}\n${table}${text.slice(to)}`
    else t.equal(text.slice(from, to), `\n${table}`, begin)
  }
  if (process.env.TAP_SNAPSHOT === '1') writeFileSync(README, text)
})
