/** What went through lately: the list, filtered by the gateway, live. */
import { api, feeds } from './api.js'
import { ExchangePanel } from './exchange.js'
import { openFeed } from './feed.js'
import { Search } from './fields.js'
import { count, millis, shortId, time } from './format.js'
import { Grid } from './grid.js'
import { html, useEffect, useRef, useState } from './html.js'
import { Life, levelOf, outcomeOf, parts } from './life.js'
import { Listing } from './listing.js'
import { Empty, Failed, Loading, State } from './parts.js'
import { open, place, refine } from './router.js'
import { useStore } from './store.js'

/** As many as the gateway keeps. */
const MOST = 500
/** Typing is asked for once it pauses; what streams in is shown four times a second at most. */
const PAUSE = 300
const SHOW_EVERY = 250
const FILTERS = ['path', 'method', 'code', 'tunnel_id', 'min_ms']

const purposeOf = (id) => /^agent_[0-9a-f-]{36}_(.+)$/.exec(id)?.[1] ?? ''

const Path = ({ path, replay_of }) =>
  html`${replay_of && html`<i class="again" title="Sent again">↻ </i>`}<span title=${path}>${path}</span>`

const Tunnel = ({ tunnel_id }) =>
  tunnel_id !== null && html`<code title=${tunnel_id}>${purposeOf(tunnel_id)} ${shortId(tunnel_id)}</code>`

const Outcome = (exchange) => html`<${State} level=${levelOf(exchange)}>${outcomeOf(exchange)}</${State}>`

/** `slowest`: what a bar over the whole column stands for, in ms. */
const columns = (slowest) => [
  { key: 'time', head: 'Time', cell: (one) => html`<time>${time(one.time)}</time>` },
  { key: 'method', head: 'Method', cell: ({ method }) => html`<code>${method}</code>` },
  { key: 'path', head: 'Path', cell: Path },
  { key: 'status', head: 'Status', cell: Outcome },
  { key: 'tunnel', head: 'Tunnel', className: 'wide', cell: Tunnel },
  {
    key: 'took',
    head: 'Took',
    className: 'number',
    cell: ({ state, duration_ms }) => (state === 'open' ? 'running' : millis(duration_ms)),
  },
  {
    key: 'life',
    head: 'Queued, first byte, body',
    className: 'wide',
    cell: (one) => html`<${Life} of=${parts(one)} most=${slowest} />`,
  },
]

/** The exchanges that match, newest first: asking | failed {error} | known {exchanges}. */
function useExchanges(filters, paused) {
  const [state, setState] = useState({ kind: 'asking' })
  const key = JSON.stringify(filters)
  const first = useRef(true)
  useEffect(() => {
    if (paused) return
    const kept = new Map()
    let timer
    let feed
    let left = false
    const show = () => {
      clearTimeout(timer)
      timer = undefined
      const exchanges = [...kept.values()].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0))
      for (const { request_id } of exchanges.splice(MOST)) kept.delete(request_id)
      setState({ kind: 'known', exchanges })
    }
    const take = (exchange) => {
      kept.set(exchange.request_id, exchange)
      timer ??= setTimeout(show, SHOW_EVERY)
    }
    const whole = ({ exchanges }) => {
      kept.clear()
      for (const exchange of exchanges) kept.set(exchange.request_id, exchange)
      show()
    }
    const begin = async () => {
      try {
        // First as a plain request: a stream does not tell why it was refused.
        const listed = await api.exchanges(filters)
        if (left) return
        whole(listed)
      } catch (error) {
        if (left) return
        if (error.status > 0) return setState({ kind: 'failed', error })
      }
      feed = openFeed(() => feeds.exchanges(filters), { snapshot: whole, exchange: take })
    }
    const beginning = setTimeout(begin, first.current ? 0 : PAUSE)
    first.current = false
    return () => {
      left = true
      clearTimeout(beginning)
      clearTimeout(timer)
      feed?.close()
    }
  }, [key, paused])
  return state
}

const idOf = ({ request_id }) => request_id

export function Inspector() {
  const { id, query } = useStore(place)
  const [paused, setPaused] = useState(false)
  const filters = Object.fromEntries(
    FILTERS.map((name) => [name, (query.get(name) ?? '').trim()]).filter(([, value]) => value !== ''),
  )
  const state = useExchanges(filters, paused)
  const rows = state.kind === 'known' ? state.exchanges : []
  const filtered = Object.keys(filters).length > 0

  const tools = html`
    <${Filters} of=${filters} />
    <button type="button" class="button" aria-pressed=${paused} onClick=${() => setPaused(!paused)}>
      ${paused ? 'Go on' : 'Pause'}
    </button>
  `
  const panel =
    id === ''
      ? null
      : html`<${ExchangePanel} key=${id} id=${id} seen=${rows.find((one) => idOf(one) === id)} />`
  const told = state.kind === 'known' && `${count(rows.length)} kept${paused ? ', paused' : ''}`
  return html`<${Listing} title="Inspector" told=${told} filtered=${filtered} tools=${tools} panel=${panel}>
    ${
      state.kind === 'asking'
        ? html`<${Loading} what="exchanges" />`
        : state.kind === 'failed'
          ? html`<${Refused} error=${state.error} />`
          : rows.length === 0
            ? html`<${Nothing} filtered=${filtered} />`
            : html`<${Grid}
                label="Exchanges"
                className="exchanges"
                rows=${rows}
                idOf=${idOf}
                columns=${columns(typicalMost(rows))}
                chosen=${id}
                onOpen=${open}
              />`
    }
  </${Listing}>`
}

/** Bars are held against this: the slowest twentieth may run over. */
function typicalMost(rows) {
  const took = rows.map(({ duration_ms }) => duration_ms ?? 0).sort((a, b) => a - b)
  return took[Math.floor(took.length * 0.95)] || 1
}

function Refused({ error }) {
  if (error.status !== 404) return html`<${Failed} error=${error} />`
  return html`<${Empty} art="lens" title="The inspector is off">
    Start the gateway with <code>--inspect</code> to record exchanges. They are kept in memory only.
  </${Empty}>`
}

const Nothing = ({ filtered }) =>
  filtered
    ? html`<${Empty} art="lens" title="Nothing matches">No kept exchange is like that.</${Empty}>`
    : html`<${Empty} art="lens" title="Nothing yet">Requests appear here as they pass, newest first.</${Empty}>`

const METHODS = ['', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

function Filters({ of: { path = '', method = '', code = '', tunnel_id = '', min_ms = '' } }) {
  const label = 'Status, class of statuses or problem code'
  return html`<div class="filters" role="search" aria-label="Filter exchanges">
    <${Search} name="path" value=${path} label="Piece of the path" example="Path" />
    <label class="find" data-name="method">
      <span class="aside">Method</span>
      <select value=${method} onChange=${({ target }) => refine({ method: target.value })}>
        ${METHODS.map((one) => html`<option value=${one}>${one || 'Method'}</option>`)}
      </select>
    </label>
    <${Search} name="code" value=${code} label=${label} example="404, 5xx" />
    <${Search} name="tunnel_id" value=${tunnel_id} label="Whole tunnel id" example="Tunnel id" />
    <${Search}
      name="min_ms"
      value=${min_ms}
      label="Lasted at least, in milliseconds"
      example="From ms"
      inputmode="numeric"
      keep=${/\d+/}
    />
  </div>`
}
