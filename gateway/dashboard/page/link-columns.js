/** A link as a row: what its columns show, sort by, and are found by. */
import { bytes, count, millis, rate, shortId } from './format.js'
import { html } from './html.js'
import { Meter, State } from './parts.js'

const LEVELS = { ready: 'quiet', draining: 'watch' }

export const nameOf = ({ name, purpose }) => name ?? purpose

export const LinkState = ({ state }) =>
  html`<${State} level=${LEVELS[state] ?? 'unknown'}>${state.charAt(0).toUpperCase() + state.slice(1)}</${State}>`

/** Of an agent that takes any number: none. */
const share = ({ inflight, max_concurrent }) => (max_concurrent > 0 ? inflight / max_concurrent : 0)

function Tunnel(link) {
  const part = link.link > 0 ? `·${link.link}` : ''
  return html`<b>${nameOf(link)}</b> <code>${shortId(link.tunnel_id)}${part}</code>`
}

function Inflight({ inflight, max_concurrent }) {
  const words = `${inflight} of ${max_concurrent} in flight`
  return html`<span>${count(inflight)}</span>
    <${Meter} value=${inflight} most=${max_concurrent} label=${words} />`
}

const number = (key, head, of, show, className = 'number') => ({
  key,
  head,
  className,
  sort: of,
  cell: (link) => show(of(link)),
})

export const COLUMNS = [
  { key: 'state', head: 'State', sort: ({ state }) => state, cell: LinkState },
  { key: 'tunnel', head: 'Tunnel', sort: nameOf, cell: Tunnel },
  number('rtt', 'RTT', ({ rtt_ms }) => rtt_ms, millis),
  { key: 'inflight', head: 'In flight', className: 'number', sort: share, cell: Inflight },
  number('rate', 'Req/s', ({ rates }) => rates.requests, rate),
  number('bytes', 'Bytes/s', ({ rates }) => rates.bytes, bytes, 'number wide'),
  number('p99', 'p99', ({ latency_ms }) => latency_ms?.p99, millis, 'number wide'),
  number('errors', 'Errors', ({ errors_total }) => errors_total, count, 'number wide'),
]

/** `words`: in lower case, each found somewhere; `state`: a link's, or busy. */
export function matches(link, words, state) {
  if (state === 'busy' ? link.inflight === 0 : state !== '' && link.state !== state) return false
  if (words.length === 0) return true
  const labels = Object.entries(link.labels ?? {}).map(([key, value]) => `${key}=${value}`)
  const text = [link.tunnel_id, link.link_id, link.name, link.remote_address, ...labels]
    .join(' ')
    .toLowerCase()
  return words.every((word) => text.includes(word))
}
