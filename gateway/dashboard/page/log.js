/** What was said and done in a session, as it goes on. Pieces of text that follow each other are one paragraph. */
import { time } from './format.js'
import { html, useEffect, useRef } from './html.js'
import { Json } from './json.js'

/** So near the end a reader follows; further up they read, and are left alone. */
const NEAR = 60

function paragraphs(events) {
  const shown = []
  for (const event of events) {
    const last = shown.at(-1)
    if (event.type === 'text' && last?.type === 'text' && last.run_id === event.run_id)
      last.text += event.data?.text ?? ''
    else shown.push(event.type === 'text' ? { ...event, text: event.data?.text ?? '' } : event)
  }
  return shown
}

export function Log({ events }) {
  const box = useRef(null)
  const near = useRef(true)
  useEffect(() => {
    if (near.current) box.current.scrollTop = box.current.scrollHeight
  }, [events])
  const follow = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current
    near.current = scrollHeight - scrollTop - clientHeight < NEAR
  }
  return html`<div class="log" ref=${box} onScroll=${follow} tabindex="0" role="log" aria-label="Events of this session">
    ${events.length === 0 && html`<p class="calm">Nothing was said yet.</p>`}
    <ol>
      ${paragraphs(events).map(
        (event) => html`<li key=${event.seq} data-type=${event.type} data-status=${event.data?.status}>
          <p class="about"><span>${title(event)}</span><time>${time(event.timestamp)}</time></p>
          <${Said} event=${event} />
        </li>`,
      )}
    </ol>
  </div>`
}

function title({ type, data }) {
  switch (type) {
    case 'text':
      return 'Agent'
    case 'tool_call':
      return `Calls ${data?.name ?? 'a tool'}`
    case 'tool_result':
      return data?.is_error ? 'Tool failed' : 'Tool answered'
    case 'error':
      return `Error ${data?.code ?? ''}`
    case 'iteration_end':
      return `Turn ${data?.iteration ?? ''} ended`
    case 'done':
      return `Run ${data?.status ?? 'ended'}`
    default:
      return type.replaceAll('_', ' ')
  }
}

function Said({ event: { type, data, text } }) {
  switch (type) {
    case 'text':
      return html`<p class="text">${text}</p>`
    case 'error':
      return html`<p class="text">${data?.message}</p>`
    case 'tool_call':
      return html`<${Json} value=${data?.input ?? {}} depth=${1} />`
    case 'tool_result':
      return typeof data?.result === 'string'
        ? html`<pre>${data.result}</pre>`
        : html`<${Json} value=${data?.result ?? null} depth=${1} />`
    case 'iteration_end':
    case 'done':
      return data?.usage ? html`<${Json} value=${data.usage} depth=${2} />` : null
    default:
      return html`<${Json} value=${data ?? null} depth=${1} />`
  }
}
