/** A plot over the last quarter of an hour, and the same in words for those who do not see it. */
import { NONE } from './format.js'
import { html, useEffect, useId, useRef, useState } from './html.js'
import { colour, onColours } from './theme.js'
import uPlot from './vendor/uplot.js'

/** Lower on a telephone, so that more is seen at once; the style sheet has the same. */
const heightOf = () => (innerWidth > 760 ? 168 : 112)
/** All plots of a page point at the same moment. */
const TOGETHER = uPlot.sync('vitals')
const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/**
 * `series`: [{label, values: [number | null], colour: name in the style sheet, fill?}] over `times` (seconds).
 * `stacked`: each lies on those before it. `show(value)` writes a value with its unit.
 */
export function Plot({ title, now, times, series, show, stacked = false, words, quiet }) {
  const box = useRef(null)
  const plot = useRef(null)
  const [at, setAt] = useState(null)
  const [colours, setColours] = useState(0)
  const id = useId()
  const shape = series.map(({ label }) => label).join()

  useEffect(() => onColours(() => setColours((n) => n + 1)), [])
  useEffect(() => {
    const made = new uPlot(
      options(box.current.clientWidth, series, stacked, show, setAt),
      data(times, series, stacked),
      box.current,
    )
    plot.current = made
    const watcher = new ResizeObserver(([{ contentRect }]) =>
      made.setSize({ width: contentRect.width, height: heightOf() }),
    )
    watcher.observe(box.current)
    return () => {
      watcher.disconnect()
      made.destroy()
    }
  }, [shape, colours, stacked])
  useEffect(() => plot.current.setData(data(times, series, stacked)), [times, shape, colours])

  const point = at ?? times.length - 1
  return html`<figure class="card plot" aria-labelledby=${id}>
    <figcaption id=${id}>
      <h2>${title}</h2>
      <p class="figure">${now}</p>
      <p class="aside">${words}</p>
    </figcaption>
    <div class="canvas" ref=${box} aria-hidden="true"></div>
    <div class="legend" aria-hidden="true">
      ${series.length === 0 && html`<span class="calm">${quiet}</span>`}
      ${series.map((one) => html`<${Key} key=${one.label} ...${one} value=${one.values[point]} show=${show} />`)}
      ${at !== null && times[at] !== undefined && html`<time>${clock.format(times[at] * 1000)}</time>`}
    </div>
  </figure>`
}

const Key = ({ label, colour: name, value, show }) =>
  html`<span>
    <i style=${{ background: `var(--${name})` }}></i>${label} <b>${(value ?? null) === null ? NONE : show(value)}</b>
  </span>`

function data(times, series, stacked) {
  const columns = series.map(({ values }) => values)
  if (stacked) {
    for (let i = 1; i < columns.length; i++)
      columns[i] = columns[i].map((value, at) => (value ?? 0) + (columns[i - 1][at] ?? 0))
    // The highest is drawn first, so that those below it are seen.
    columns.reverse()
  }
  return [times, ...(columns.length === 0 ? [times.map(() => null)] : columns)]
}

function options(width, series, stacked, show, setAt) {
  const ink = colour('ink-3')
  const line = colour('line')
  const drawn = stacked ? [...series].reverse() : series
  const axis = { stroke: ink, font: '11px system-ui', ticks: { show: false }, border: { show: false } }
  return {
    width,
    height: heightOf(),
    padding: [10, 18, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: TOGETHER.key, setSeries: false },
      drag: { x: false, y: false },
      y: false,
      points: { show: !stacked, size: 7 },
    },
    scales: {
      x: { time: true, range: (_, first, last) => quarter(first, last) },
      y: { range: (_, low, high) => [0, ceiling(Math.max(high ?? 0, low ?? 0))] },
    },
    axes: [
      {
        ...axis,
        space: 70,
        size: 26,
        grid: { show: false },
        values: (_, ticks) => ticks.map((tick) => clock.format(tick * 1000)),
      },
      {
        ...axis,
        space: 44,
        size: 52,
        gap: 4,
        grid: { stroke: line, width: 1 },
        values: (_, ticks) => ticks.map((tick) => show(tick)),
      },
    ],
    series: [{}, ...(drawn.length === 0 ? [{}] : drawn.map((one) => stroke(one, stacked)))],
    hooks: { setCursor: [({ cursor }) => setAt(cursor.idx ?? null)] },
  }
}

function stroke({ colour: name, fill }, stacked) {
  const ink = colour(name)
  if (stacked)
    return {
      fill: ink,
      stroke: ink,
      width: 0,
      paths: uPlot.paths.bars({ size: [0.72, 14, 1] }),
      points: { show: false },
    }
  return {
    stroke: ink,
    width: 1.6,
    fill: fill ? colour(fill) : undefined,
    points: { show: false },
    spanGaps: false,
  }
}

/** Always a quarter of an hour, also of a gateway that has just begun. */
function quarter(first, last) {
  const end = last ?? Date.now() / 1000
  return [Math.min(first ?? end, end - 890), end]
}

/** A round number over the highest value; a flat line is not blown up to fill the plot. */
function ceiling(high) {
  if (high <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(high * 1.05))
  return (
    [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((top) => top >= high * 1.05) ?? high * 1.2
  )
}
