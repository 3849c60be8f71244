/** One link: all that is known of it; drained, closed. */
import { api } from './api.js'
import { bytes, count, millis, plural, rate, relative, shortId, time } from './format.js'
import { html } from './html.js'
import { LinkState, nameOf } from './link-columns.js'
import { Panel } from './panel.js'
import { Chip, Copy, Facts } from './parts.js'
import { confirm, say } from './says.js'
import { may } from './session.js'

const inFlight = ({ inflight }, what) =>
  inflight === 0 ? 'No request is in flight.' : `${plural(inflight, 'request')} in flight ${what}.`

/** Both ways to end a link: what is asked before, and what is said after. */
const WAYS = {
  drain: {
    title: (name) => `Drain ${name}?`,
    text: (link) => `It gets no new requests. ${inFlight(link, 'may finish')} Then its agent dials again.`,
    yes: 'Drain link',
    done: (name) => `${name} is draining.`,
  },
  close: {
    title: (name) => `Close ${name}?`,
    text: (link) => `${inFlight(link, 'will be cut')} Its agent dials again by itself.`,
    yes: 'Close link',
    done: (name) => `${name} was closed.`,
  },
}

async function end(link, kind) {
  const { title, text, yes, done } = WAYS[kind]
  const name = `${nameOf(link)} ${shortId(link.tunnel_id)}`
  if (!(await confirm({ title: title(name), text: text(link), yes }))) return
  try {
    await api[kind](link.link_id)
    say(done(name))
  } catch (error) {
    say(error.message, 'bad')
  }
}

export function LinkPanel({ link }) {
  if (link === undefined)
    return html`<${Panel} title="This link has gone">
      <p>It was closed, or its agent left. If the agent dialled again, it has a new link.</p>
    </${Panel}>`
  const labels = Object.entries(link.labels ?? {})
  return html`<${Panel} title=${nameOf(link)} over=${html`<${LinkState} state=${link.state} />`}>
    <p class="long">
      <code>${link.tunnel_id}</code> <${Copy} text=${link.tunnel_id} label="Copy id" className="inline" />
    </p>
    <${Tiles} link=${link} />
    ${
      labels.length > 0 &&
      html`<p class="chips">${labels.map(([key, value]) => html`<${Chip} key=${key}>${key}=${value}</${Chip}>`)}</p>`
    }
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
    ${may('admin') && html`<${Ends} link=${link} />`}
  </${Panel}>`
}

function Tiles({ link: { rtt_ms, inflight, max_concurrent, rates, latency_ms } }) {
  return html`<div class="tiles">
    <p><b>${millis(rtt_ms)}</b>round trip</p>
    <p><b>${count(inflight)}<small> / ${count(max_concurrent)}</small></b>in flight</p>
    <p><b>${rate(rates.requests)}</b>requests/s</p>
    <p><b>${millis(latency_ms?.p50)}<small> / ${millis(latency_ms?.p99)}</small></b>p50 / p99</p>
  </div>`
}

function Ends({ link }) {
  const draining = link.state === 'draining'
  return html`<div class="row">
    <button type="button" class="button" disabled=${draining} onClick=${() => end(link, 'drain')}>Drain…</button>
    <button type="button" class="button danger" onClick=${() => end(link, 'close')}>Close…</button>
  </div>`
}
