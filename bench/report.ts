import type { Facts } from './facts.js'
import { type Figure, type Spread, spread } from './figure.js'
import type { Result, Verdict } from './run.js'

/** The run as people read it. */

export function factsText(facts: Facts): string {
  const programs = Object.entries(facts.programs).map(([name, version]) => `${name} ${version}`)
  return [
    `${facts.cpu}, ${facts.cores} cores, ${facts.memoryMiB} MiB; ${facts.kernel}; node ${facts.node}`,
    `commit ${facts.commit}, engine ${facts.engine}, load by ${facts.generator === 'wrk' ? 'wrk' : 'a generator of our own'}; ${programs.join(', ')}`,
    `${facts.date}, load average before ${facts.loadBefore.toFixed(2)}. Compare ratios within a run, not figures between runs.`,
  ].join('\n')
}

export function resultText(result: Result): string {
  const lines = ['', `${result.name}: ${result.about} (${roundsText(result)})`]
  const shown = result.figures.filter(interesting)
  if (shown.length > 0) lines.push(...table(shown))
  for (const outcome of result.outcomes) {
    if (outcome.kind !== 'ran') lines.push(`  ${outcome.name}: ${outcome.kind}: ${outcome.reason}`)
  }
  return [...lines, ...result.goals.map(verdictText)].join('\n')
}

function roundsText({ rounds, seconds }: Result): string {
  const count = `${rounds} ${rounds === 1 ? 'round' : 'rounds'}`
  return seconds === undefined ? count : `${count} of ${seconds} s`
}

/** Broken connections are worth a line only when there were some. */
function interesting(figure: Figure): boolean {
  return figure.name !== 'broken' || figure.rounds.some((value) => value !== undefined && value > 0)
}

const HEAD = ['subject', 'figure', 'min', 'median', 'max', 'unit']

function table(figures: readonly Figure[]): string[] {
  let last = ''
  const rows = figures.flatMap((figure) => {
    const values = spread(figure.rounds)
    if (!values) return []
    const subject = figure.subject === last ? '' : figure.subject
    last = figure.subject
    return [[subject, figure.name, ...cells(values), figure.unit]]
  })
  const all = [HEAD, ...rows]
  const widths = HEAD.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  return all.map((row) => `  ${row.map((cell, n) => pad(cell, widths[n] ?? 0, n)).join('  ')}`.trimEnd())
}

const cells = ({ min, median, max }: Spread): string[] => [min, median, max].map(digits)

/** Numbers stand to the right, words to the left. */
const pad = (cell: string, width: number, column: number): string =>
  column >= 2 && column <= 4 ? cell.padStart(width) : cell.padEnd(width)

function digits(value: number): string {
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

function verdictText({ goal, median, met }: Verdict): string {
  const wanted = `${goal.figure} ${goal.kind === 'at-most' ? '≤' : '≥'} ${digits(goal.limit)}`
  if (median === undefined) return `  goal not measured: ${wanted}`
  return `  goal ${met ? 'met' : 'MISSED'}: ${wanted}, is ${digits(median)}`
}
