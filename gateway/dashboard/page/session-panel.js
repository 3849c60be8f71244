/** One session: whose it is, and its events, live. */
import { feeds } from './api.js'
import { openFeed } from './feed.js'
import { relative, time } from './format.js'
import { html, useEffect, useState } from './html.js'
import { Log } from './log.js'
import { Panel } from './panel.js'
import { Facts, Loading, State } from './parts.js'

/** Of one session; the oldest leave. */
const MOST_EVENTS = 2000
const SHOW_EVERY = 150
/** A stream's events are named by their type. */
const TYPES = [
  'message',
  'text',
  'tool_call',
  'tool_result',
  'status',
  'auth_required',
  'work_product',
  'input_required',
  'error',
  'iteration_end',
  'done',
]

export const SessionState = ({ status }) =>
  html`<${State} level=${status === 'running' ? 'running' : 'unknown'}>
    ${status.charAt(0).toUpperCase() + status.slice(1)}
  </${State}>`

/** In their order; null until the stream has opened. */
function useEvents(id) {
  const [events, setEvents] = useState(null)
  useEffect(() => {
    const kept = new Map()
    let timer
    const show = () => {
      timer ??= setTimeout(() => {
        timer = undefined
        setEvents([...kept.values()].sort((a, b) => a.seq - b.seq))
      }, SHOW_EVERY)
    }
    const take = (event) => {
      kept.set(event.seq, event)
      if (kept.size > MOST_EVENTS) kept.delete(kept.keys().next().value)
      show()
    }
    const events = Object.fromEntries(TYPES.map((type) => [type, take]))
    const feed = openFeed(() => feeds.sessionEvents(id), events, { onOpen: show })
    return () => {
      clearTimeout(timer)
      feed.close()
    }
  }, [id])
  return events
}

export function SessionPanel({ id, session }) {
  const events = useEvents(id)
  const over = session && html`<${SessionState} status=${session.status} />`
  return html`<${Panel} wide title=${session?.user_id ?? 'Session'} over=${over}>
    <${Facts} of=${[['Session', html`<code>${id}</code>`], ...factsOf(session)]} />
    ${events === null ? html`<${Loading} what="events" />` : html`<${Log} events=${events} />`}
  </${Panel}>`
}

/** Of a session that is not in the list nothing is known but its events. */
function factsOf(session) {
  if (session === undefined) return []
  const { tunnel_id, created_at, expires_at, workspace_dir, metadata = {}, first_seq } = session
  return [
    ['Agent', tunnel_id && html`<code>${tunnel_id}</code>`],
    ['Began', time(created_at)],
    ['Ends', expires_at && relative(expires_at)],
    ['Workspace', workspace_dir && html`<code>${workspace_dir}</code>`],
    ['Metadata', Object.keys(metadata).length > 0 && html`<code>${JSON.stringify(metadata)}</code>`],
    ['Kept', first_seq && `from event ${first_seq} on`],
  ]
}
