/** An exchange sent again, with changes; what is not changed is not sent, so that the gateway uses what it kept. */
import { api } from './api.js'
import { html, useState } from './html.js'
import { isRedacted } from './message.js'
import { open } from './router.js'
import { Dialog, say } from './says.js'

/** What changed in the fields as text, one a line: {name: value}, null for one that was taken out. */
function changedFields(text, before) {
  const had = new Set(before.split('\n').filter(Boolean))
  const changed = {}
  for (const line of had) changed[line.slice(0, line.indexOf(':')).trim()] = null
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (line.trim() === '') continue
    if (colon < 1) throw new Error(`"${line}" is not a field: it needs a name and a colon.`)
    changed[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim()
  }
  for (const line of had) {
    const name = line.slice(0, line.indexOf(':')).trim()
    if (changed[name] === line.slice(line.indexOf(':') + 1).trim()) delete changed[name]
  }
  return changed
}

/** Without the values of the query that were masked. */
function keptPath(target) {
  const [path, query = ''] = target.split('?', 2)
  const pairs = query.split('&').filter((pair) => pair !== '' && !pair.endsWith('=[redacted]'))
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

/** What the reader begins with. The text of a body that is none, or not whole, cannot be changed, only replaced. */
function draftOf({ method, path, request }) {
  const headers = request.headers
    .filter((field) => !isRedacted(field))
    .map(([name, value]) => `${name}: ${value}`)
  return {
    method,
    path: keptPath(path),
    headers: headers.join('\n'),
    body: request.truncated ? '' : (request.body.text ?? ''),
  }
}

/** Only what differs from the recorded. */
function changesOf(draft, recorded) {
  const changes = {}
  for (const key of ['method', 'path', 'body']) if (draft[key] !== recorded[key]) changes[key] = draft[key]
  if (draft.headers !== recorded.headers) changes.headers = changedFields(draft.headers, recorded.headers)
  return changes
}

export function Replay({ exchange, onClose }) {
  const { request } = exchange
  const [recorded] = useState(() => draftOf(exchange))
  const [draft, setDraft] = useState(recorded)
  const [state, setState] = useState({ kind: 'ready' })
  const change =
    (name) =>
    ({ target: { value } }) =>
      setDraft({ ...draft, [name]: value })

  const submit = async (event) => {
    event.preventDefault()
    setState({ kind: 'sending' })
    try {
      const { request_id, omitted = [] } = await api.replay(exchange.request_id, changesOf(draft, recorded))
      say(omitted.length > 0 ? `Sent again without ${omitted.join(', ')}.` : 'Sent again.')
      onClose()
      open(request_id)
    } catch (error) {
      setState({ kind: 'failed', error })
    }
  }

  return html`<${Dialog} title="Send again" onClose=${onClose} className="replay">
    <form onSubmit=${submit}>
      <p class="fine">It goes to the same tunnel.<${LeftOut} path=${exchange.path} headers=${request.headers} /></p>
      <div class="row">
        <label class="verb">Method
          <input required value=${draft.method} onInput=${change('method')} spellcheck=${false} />
        </label>
        <label class="grow">Path
          <input required value=${draft.path} onInput=${change('path')} spellcheck=${false} />
        </label>
      </div>
      <label>Header fields, one a line
        <textarea rows="6" value=${draft.headers} onInput=${change('headers')} spellcheck=${false}></textarea>
      </label>
      <label>Body
        <textarea rows="8" value=${draft.body} onInput=${change('body')} spellcheck=${false}></textarea>
      </label>
      <${BodyNote} request=${request} />
      ${state.kind === 'failed' && html`<p class="note" role="alert" data-tone="bad">${state.error.message}</p>`}
      <div class="row end">
        <button type="button" class="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class="button primary" disabled=${state.kind === 'sending'}>
          ${state.kind === 'sending' ? 'Sending…' : 'Send'}
        </button>
      </div>
    </form>
  </${Dialog}>`
}

function LeftOut({ path, headers }) {
  const names = headers.filter(isRedacted).map(([name]) => name)
  if (path.includes('=[redacted]')) names.push('values of the query')
  return names.length > 0 && html` Left out unless you give them again: <b>${names.join(', ')}</b>.`
}

function BodyNote({ request: { body, truncated } }) {
  if (truncated) return html`<p class="note">The recorded body was not kept whole: give one to send.</p>`
  if (body.kind !== 'hex' && body.kind !== 'events') return null
  return html`<p class="note">The recorded body is sent as it was, unless you write another.</p>`
}
