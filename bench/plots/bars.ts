import { drawing, element, text } from './svg.js'

/** One bar: one value with its spread, or several on top of one another. */
export interface Bar {
  readonly label: string
  /** Ours stand out. */
  readonly ours: boolean
  readonly parts: readonly number[]
  readonly spread?: readonly [low: number, high: number]
  /** What stands behind the bar. */
  readonly note: string
}

export interface Panel {
  readonly title: string
  readonly bars: readonly Bar[]
  /** A value at which a line stands, such as a goal. */
  readonly mark?: number
}

const WIDTH = 800
const LABELS = 190
/** Room for the notes, right of the longest bar. */
const NOTES = 230
const ROW = 24
const BAR = 14
const PANEL_HEAD = 34
const HEAD = 56
const MARGIN = 16

/** Panels of horizontal bars, one below the other, each with a scale of its own that begins at zero. */
export function drawBars(title: string, about: string, panels: readonly Panel[]): string {
  const parts: string[] = [
    text({ x: MARGIN, y: 26, class: 'title' }, title),
    text({ x: MARGIN, y: 46, class: 'soft' }, about),
  ]
  let y = HEAD
  for (const panel of panels) {
    parts.push(drawPanel(panel, y))
    y += PANEL_HEAD + panel.bars.length * ROW + MARGIN / 2
  }
  return drawing(WIDTH, y + MARGIN / 2, `${title}: ${about}`, ...parts)
}

function drawPanel({ title, bars, mark }: Panel, top: number): string {
  const most = Math.max(...bars.map(reach), mark ?? 0, Number.MIN_VALUE)
  const scale = (WIDTH - LABELS - NOTES - MARGIN) / most
  const bottom = top + PANEL_HEAD + bars.length * ROW
  const line = (x: number, kind: string) =>
    element('line', { class: kind, x1: x, x2: x, y1: top + PANEL_HEAD - 6, y2: bottom })
  return element(
    'g',
    {},
    text({ x: MARGIN, y: top + 18, class: 'panel' }, title),
    line(LABELS, 'axis'),
    ...bars.map((bar, row) => drawBar(bar, top + PANEL_HEAD + row * ROW, scale, mark)),
    ...(mark === undefined ? [] : [line(LABELS + mark * scale, 'mark')]),
  )
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const reach = ({ parts, spread }: Bar): number => Math.max(sum(parts), spread?.[1] ?? 0)

/** The note stands clear of the mark. */
function drawBar(bar: Bar, y: number, scale: number, mark = 0): string {
  const middle = y + ROW / 2 - 2
  let x = LABELS
  const boxes = bar.parts.map((value, n) => {
    const box = element('rect', {
      class: `${bar.ours ? 'ours' : 'other'}-${n % 2}`,
      x,
      y: middle - BAR / 2,
      width: Math.max(0, value * scale),
      height: BAR,
    })
    x += value * scale
    return box
  })
  const whiskers = bar.spread ? [drawSpread(bar.spread, middle, scale)] : []
  return element(
    'g',
    {},
    text({ x: LABELS - 8, y: middle + 4, class: 'end' }, bar.label),
    ...boxes,
    ...whiskers,
    text({ x: LABELS + Math.max(reach(bar), mark) * scale + 8, y: middle + 4, class: 'soft' }, bar.note),
  )
}

/** From the least to the most of all rounds. */
function drawSpread([low, high]: readonly [number, number], y: number, scale: number): string {
  const [from, to] = [LABELS + low * scale, LABELS + high * scale]
  const cap = BAR / 4
  const path = `M${from} ${y - cap}v${2 * cap}M${from} ${y}H${to}M${to} ${y - cap}v${2 * cap}`
  return element('path', {
    class: 'spread',
    d: path.replace(/\d+\.\d+/g, (value) => Number(value).toFixed(1)),
  })
}
