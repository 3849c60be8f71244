import type { Facts } from './facts.js'
import { type Figure, type Spread, spread } from './figure.js'
import { NOT_INSTALLED } from './ground.js'
import { LOAD_LIMIT, LOAD_SHARE } from './meter.js'
import type { Outcome, Result, Verdict } from './run.js'
import type { Goal } from './scenario.js'

/** The run as people read it. */

export function factsText(facts: Facts): string {
  const { programs, cpu, cores, memoryMiB, kernel, node, commit, engine, generator, date, loadBefore } = facts
  const present = Object.entries(programs).filter(([, version]) => version !== 'absent')
  const absent = Object.keys(programs).filter((name) => programs[name] === 'absent')
  return [
    `${cpu}, ${cores} cores, ${memoryMiB} MiB; ${kernel}; node ${node}`,
    `commit ${commit}, engine ${engine}, load by ${generator === 'wrk' ? 'wrk' : 'a generator of our own'}`,
    `${present.map((pair) => pair.join(' ')).join(', ') || 'no reference'}; absent: ${absent.join(', ') || 'none'}`,
    `${date}, load average before ${loadBefore.toFixed(2)}. Compare ratios within a run, not figures between runs.`,
  ].join('\n')
}

export function resultText(result: Result): string {
  const lines = ['', `${result.name}: ${result.about} (${roundsText(result)})`]
  const shown = result.figures.filter(interesting)
  if (shown.length > 0) lines.push(...table(shown))
  return [
    ...lines,
    ...missingText(result.outcomes),
    ...warnings(result.figures),
    ...result.goals.map(verdictText),
  ].join('\n')
}

/** Programs that are not here are named in one line; whatever else did not run says why. */
function missingText(outcomes: readonly Outcome[]): string[] {
  const missing = outcomes.filter((outcome) => outcome.kind !== 'ran')
  const isProgram = ({ kind, reason }: (typeof missing)[number]) =>
    kind === 'absent' && reason.endsWith(NOT_INSTALLED)
  const programs = missing.filter(isProgram).map(({ name }) => name)
  return [
    ...(programs.length > 0 ? [`  absent, ${NOT_INSTALLED}: ${programs.join(', ')}`] : []),
    ...missing
      .filter((outcome) => !isProgram(outcome))
      .map(({ name, kind, reason }) => `  ${name}: ${kind}: ${reason}`),
  ]
}

/** Where the generator had no rest, the figures may be its own. */
const warnings = (figures: readonly Figure[]): string[] =>
  figures
    .filter(({ name, rounds }) => name === LOAD_SHARE && (spread(rounds)?.median ?? 0) > LOAD_LIMIT)
    .map(({ subject, rounds }) => {
      const share = digits(spread(rounds)?.median ?? 0)
      return `  warning: ${subject}: the load generator used ${share} % of a core, it may be the bottleneck`
    })

function roundsText({ rounds, seconds, took }: Result): string {
  const count = `${rounds} ${rounds === 1 ? 'round' : 'rounds'}`
  return `${count}${seconds === undefined ? '' : ` of ${seconds} s`}, ${Math.round(took)} s in all`
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

export function digits(value: number): string {
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

function verdictText({ goal, median, met }: Verdict): string {
  const name = goal.id === undefined ? 'goal' : `goal ${goal.id}`
  if (median === undefined) return `  ${name} not measured: ${wantedText(goal)}`
  return `  ${name} ${met ? 'met' : 'MISSED'}: ${wantedText(goal)}, is ${digits(median)}`
}

export const wantedText = ({ figure, kind, limit }: Goal): string =>
  `${figure} ${kind === 'at-most' ? '≤' : '≥'} ${digits(limit)}`
