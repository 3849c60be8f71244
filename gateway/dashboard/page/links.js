/** Every link, live: found, sorted, opened. */
import { Choice, Search } from './fields.js'
import { fleet } from './fleet.js'
import { count, plural } from './format.js'
import { Grid, sorted } from './grid.js'
import { html, useMemo } from './html.js'
import { COLUMNS, matches } from './link-columns.js'
import { LinkPanel } from './link-panel.js'
import { Listing } from './listing.js'
import { Empty, Link, Loading } from './parts.js'
import { address, open, place, refine } from './router.js'
import { useStore } from './store.js'

const STATES = [
  ['', 'All'],
  ['ready', 'Ready'],
  ['busy', 'Busy'],
  ['draining', 'Draining'],
]

const idOf = ({ link_id }) => link_id

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

  const told =
    rows.length === links.length
      ? plural(links.length, 'link')
      : `${count(rows.length)} of ${count(links.length)}`
  const tools = html`
    <${Search} name="find" value=${find} label="Find by name, id, address or label" example="Name, id, address, label" />
    <${Choice} legend="State" options=${STATES} value=${state} onChoose=${(chosen) => refine({ state: chosen })} />
  `
  const panel =
    id === '' ? null : html`<${LinkPanel} key=${id} link=${links.find((link) => idOf(link) === id)} />`
  return html`<${Listing} title="Links" told=${told} filtered=${find + state !== ''} tools=${tools} panel=${panel}>
    ${
      !known
        ? html`<${Loading} what="the links" />`
        : links.length === 0
          ? html`<${Nobody} />`
          : rows.length === 0
            ? html`<${NoMatch} total=${links.length} />`
            : html`<${Grid}
                label="Links"
                className="links"
                rows=${rows}
                idOf=${idOf}
                columns=${COLUMNS}
                chosen=${id}
                onOpen=${open}
                sorting=${sorting}
                onSort=${sort}
              />`
    }
  </${Listing}>`
}

const Nobody = () =>
  html`<${Empty} title="No agent is connected">
    Agents appear here as they dial in. <${Link} to=${address('connect')}>Connect the first.</${Link}>
  </${Empty}>`

const NoMatch = ({ total }) =>
  html`<${Empty} art="lens" title="No link matches">
    Of ${plural(total, 'link')} none is like that.${' '}
    <button type="button" class="inline" onClick=${() => refine({ find: '', state: '' })}>Show all</button>
  </${Empty}>`
