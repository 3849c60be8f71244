/** The state of the fleet in five seconds: a sentence, three plots, every link as a cell. */

import { FleetField } from './field.js'
import { fleet, line, news } from './fleet.js'
import { count, millis, plural, rate, shortId, time } from './format.js'
import { health } from './health.js'
import { html, useMemo } from './html.js'
import { Failed, Link, Loading } from './parts.js'
import { Plot } from './plot.js'
import { address } from './router.js'
import { useStore } from './store.js'
import { askVitals, lastMinute, vitals } from './vitals.js'

/** The rarest codes share a colour, so that six are told apart. */
const MOST_CODES = 6

export function Overview() {
  const { links, known } = useStore(fleet)
  const state = useStore(vitals)
  const { kind } = useStore(line)
  const lost = kind === 'lost'
  if (state.kind === 'failed') return html`<${Failed} error=${state.error} again=${askVitals} />`
  if (state.kind === 'asking' || !known)
    return html`<h1 class="aside">Overview</h1><${Loading} what="the state of the fleet" />`
  const { level, title, sentence } = health(links, state)
  return html`<div class="view overview" data-stale=${lost ? '' : null}>
    <section class="health" data-level=${lost ? 'unknown' : level}>
      <span class="lamp" aria-hidden="true"></span>
      <div role="status">
        <h1>${lost ? 'Out of sight' : title}</h1>
        <p>${lost ? `Last seen at ${time(state.at)}: ${sentence}` : sentence}</p>
      </div>
      ${!lost && links.length === 0 && html`<${Link} class="button primary" to=${address('connect')}>Connect an agent</${Link}>`}
    </section>
    <${Plots} state=${state} />
    <div class="pair">
      <section class="card">
        <header class="title"><h2>Fleet</h2><${Link} to=${address('links')}>${plural(links.length, 'link')}</${Link}></header>
        <${FleetField} links=${links} />
      </section>
      <${Lately} />
    </div>
  </div>`
}

function Plots({ state }) {
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
      words=${`p50 ${millis(minute.p50)}, p95 ${millis(minute.p95)}, p99 ${millis(minute.p99)}; p95 over the last 15 minutes: ${extent(latency[1].values, millis)}.`}
    />
    <${Plot}
      title="Errors"
      now=${html`${count(failed)}<small> in 15 minutes</small>`}
      times=${times}
      series=${errors}
      show=${count}
      stacked=${true}
      quiet="None in the last 15 minutes"
      words=${errors.map(({ label, total }) => `${label}: ${count(total)}`).join(', ') || 'None in the last 15 minutes.'}
    />
  </div>`
}

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

function errorSeries(points) {
  const totals = new Map()
  for (const { errors = {} } of points)
    for (const [code, n] of Object.entries(errors)) totals.set(code, (totals.get(code) ?? 0) + n)
  const codes = [...totals].sort((a, b) => b[1] - a[1])
  const series = codes.slice(0, MOST_CODES - 1).map(([label, total], i) => ({
    label,
    total,
    colour: `code-${i + 1}`,
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

const WORDS = { connected: 'connected', disconnected: 'left', draining: 'began to drain' }

function Lately() {
  const items = useStore(news).slice(0, 9)
  return html`<section class="card lately">
    <header class="title"><h2>Lately</h2></header>
    ${
      items.length === 0
        ? html`<p class="calm">No agent came or went since this page was opened.</p>`
        : html`<ol>
            ${items.map(
              ({ time: at, kind, link }) => html`<li key=${`${at} ${link.link_id}`} data-kind=${kind}>
                <time>${time(at)}</time>
                <span><b>${link.name ?? link.purpose}</b> ${link.name ? '' : html`<code>${shortId(link.tunnel_id)}</code> `}${WORDS[kind] ?? kind}</span>
              </li>`,
            )}
          </ol>`
    }
  </section>`
}
