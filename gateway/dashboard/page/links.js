/** Every link: found, sorted, opened, drained, closed. */
import { api } from './api.js'
import { fleet } from './fleet.js'
import { bytes, count, millis, plural, rate, relative, shortId, time } from './format.js'
import { Grid, sorted } from './grid.js'
import { html, useMemo } from './html.js'
import { Panel } from './panel.js'
import { Chip, Copy, Empty, Facts, Link, Loading, Meter, State } from './parts.js'
import { address, open, place, refine } from './router.js'
import { confirm, say } from './says.js'
import { may } from './session.js'
import { useStore } from './store.js'

const LEVELS = { ready: 'quiet', draining: 'watch' }
const STATES = [
  ['', 'All'],
  ['ready', 'Ready'],
  ['busy', 'Busy'],
  ['draining', 'Draining'],
]

const word = (state) => state.charAt(0).toUpperCase() + state.slice(1)
const nameOf = ({ name, purpose }) => name ?? purpose
/** 0 where an agent takes any number. */
const share = ({ inflight, max_concurrent }) => (max_concurrent > 0 ? inflight / max_concurrent : 0)

const COLUMNS = [
  {
    key: 'state',
    head: 'State',
    sort: ({ state }) => state,
    cell: ({ state }) => html`<${State} level=${LEVELS[state] ?? 'unknown'}>${word(state)}</${State}>`,
  },
  {
    key: 'tunnel',
    head: 'Tunnel',
    sort: nameOf,
    cell: (link) =>
      html`<b>${nameOf(link)}</b> <code>${shortId(link.tunnel_id)}${link.link > 0 ? `·${link.link}` : ''}</code>`,
  },
  {
    key: 'rtt',
    head: 'RTT',
    className: 'number',
    sort: ({ rtt_ms }) => rtt_ms,
    cell: ({ rtt_ms }) => millis(rtt_ms),
  },
  {
    key: 'inflight',
    head: 'In flight',
    className: 'number',
    sort: share,
    cell: (link) =>
      html`<span>${count(link.inflight)}</span><${Meter} value=${link.inflight} most=${link.max_concurrent} label=${`${link.inflight} of ${link.max_concurrent} in flight`} />`,
  },
  {
    key: 'rate',
    head: 'Req/s',
    className: 'number',
    sort: ({ rates }) => rates.requests,
    cell: ({ rates }) => rate(rates.requests),
  },
  {
    key: 'bytes',
    head: 'Bytes/s',
    className: 'number wide',
    sort: ({ rates }) => rates.bytes,
    cell: ({ rates }) => bytes(rates.bytes),
  },
  {
    key: 'p99',
    head: 'p99',
    className: 'number wide',
    sort: ({ latency_ms }) => latency_ms?.p99,
    cell: ({ latency_ms }) => millis(latency_ms?.p99),
  },
  {
    key: 'errors',
    head: 'Errors',
    className: 'number wide',
    sort: ({ errors_total }) => errors_total,
    cell: ({ errors_total }) => count(errors_total),
  },
]

function matches(link, words, state) {
  if (state === 'busy' ? link.inflight === 0 : state !== '' && link.state !== state) return false
  if (words.length === 0) return true
  const labels = Object.entries(link.labels ?? {}).map(([key, value]) => `${key}=${value}`)
  const text = [link.tunnel_id, link.link_id, link.name, link.remote_address, ...labels]
    .join(' ')
    .toLowerCase()
  return words.every((word) => text.includes(word))
}

