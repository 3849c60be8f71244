/** The command that connects the next agent, and whether it came. */
import { fleet } from './fleet.js'
import { html, useMemo, useState } from './html.js'
import { Copy, State } from './parts.js'
import { session } from './session.js'
import { useStore } from './store.js'
import { vitals } from './vitals.js'

const KINDS = [
  {
    key: 'forward',
    title: 'A port',
    words: 'A service that listens on the agent’s host',
    flag: '--forward',
    value: '8080',
  },
  {
    key: 'static',
    title: 'A directory',
    words: 'Files of the agent’s host',
    flag: '--static',
    value: './site',
  },
  {
    key: 'handlers',
    title: 'A module',
    words: 'fetch, websocket or execute in JavaScript',
    flag: '--handlers',
    value: './handlers.js',
  },
]

/** `crypto.randomUUID` is there only under https and on loopback. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** As a shell takes it. */
const quoted = (word) => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
const PURPOSE = /^[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?$/

export function Connect() {
  const { links } = useStore(fleet)
  const known = useStore(vitals)
  const { modes } = useStore(session)
  const [kind, setKind] = useState(KINDS[0])
  const [value, setValue] = useState(KINDS[0].value)
  const [purpose, setPurpose] = useState('prod')
  const [fresh, setFresh] = useState(0)
  const unique = useMemo(uuid, [fresh])
  const gateway = (known.kind === 'known' && known.status.public_url) || location.origin
  const id = `agent_${unique}_${PURPOSE.test(purpose) ? purpose : 'prod'}`
  const command = `npx gw-agent --tunnel-id ${id} \\\n  --gateway ${quoted(gateway)} \\\n  ${kind.flag} ${quoted(value || kind.value)}`
  const token = `gw-gateway token create --role node --tunnel ${quoted(id)}`
  const open = modes?.includes('none')
  const come = links.find(({ tunnel_id }) => tunnel_id === id)
  const choose = (one) => {
    setKind(one)
    setValue(one.value)
  }
  return html`<div class="view connect">
    <h1>Connect an agent</h1>
    <section class="card">
      <h2><span class="step">1</span>What does it serve?</h2>
      <fieldset class="kinds"><legend class="aside">What it serves</legend>
        ${KINDS.map((one) => html`<label><input type="radio" name="kind" checked=${one === kind} onChange=${() => choose(one)} /><span><b>${one.title}</b><small>${one.words}</small></span></label>`)}
      </fieldset>
      <div class="row">
        <label>${kind.title.replace('A ', '').replace(/^./, (first) => first.toUpperCase())}<input value=${value} onInput=${({ target }) => setValue(target.value)} spellcheck=${false} /></label>
        <label>Purpose<input value=${purpose} onInput=${({ target }) => setPurpose(target.value)} aria-invalid=${!PURPOSE.test(purpose)} aria-describedby="purpose" spellcheck=${false} /></label>
      </div>
      <p class="fine" id="purpose">${PURPOSE.test(purpose) ? 'Callers choose agents by purpose.' : 'A purpose is 1 to 24 of a-z, 0-9 and -, and neither begins nor ends with -.'}</p>
    </section>
    ${
      !open &&
      html`<section class="card">
        <h2><span class="step">2</span>Make it a token, on the gateway’s host</h2>
        <${Command} text=${token} />
        <p class="fine">Hand it to the agent as <code>GW_TOKEN</code>; it is shown once and opens this tunnel only.</p>
      </section>`
    }
    <section class="card">
      <h2><span class="step">${open ? 2 : 3}</span>Run this on the agent’s host</h2>
      <${Command} text=${command} />
      <p class="fine">Node.js 20.19 or later is all it needs; it only dials out. <button type="button" class="inline" onClick=${() => setFresh(fresh + 1)}>Another id</button></p>
      <p class="arrival" role="status">${
        come
          ? html`<${State} level="quiet">Connected as ${come.name ?? come.purpose}, from ${come.remote_address}.</${State}>`
          : html`<${State} level="running">Waiting for this agent to dial in</${State}>`
      }</p>
    </section>
    <section class="card">
      <h2><span class="step">${open ? 3 : 4}</span>Call it</h2>
      <${Command} text=${`curl ${quoted(`${gateway}/t/${id}/`)}${open ? '' : " -H 'gw-authorization: Bearer YOUR_TOKEN'"}`} />
    </section>
  </div>`
}

const Command = ({ text }) =>
  html`<div class="command"><pre tabindex="0" role="group" aria-label="Command">${text}</pre><${Copy} text=${text} /></div>`
