import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Figure, spread } from '../figure.js'
import { PEER_NAMES } from '../peers/table.js'
import { type Records, writeRecords } from '../records.js'
import { digits } from '../report.js'
import type { Result, Verdict } from '../run.js'
import type { SubjectName } from '../subject.js'
import { type Bar, drawBars, type Panel } from './bars.js'

/** What stands for all processes' CPU among the names of figures. */
const CPU = 'CPU'
const GOALS = 'goals.svg'
/** So many times a goal is as far as a bar goes. */
const FARTHEST = 3

const REFERENCES: ReadonlySet<string> = new Set<SubjectName>([
  ...(['direct', 'nginx', 'nginx-2', 'haproxy', 'haproxy-2', 'far'] as const),
  ...PEER_NAMES,
])

/** Draws a run into a folder, one file for each scenario that has something to draw, and leaves its results beside. */
export function drawPlots(folder: string, records: Records): void {
  mkdirSync(folder, { recursive: true })
  writeRecords(join(folder, 'results.json'), records)
  const goals = goalPanel(records)
  if (goals)
    writeFileSync(
      join(folder, GOALS),
      drawBars('Goals', 'the grey ones are missed; bars end at three times', [goals]),
    )
  for (const result of records.scenarios) {
    const drawn = plotOf(result)
    if (drawn) writeFileSync(join(folder, plotName(result)), drawn)
  }
}

export const plotName = ({ name }: Result): string => `${name}.svg`
export const goalsPlotName = (records: Records): string | undefined => goalPanel(records) && GOALS

export function plotOf(result: Result): string | undefined {
  const panels = result.plots.map((name) => panelOf(result, name)).filter((panel) => panel !== undefined)
  return panels.length > 0 ? drawBars(result.name, result.about, panels) : undefined
}

function panelOf({ figures, outcomes }: Result, name: string): Panel | undefined {
  const bars: Bar[] = []
  let unit = ''
  for (const { name: subject } of outcomes) {
    const own = figures.filter((figure) => figure.subject === subject)
    const wanted = name === CPU ? own.filter(isTunnelCpu) : own.filter((figure) => figure.name === name)
    const bar = barOf(subject, wanted)
    if (bar) bars.push(bar)
    unit = wanted[0]?.unit ?? unit
  }
  return bars.length > 0 ? { title: `${name}, ${unit}`, bars } : undefined
}

/** The CPU of what stands between: neither the origin's nor the load's. */
const isTunnelCpu = ({ name }: Figure): boolean => / CPU$/.test(name) && !/^(origin|load) /.test(name)

function barOf(subject: string, figures: readonly Figure[]): Bar | undefined {
  const spreads = figures.map(({ rounds }) => spread(rounds)).filter((values) => values !== undefined)
  const [first] = spreads
  if (!first) return undefined
  const parts = spreads.map(({ median }) => median)
  const one = parts.length === 1
  const names = figures.map((figure) => figure.name.replace(/ CPU$/, ''))
  return {
    label: subject,
    ours: !REFERENCES.has(subject),
    parts,
    ...(one && { spread: [first.min, first.max] as const }),
    note: one
      ? `${digits(first.median)} (${digits(first.min)} to ${digits(first.max)})`
      : parts.map((value, n) => `${names[n]} ${digits(value)}`).join(' + '),
  }
}

/** How much of what a goal allows is used: below one it is met. */
function goalPanel({ scenarios }: Records): Panel | undefined {
  const bars = scenarios.flatMap(({ name, goals }) => goals.flatMap((verdict) => goalBar(name, verdict)))
  return bars.length > 0
    ? { title: 'how much of what a goal allows is used: left of the line it is met', bars, mark: 1 }
    : undefined
}

function goalBar(scenario: string, { goal, median, met }: Verdict): Bar[] {
  if (median === undefined || median <= 0 || goal.limit <= 0) return []
  const used = goal.kind === 'at-most' ? median / goal.limit : goal.limit / median
  return [
    {
      label: `${goal.id === undefined ? '' : `${goal.id} `}${scenario}`,
      ours: met,
      parts: [Math.min(used, FARTHEST)],
      note: `${digits(median)}, wanted ${goal.kind === 'at-most' ? '≤' : '≥'} ${digits(goal.limit)}`,
    },
  ]
}
