/** What passed in the last quarter of an hour: requests, how long they took, and what went wrong. */
import { count, millis, rate } from './format.js'
import { html, useMemo } from './html.js'
import { Plot } from './plot.js'
import { lastMinute } from './vitals.js'

/** The rarest codes share a colour, so that six are told apart. */
const MOST_CODES = 6
const NO_ERRORS = 'None in the last 15 minutes'

/** `state`: of the vitals, known. */
export function Traffic({ state }) {
  const { points } = state
  const made = useMemo(() => seriesOf(state), [points])
  const { times, requests, latency, errors } = made
  const minute = lastMinute(state)
  const failed = errors.reduce((sum, { total }) => sum + total, 0)
  return html`<div class="plots">
    <${Plot}
      title="Requests"
      now=${html`${rate(minute.requests)}<small> a second</small>`}
      times=${times}
      series=${requests}
      show=${rate}
      words=${`Requests a second over the last 15 minutes: ${extent(requests[0].values, rate)}.`}
    />
    <${Plot}
      title="Latency"
      now=${html`${millis(minute.p95)}<small> p95</small>`}
      times=${times}
      series=${latency}
      show=${millis}
      words=${`${percentiles(minute)}; p95 over the last 15 minutes: ${extent(latency[1].values, millis)}.`}
    />
    <${Plot}
      title="Errors"
      now=${html`${count(failed)}<small> in 15 minutes</small>`}
      times=${times}
      series=${errors}
      show=${count}
      stacked=${true}
      quiet=${NO_ERRORS}
      words=${errors.map(({ label, total }) => `${label}: ${count(total)}`).join(', ') || NO_ERRORS}
    />
  </div>`
}

const percentiles = ({ p50, p95, p99 }) => `p50 ${millis(p50)}, p95 ${millis(p95)}, p99 ${millis(p99)}`

function seriesOf({ points, interval }) {
  const times = points.map(({ time }) => new Date(time).getTime() / 1000)
  const values = (key) => points.map((point) => point[key] ?? null)
  return {
    times,
    requests: [
      {
        label: 'requests/s',
        colour: 'accent',
        fill: 'accent-faint',
        values: points.map(({ requests }) => requests / interval),
      },
    ],
    latency: [
      { label: 'p50', colour: 'accent', values: values('p50_ms') },
      { label: 'p95', colour: 'blue', values: values('p95_ms') },
      { label: 'p99', colour: 'plum', values: values('p99_ms') },
    ],
    errors: errorSeries(points),
  }
}

/** In the order of first sight: a code keeps its colour when another becomes more frequent. */
const sighted = []

function colourOf(code) {
  if (!sighted.includes(code)) sighted.push(code)
  return `code-${(sighted.indexOf(code) % (MOST_CODES - 1)) + 1}`
}

function errorSeries(points) {
  const totals = new Map()
  for (const { errors = {} } of points)
    for (const [code, n] of Object.entries(errors)) totals.set(code, (totals.get(code) ?? 0) + n)
  const codes = [...totals].sort((a, b) => b[1] - a[1])
  const series = codes.slice(0, MOST_CODES - 1).map(([label, total]) => ({
    label,
    total,
    colour: colourOf(label),
    values: points.map(({ errors }) => errors?.[label] ?? 0),
  }))
  const rest = codes.slice(MOST_CODES - 1).map(([code]) => code)
  if (rest.length > 0) {
    const values = points.map(({ errors }) => rest.reduce((sum, code) => sum + (errors?.[code] ?? 0), 0))
    const total = values.reduce((sum, n) => sum + n, 0)
    series.push({ label: 'others', total, colour: `code-${MOST_CODES}`, values })
  }
  return series
}

function extent(values, show) {
  const known = values.filter((value) => value !== null)
  if (known.length === 0) return 'none yet'
  return `now ${show(known.at(-1))}, lowest ${show(Math.min(...known))}, highest ${show(Math.max(...known))}`
}