export function Links() {
  const { links, known } = useStore(fleet)
  const { id, query } = useStore(place)
  const find = query.get('find') ?? ''
  const state = query.get('state') ?? ''
  const order = query.get('order') ?? 'tunnel'
  const sorting = { key: order.replace(/^-/, ''), down: order.startsWith('-') }
  const rows = useMemo(() => {
    const words = find.toLowerCase().split(/\s+/).filter(Boolean)
    const found = links.filter((link) => matches(link, words, state))
    return sorted(found, COLUMNS, sorting)
  }, [links, find, state, order])
  const sort = (key) => refine({ order: sorting.key === key && !sorting.down ? `-${key}` : key })
  return html`<div class="view listing" data-open=${id === '' ? null : ''}>
    <div class="bar">
      <h1>Links</h1>
      <p class="fine" role="status">${rows.length === links.length ? plural(links.length, 'link') : `${count(rows.length)} of ${count(links.length)}`}</p>
      <label class="find"><span class="aside">Find by name, id, address or label</span>
        <input type="search" placeholder="Name, id, address, label" value=${find} onInput=${({ target }) => refine({ find: target.value })} />
      </label>
      <fieldset class="choice"><legend class="aside">State</legend>
        ${STATES.map(
          ([value, title]) =>
            html`<label><input type="radio" name="state" value=${value} checked=${value === state} onChange=${() => refine({ state: value })} /><span>${title}</span></label>`,
        )}
      </fieldset>
    </div>
    ${
      !known
        ? html`<${Loading} what="the links" />`
        : links.length === 0
          ? html`<${Empty} title="No agent is connected">Agents appear here as they dial in. <${Link} to=${address('connect')}>Connect the first.</${Link}></${Empty}>`
          : html`<div class="split">
              ${
                rows.length === 0
                  ? html`<${Empty} art="lens" title="No link matches">Of ${plural(links.length, 'link')} none is like that. <button type="button" class="inline" onClick=${() => refine({ find: '', state: '' })}>Show all</button></${Empty}>`
                  : html`<${Grid} label="Links" className="links" rows=${rows} idOf=${({ link_id }) => link_id} columns=${COLUMNS} chosen=${id} onOpen=${open} sorting=${sorting} onSort=${sort} />`
              }
              ${id !== '' && html`<${LinkPanel} key=${id} link=${links.find(({ link_id }) => link_id === id)} />`}
            </div>`
    }
  </div>`
}

async function end(link, kind) {
  const name = `${nameOf(link)} ${shortId(link.tunnel_id)}`
  const agreed = await confirm(
    kind === 'drain'
      ? {
          title: `Drain ${name}?`,
          text: `It gets no new requests. ${link.inflight === 0 ? 'None is in flight.' : `${plural(link.inflight, 'request')} in flight may finish.`} Then its agent dials again.`,
          yes: 'Drain link',
        }
      : {
          title: `Close ${name}?`,
          text: `${link.inflight === 0 ? 'No request is in flight.' : `${plural(link.inflight, 'request')} in flight will be cut.`} Its agent dials again by itself.`,
          yes: 'Close link',
        },
  )
  if (!agreed) return
  try {
    await api[kind](link.link_id)
    say(kind === 'drain' ? `${name} is draining.` : `${name} was closed.`)
  } catch (error) {
    say(error.message, 'bad')
  }
}

function LinkPanel({ link }) {
  if (link === undefined)
    return html`<${Panel} title="This link has gone"><p>It was closed, or its agent left. If the agent dialled again, it has a new link.</p></${Panel}>`
  const labels = Object.entries(link.labels ?? {})
  return html`<${Panel} title=${nameOf(link)} over=${html`<${State} level=${LEVELS[link.state] ?? 'unknown'}>${word(link.state)}</${State}>`}>
    <p class="long"><code>${link.tunnel_id}</code> <${Copy} text=${link.tunnel_id} label="Copy id" className="inline" /></p>
    <div class="tiles">
      <p><b>${millis(link.rtt_ms)}</b>round trip</p>
      <p><b>${count(link.inflight)}<small> / ${count(link.max_concurrent)}</small></b>in flight</p>
      <p><b>${rate(link.rates.requests)}</b>requests/s</p>
      <p><b>${millis(link.latency_ms?.p50)}<small> / ${millis(link.latency_ms?.p99)}</small></b>p50 / p99</p>
    </div>
    ${labels.length > 0 && html`<p class="chips">${labels.map(([key, value]) => html`<${Chip}>${key}=${value}</${Chip}>`)}</p>`}
    <${Facts}
      of=${[
        ['Requests', `${count(link.requests_total)}, ${count(link.errors_total)} failed`],
        ['In, out', `${bytes(link.bytes_in)}, ${bytes(link.bytes_out)}`],
        ['Address', html`<code>${link.remote_address}</code>`],
        ['Connected', `${time(link.connected_at)}, ${relative(link.connected_at)}`],
        ['Instance', html`<code>${link.instance_id}</code>`],
        ['Link', html`<code>${link.link_id}</code>`],
        ['Weight', count(link.weight)],
        ['Agent', `${link.agent_version}, ${link.protocol}`],
      ]}
    />
    ${
      may('admin') &&
      html`<div class="row">
        <button type="button" class="button" disabled=${link.state === 'draining'} onClick=${() => end(link, 'drain')}>Drain…</button>
        <button type="button" class="button danger" onClick=${() => end(link, 'close')}>Close…</button>
      </div>`
    }
  </${Panel}>`
}
