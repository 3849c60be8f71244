/** What went through lately: the list, filtered by the gateway, live. */
import { api, feeds } from './api.js'
import { ExchangePanel } from './exchange.js'
import { openFeed } from './feed.js'
import { count, millis, shortId, time } from './format.js'
import { Grid } from './grid.js'
import { html, useEffect, useState } from './html.js'
import { Life, levelOf, outcomeOf, parts } from './life.js'
import { Empty, Failed, Loading, State } from './parts.js'
import { open, place, refine } from './router.js'
import { useStore } from './store.js'

/** As many as the gateway keeps. */
const MOST = 500
/** Typing is asked for once it pauses; what streams in is shown four times a second at most. */
const PAUSE = 300
const SHOW_EVERY = 250
const FILTERS = ['path', 'method', 'code', 'tunnel_id', 'min_ms']

const columns = (slowest) => [
  { key: 'time', head: 'Time', cell: (one) => html`<time>${time(one.time)}</time>` },
  { key: 'method', head: 'Method', cell: ({ method }) => html`<code>${method}</code>` },
  {
    key: 'path',
    head: 'Path',
    cell: ({ path, replay_of }) =>
      html`${replay_of && html`<i class="again" title="Sent again">↻ </i>`}<span title=${path}>${path}</span>`,
  },
  {
    key: 'status',
    head: 'Status',
    cell: (one) => html`<${State} level=${levelOf(one)}>${outcomeOf(one)}</${State}>`,
  },
  {
    key: 'tunnel',
    head: 'Tunnel',
    className: 'wide',
    cell: ({ tunnel_id }) =>
      html`<code title=${tunnel_id}>${tunnel_id === null ? '–' : `${purposeOf(tunnel_id)} ${shortId(tunnel_id)}`}</code>`,
  },
  {
    key: 'took',
    head: 'Took',
    className: 'number',
    cell: (one) => (one.state === 'open' ? 'running' : millis(one.duration_ms)),
  },
  {
    key: 'life',
    head: 'Queued, first byte, body',
    className: 'wide',
    cell: (one) => html`<${Life} of=${parts(one)} most=${slowest} />`,
  },
]

const purposeOf = (id) => /^agent_[0-9a-f-]{36}_(.+)$/.exec(id)?.[1] ?? ''

/** The exchanges that match, newest first: asking | failed {error} | known {exchanges}. */
function useExchanges(filters, paused) {
  const [state, setState] = useState({ kind: 'asking' })
  const key = JSON.stringify(filters)
  useEffect(() => {
    if (paused) return
    const kept = new Map()
    let timer
    let feed
    let left = false
    const show = () => {
      timer ??= setTimeout(() => {
        timer = undefined
        const exchanges = [...kept.values()].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0))
        for (const { request_id } of exchanges.splice(MOST)) kept.delete(request_id)
        setState({ kind: 'known', exchanges })
      }, SHOW_EVERY)
    }
    const take = (exchange) => {
      kept.set(exchange.request_id, exchange)
      show()
    }
    const whole = ({ exchanges = [] }) => {
      kept.clear()
      exchanges.forEach(take)
      show()
    }
    const begin = setTimeout(async () => {
      try {
        // First as a plain request: a stream does not tell why it was refused.
        whole(await api.exchanges(filters))
      } catch (error) {
        if (error.status > 0) return setState({ kind: 'failed', error })
      }
      if (!left) feed = openFeed(() => feeds.exchanges(filters), { snapshot: whole, exchange: take })
    }, PAUSE)
    return () => {
      left = true
      clearTimeout(begin)
      clearTimeout(timer)
      feed?.close()
    }
  }, [key, paused])
  return state
}

export function Inspector() {
  const { id, query } = useStore(place)
  const [paused, setPaused] = useState(false)
  const filters = Object.fromEntries(
    FILTERS.map((name) => [name, query.get(name) ?? '']).filter(([, value]) => value),
  )
  const state = useExchanges(filters, paused)
  const rows = state.kind === 'known' ? state.exchanges : []
  const slowest = typicalMost(rows)
  const filtered = Object.keys(filters).length > 0
  return html`<div class="view listing" data-open=${id === '' ? null : ''}>
    <div class="bar">
      <h1>Inspector</h1>
      <p class="fine" role="status">${state.kind === 'known' && `${count(rows.length)} kept${paused ? ', paused' : ''}`}</p>
      <${Filters} of=${filters} />
      <button type="button" class="button" aria-pressed=${paused} onClick=${() => setPaused(!paused)}>${paused ? 'Go on' : 'Pause'}</button>
    </div>
    ${
      state.kind === 'asking'
        ? html`<${Loading} what="exchanges" />`
        : state.kind === 'failed'
          ? state.error.status === 404 || state.error.status === 409
            ? html`<${Empty} art="lens" title="The inspector is off">Start the gateway with <code>--inspect</code> to record exchanges. They are kept in memory only.</${Empty}>`
            : html`<${Failed} error=${state.error} />`
          : html`<div class="split">
              ${
                rows.length === 0
                  ? html`<${Empty} art="lens" title=${filtered ? 'Nothing matches' : 'Nothing yet'}>${filtered ? 'No kept exchange is like that.' : 'Requests appear here as they pass, newest first.'}</${Empty}>`
                  : html`<${Grid} label="Exchanges" className="exchanges" rows=${rows} idOf=${({ request_id }) => request_id} columns=${columns(slowest)} chosen=${id} onOpen=${open} />`
              }
              ${id !== '' && html`<${ExchangePanel} key=${id} id=${id} seen=${rows.find(({ request_id }) => request_id === id)} />`}
            </div>`
    }
  </div>`
}

/** Bars are held against this: the slowest twentieth may run over. */
function typicalMost(rows) {
  const took = rows.map(({ duration_ms }) => duration_ms ?? 0).sort((a, b) => a - b)
  return took[Math.floor(took.length * 0.95)] || 1
}

const METHODS = ['', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']
/** `example` says what the field takes, its label what it is. */
const FIELDS = {
  path: { label: 'Piece of the path', example: 'Path' },
  code: { label: 'Status, class of statuses or problem code', example: '404, 5xx' },
  tunnel_id: { label: 'Whole tunnel id', example: 'Tunnel id' },
  min_ms: {
    label: 'Lasted at least, in milliseconds',
    example: 'From ms',
    inputmode: 'numeric',
    keep: /\d+/,
  },
}

function Filters({ of }) {
  return html`<div class="filters" role="search" aria-label="Filter exchanges">
    <${Field} name="path" value=${of.path} />
    <label class="find" data-name="method">
      <span class="aside">Method</span>
      <select value=${of.method ?? ''} onChange=${({ target }) => refine({ method: target.value })}>
        ${METHODS.map((method) => html`<option value=${method}>${method || 'Method'}</option>`)}
      </select>
    </label>
    <${Field} name="code" value=${of.code} />
    <${Field} name="tunnel_id" value=${of.tunnel_id} />
    <${Field} name="min_ms" value=${of.min_ms} />
  </div>`
}

function Field({ name, value = '' }) {
  const { label, example, inputmode, keep = /.*/ } = FIELDS[name]
  const type = ({ target }) => refine({ [name]: keep.exec(target.value.trim())?.[0] ?? '' })
  return html`<label class="find" data-name=${name}>
    <span class="aside">${label}</span>
    <input type="search" placeholder=${example} inputmode=${inputmode} value=${value} onInput=${type} />
  </label>`
}
