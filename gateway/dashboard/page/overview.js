/** The state of the fleet in five seconds: a sentence, three plots, every link as a cell. */
import { FleetField } from './field.js'
import { fleet, line, news } from './fleet.js'
import { plural, shortId, time } from './format.js'
import { health } from './health.js'
import { html } from './html.js'
import { Failed, Link, Loading } from './parts.js'
import { address } from './router.js'
import { useStore } from './store.js'
import { Traffic } from './traffic.js'
import { askVitals, vitals } from './vitals.js'

const MOST_NEWS = 9

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
      <p class="aside" role="status">${lost ? '' : title}</p>
      <div>
        <h1>${lost ? 'Out of sight' : title}</h1>
        <p>${lost ? `Last seen at ${time(state.at)}: ${sentence}` : sentence}</p>
      </div>
      ${
        !lost &&
        links.length === 0 &&
        html`<${Link} class="button primary" to=${address('connect')}>Connect an agent</${Link}>`
      }
    </section>
    <${Traffic} state=${state} />
    <div class="pair">
      <section class="card">
        <header class="title">
          <h2>Fleet</h2>
          <${Link} to=${address('links')}>${plural(links.length, 'link')}</${Link}>
        </header>
        <${FleetField} links=${links} />
      </section>
      <${Lately} />
    </div>
  </div>`
}

const WORDS = { connected: 'connected', disconnected: 'left', draining: 'began to drain' }

function Lately() {
  const items = useStore(news).slice(0, MOST_NEWS)
  return html`<section class="card lately">
    <header class="title"><h2>Lately</h2></header>
    ${
      items.length === 0
        ? html`<p class="calm">No agent came or went while this page was open.</p>`
        : html`<ol>
            ${items.map(
              ({ time: at, kind, link }) => html`<li key=${`${at} ${link.link_id}`}>
                <time>${time(at)}</time>
                <span>
                  <b>${link.name ?? link.purpose}</b> ${!link.name && html`<code>${shortId(link.tunnel_id)}</code> `}
                  ${WORDS[kind] ?? kind}
                </span>
              </li>`,
            )}
          </ol>`
    }
  </section>`
}
