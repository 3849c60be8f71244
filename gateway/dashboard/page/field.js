/** The fleet as a field: a cell a link, filled as far as it is busy, in rows by purpose. */
import { count, millis, plural, rate } from './format.js'
import { html, useEffect, useRef, useState } from './html.js'
import { Link } from './parts.js'
import { address } from './router.js'
import { colour, onColours } from './theme.js'

const SIZES = [
  { cell: 20, gap: 4, rows: 1 },
  { cell: 13, gap: 3, rows: 4 },
  { cell: 6, gap: 2, rows: Number.POSITIVE_INFINITY },
]
const MOST_ROWS = 8

export function FleetField({ links }) {
  if (links.length === 0)
    return html`<p class="calm">Nobody is connected. Agents appear here as they dial in.</p>`
  const groups = grouped(links)
  const most = groups[0].links.length
  const rest = groups.slice(MOST_ROWS)
  const others = sum(rest, ({ links }) => links.length)
  return html`<ul class="fields">
    ${groups.slice(0, MOST_ROWS).map((group) => html`<${Field} key=${group.purpose} most=${most} ...${group} />`)}
    ${
      rest.length > 0 &&
      html`<li>
        <${Link} to=${address('links')}>
          and ${plural(rest.length, 'more purpose')} with ${plural(others, 'link')}
        </${Link}>
      </li>`
    }
  </ul>`
}

function grouped(links) {
  const byPurpose = new Map()
  for (const link of links) {
    const group = byPurpose.get(link.purpose)
    if (group === undefined) byPurpose.set(link.purpose, [link])
    else group.push(link)
  }
  return [...byPurpose]
    .map(([purpose, links]) => ({ purpose, links }))
    .sort((a, b) => b.links.length - a.links.length || (a.purpose < b.purpose ? -1 : 1))
}

function Field({ purpose, links, most }) {
  const canvas = useRef(null)
  const [width, setWidth] = useState(0)
  const [colours, setColours] = useState(0)
  useEffect(() => onColours(() => setColours((n) => n + 1)), [])
  useEffect(() => {
    const watcher = new ResizeObserver(([{ contentRect }]) => setWidth(Math.floor(contentRect.width)))
    watcher.observe(canvas.current.parentElement)
    return () => watcher.disconnect()
  }, [])
  useEffect(() => {
    if (width > 0) draw(canvas.current, links, sizeFor(most, width), width)
  }, [links, width, colours, most])
  const inflight = sum(links, ({ inflight }) => inflight)
  const draining = links.filter(({ state }) => state === 'draining').length
  const slowest = Math.max(...links.map(({ latency_ms }) => latency_ms?.p99 ?? 0))
  return html`<li>
    <div class="about">
      <${Link} to=${address('links', '', { find: purpose })}>${purpose}</${Link}>
      <span>${plural(links.length, 'link')}${draining > 0 ? `, ${count(draining)} draining` : ''}</span>
      <p class="sums">
        <span><b>${rate(sum(links, ({ rates }) => rates.requests ?? 0))}</b> req/s</span>
        <span><b>${count(inflight)}</b> in flight</span>
        <span><b>${slowest === 0 ? '–' : millis(slowest)}</b> p99</span>
      </p>
    </div>
    <div class="cells" aria-hidden="true"><canvas ref=${canvas}></canvas></div>
  </li>`
}

function draw(canvas, links, { cell, gap }, width) {
  const columns = Math.max(1, Math.floor((width + gap) / (cell + gap)))
  const height = Math.ceil(links.length / columns) * (cell + gap) - gap
  const scale = devicePixelRatio || 1
  canvas.width = width * scale
  canvas.height = height * scale
  canvas.style.width = `${width}px`
  canvas.style.height = `${height}px`
  const pen = canvas.getContext('2d')
  pen.scale(scale, scale)
  const ink = { ready: colour('accent'), draining: colour('watch'), other: colour('ink-3') }
  const faint = { ready: colour('accent-soft'), draining: colour('watch-soft'), other: colour('line') }
  links.forEach((link, i) => {
    const x = (i % columns) * (cell + gap)
    const y = Math.floor(i / columns) * (cell + gap)
    const state = link.state in ink ? link.state : 'other'
    pen.fillStyle = faint[state]
    pen.fillRect(x, y, cell, cell)
    if (state !== 'ready') {
      pen.strokeStyle = ink[state]
      pen.strokeRect(x + 0.5, y + 0.5, cell - 1, cell - 1)
    }
    if (link.inflight === 0) return
    const busy = Math.max(0.18, Math.min(1, link.inflight / (link.max_concurrent || 1)))
    pen.fillStyle = ink[state]
    pen.fillRect(x, y + cell * (1 - busy), cell, cell * busy)
  })
}

/** As the largest group needs it: a few are drawn large, a crowd small rather than over the whole page. */
function sizeFor(count, width) {
  const fits = (size, rows) => count <= rows * Math.floor(width / size)
  return SIZES.find(({ cell, gap, rows }) => fits(cell + gap, rows)) ?? SIZES.at(-1)
}

const sum = (list, of) => list.reduce((total, one) => total + of(one), 0)
