/** A recorded body, shown and never run: as JSON to fold, events one by one, text, or hex. */
import { Choice } from './fields.js'
import { plural, bytes as size } from './format.js'
import { hexOf } from './hex.js'
import { html, useMemo, useState } from './html.js'
import { Json } from './json.js'
import { Copy } from './parts.js'

const NAMES = { json: 'JSON', events: 'Events', text: 'Text', hex: 'Hex' }
/** The forms that a kind can be shown in, the best first. */
const FORMS = { json: ['json', 'text', 'hex'], events: ['events'], text: ['text', 'hex'], hex: ['hex'] }

export function Body({ body, bytes, truncated, running }) {
  const [wanted, want] = useState(null)
  if (body.kind === 'none') return html`<p class="calm">${running ? 'No body yet.' : 'No body.'}</p>`
  const forms = FORMS[body.kind]
  const options = forms.map((one) => [one, NAMES[one]])
  const form = forms.includes(wanted) ? wanted : forms[0]
  const text = body.text ?? body.events.map(({ data }) => data).join('\n')
  return html`<div class="content">
    <div class="bar">
      ${
        forms.length > 1 &&
        html`<${Choice} legend="Body as" options=${options} value=${form} onChoose=${want} />`
      }
      <${Copy} text=${text} className="inline" />
    </div>
    ${truncated && html`<p class="note">Only the beginning of ${size(bytes)} was kept.</p>`}
    <${Form} name=${form} body=${body} running=${running} />
  </div>`
}

function Form({ name, body, running }) {
  switch (name) {
    case 'json':
      return html`<div class="json" tabindex="0" role="group" aria-label="Body as JSON">
        <${Json} value=${body.value} depth=${0} />
      </div>`
    case 'events':
      return html`<${Events} events=${body.events} running=${running} />`
    case 'text':
      return html`<pre tabindex="0" role="group" aria-label="Body as text">${body.text}</pre>`
    default:
      return html`<${Hex} body=${body} />`
  }
}

function Hex({ body: { kind, text } }) {
  const lines = useMemo(() => (kind === 'hex' ? text : hexOf(text)), [kind, text])
  return html`<pre class="hex" tabindex="0" role="group" aria-label="Body in hex">${lines}</pre>`
}

function parsed(text) {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function Events({ events, running }) {
  return html`<div class="events" tabindex="0" role="log" aria-label="Events">
    <p class="fine">${plural(events.length, 'event')}${running ? ', more may come' : ''}</p>
    <ol>
      ${events.map((event, i) => html`<${Event} key=${i} ...${event} />`)}
    </ol>
    ${running && html`<span class="bars" aria-hidden="true"><i></i><i></i><i></i></span>`}
  </div>`
}

function Event({ event, id, data }) {
  const value = useMemo(() => parsed(data), [data])
  return html`<li>
    <span class="kind">${event}${id && html` <small>${id}</small>`}</span>
    ${value === undefined ? html`<pre>${data}</pre>` : html`<${Json} value=${value} depth=${1} />`}
  </li>`
}
