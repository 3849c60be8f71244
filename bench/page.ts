import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spread } from './figure.js'
import { CHECKOUT } from './ground.js'
import { drawPlots, goalsPlotName, plotName, plotOf } from './plots/plots.js'
import { type Records, readRecords } from './records.js'
import { digits, factsText, resultText, wantedText } from './report.js'
import type { Result, Verdict } from './run.js'

const FOLDER = 'performance'
const PAGE = join(CHECKOUT, 'docs', 'performance.md')
const BEGIN = '<!-- bench -->'
const END = '<!-- /bench -->'

/** Writes what the last published results say into the page, between its marks, and draws their plots anew. */
export function makePage(): void {
  const folder = join(CHECKOUT, 'docs', FOLDER)
  const records = readRecords(join(folder, 'results.json'))
  drawPlots(folder, records)
  const page = readFileSync(PAGE, 'utf8')
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`${PAGE} has no ${BEGIN} … ${END}`)
  writeFileSync(PAGE, `${page.slice(0, from)}${BEGIN}\n${sectionOf(records)}${page.slice(to)}`)
}

function sectionOf(records: Records): string {
  const goals = goalsPlotName(records)
  return [
    `\nMade by \`${records.facts.command}\`:`,
    fenced(factsText(records.facts)),
    '### Goals',
    ...(goals ? [image('how much of each goal is used', goals)] : []),
    goalTable(records),
    ...records.scenarios.flatMap(scenarioSection),
    '',
  ].join('\n\n')
}

function goalTable({ scenarios }: Records): string {
  const rows = scenarios.flatMap((result) => result.goals.map((verdict) => goalRow(result, verdict)))
  return [
    '| goal | scenario | wanted | median | least to most | |',
    '| --- | --- | --- | ---: | --- | --- |',
    ...rows,
  ].join('\n')
}

function goalRow({ name, figures }: Result, { goal, median, met }: Verdict): string {
  const figure = figures.find((other) => `${other.subject}/${other.name}` === goal.figure)
  const values = figure && spread(figure.rounds)
  const cells = [
    goal.id ?? '',
    name,
    wantedText(goal),
    median === undefined ? '' : digits(median),
    values ? `${digits(values.min)} to ${digits(values.max)}` : '',
    median === undefined ? 'not measured' : met ? 'met' : '**missed**',
  ]
  return `| ${cells.join(' | ')} |`
}

function scenarioSection(result: Result): string[] {
  return [
    `### ${result.name}`,
    ...(plotOf(result) === undefined ? [`${result.about}.`] : [image(result.about, plotName(result))]),
    `<details><summary>All figures</summary>\n\n${fenced(resultText(result).trim())}\n\n</details>`,
  ]
}

const image = (alt: string, file: string): string => `![${alt}](${FOLDER}/${file})`
const fenced = (content: string): string => `\`\`\`\n${content}\n\`\`\``
