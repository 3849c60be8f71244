/** The command that connects the next agent, and whether it came. */
import { fleet } from './fleet.js'
import { html, useMemo, useState } from './html.js'
import { Copy, State } from './parts.js'
import { session } from './session.js'
import { useStore } from './store.js'
import { vitals } from './vitals.js'

const KINDS = [
  {
    title: 'A port',
    words: 'A service that listens on the agent’s host',
    field: 'Port',
    flag: '--forward',
    value: '8080',
  },
  {
    title: 'A directory',
    words: 'Files of the agent’s host',
    field: 'Directory',
    flag: '--static',
    value: './site',
  },
  {
    title: 'A module',
    words: 'fetch, websocket or execute in JavaScript',
    field: 'Module',
    flag: '--handlers',
    value: './handlers.js',
  },
]

const PURPOSE = /^[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?$/

/** `crypto.randomUUID` is there only under https and on loopback. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** As a shell takes it. */
const quoted = (word) => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

export function Connect() {
  const known = useStore(vitals)
  const { modes } = useStore(session)
  const [kind, setKind] = useState(KINDS[0])
  const [value, setValue] = useState(kind.value)
  const [purpose, setPurpose] = useState('prod')
  const [fresh, setFresh] = useState(0)
  const unique = useMemo(uuid, [fresh])
  const gateway = (known.kind === 'known' && known.status.public_url) || location.origin
  const id = `agent_${unique}_${PURPOSE.test(purpose) ? purpose : 'prod'}`
  const agent = [
    `npx gw-agent --tunnel-id ${id} \\`,
    `  --gateway ${quoted(gateway)} \\`,
    `  ${kind.flag} ${quoted(value || kind.value)}`,
  ]
  const call = `curl ${quoted(`${gateway.replace(/\/$/, '')}/t/${id}/`)}`
  const open = modes?.includes('none')
  const choose = (one) => {
    setKind(one)
    setValue(one.value)
  }
  const steps = [
    html`<${Step} title="What does it serve?">
      <${Kinds} chosen=${kind} onChoose=${choose} />
      <div class="row">
        <label>${kind.field}
          <input value=${value} onInput=${({ target }) => setValue(target.value)} spellcheck=${false} />
        </label>
        <${Purpose} value=${purpose} onType=${setPurpose} />
      </div>
    </${Step}>`,
    !open &&
      html`<${Step} title="Make it a token, on the gateway’s host">
        <${Command} text=${`gw-gateway token create --role node --tunnel ${quoted(id)}`} />
        <p class="fine">Hand it to the agent as <code>GW_TOKEN</code>. It is shown once and opens this tunnel only.</p>
      </${Step}>`,
    html`<${Step} title="Run this on the agent’s host">
      <${Command} text=${agent.join('\n')} />
      <p class="fine">
        Node.js 20.19 or later is all it needs; it only dials out.${' '}
        <button type="button" class="inline" onClick=${() => setFresh(fresh + 1)}>Another id</button>
      </p>
      <${Arrival} id=${id} />
    </${Step}>`,
    html`<${Step} title="Call it">
      <${Command} text=${open ? call : `${call} -H 'gw-authorization: Bearer YOUR_TOKEN'`} />
    </${Step}>`,
  ]
  return html`<div class="view connect">
    <h1>Connect an agent</h1>
    <ol class="steps">${steps}</ol>
  </div>`
}

const Step = ({ title, children }) => html`<li class="card"><h2>${title}</h2>${children}</li>`

const Kinds = ({ chosen, onChoose }) =>
  html`<fieldset class="kinds">
    <legend class="aside">What it serves</legend>
    ${KINDS.map(
      (one) => html`<label>
        <input type="radio" name="kind" checked=${one === chosen} onChange=${() => onChoose(one)} />
        <span><b>${one.title}</b><small>${one.words}</small></span>
      </label>`,
    )}
  </fieldset>`

function Purpose({ value, onType }) {
  const valid = PURPOSE.test(value)
  const rule = 'A purpose is 1 to 24 of a-z, 0-9 and -, and neither begins nor ends with -.'
  return html`<label>Purpose
    <input
      value=${value}
      onInput=${({ target }) => onType(target.value)}
      aria-invalid=${!valid}
      aria-describedby="purpose"
      spellcheck=${false}
    />
    <span class="fine" id="purpose">${valid ? 'Callers choose agents by purpose.' : rule}</span>
  </label>`
}

function Arrival({ id }) {
  const { links } = useStore(fleet)
  const come = links.find(({ tunnel_id }) => tunnel_id === id)
  return html`<p role="status">
    ${
      come
        ? html`<${State} level="quiet">Connected, from ${come.remote_address}.</${State}>`
        : html`<${State} level="running">Waiting for this agent to dial in</${State}>`
    }
  </p>`
}

const Command = ({ text }) =>
  html`<div class="command">
    <pre tabindex="0" role="group" aria-label="Command">${text}</pre>
    <${Copy} text=${text} />
  </div>`
