/** Conversations between users and agents: the list, and each one's events, live. */
import { api, feeds } from './api.js'
import { openFeed } from './feed.js'
import { relative, shortId, time } from './format.js'
import { Grid } from './grid.js'
import { html, useEffect, useState } from './html.js'
import { Log } from './log.js'
import { Panel } from './panel.js'
import { Empty, Facts, Failed, Loading, State } from './parts.js'
import { open, place, refine } from './router.js'
import { useStore } from './store.js'

const EVERY = 5000
const PAGE = 100
/** Of one session; the oldest leave. */
const MOST_EVENTS = 2000
const SHOW_EVERY = 150
const TYPES =
  'session_info text tool_call tool_result status auth_required work_product input_required error iteration_end done'.split(
    ' ',
  )

const LEVELS = {
  running: 'running',
  idle: 'unknown',
  failed: 'trouble',
  ended: 'unknown',
  expired: 'unknown',
}
const Status = ({ status }) =>
  html`<${State} level=${LEVELS[status] ?? 'unknown'}>${status.charAt(0).toUpperCase() + status.slice(1)}</${State}>`

const COLUMNS = [
  { key: 'status', head: 'Status', cell: Status },
  { key: 'user', head: 'User', cell: ({ user_id }) => html`<b>${user_id}</b>` },
  { key: 'session', head: 'Session', cell: ({ session_id }) => html`<code>${session_id}</code>` },
  {
    key: 'agent',
    head: 'Agent',
    className: 'wide',
    cell: ({ tunnel_id }) => html`<code>${tunnel_id === null ? '–' : shortId(tunnel_id)}</code>`,
  },
  {
    key: 'active',
    head: 'Last active',
    className: 'number',
    cell: ({ last_active_at }) => relative(last_active_at),
  },
]

/** The newest page and those asked for after it: asking | failed {error} | known {sessions, cursor}. */
function useSessions(filters) {
  const [state, setState] = useState({ kind: 'asking' })
  const [turn, setTurn] = useState(0)
  const [pages, setPages] = useState(1)
  const key = JSON.stringify(filters)
  useEffect(() => {
    let left = false
    let timer
    const ask = async () => {
      try {
        const sessions = []
        let cursor = null
        for (let page = 0; page < pages; page++) {
          const answer = await api.sessions({ ...filters, limit: PAGE, cursor: cursor ?? '' })
          sessions.push(...answer.sessions)
          cursor = answer.next_cursor
          if (!cursor) break
        }
        if (left) return
        setState({ kind: 'known', sessions, cursor })
      } catch (error) {
        if (left) return
        setState((was) => (was.kind === 'known' && error.status === 0 ? was : { kind: 'failed', error }))
      }
      timer = setTimeout(ask, EVERY)
    }
    timer = setTimeout(ask, turn === 0 ? 0 : 200)
    return () => {
      left = true
      clearTimeout(timer)
    }
  }, [key, turn, pages])
  return [state, () => setTurn((n) => n + 1), () => setPages((n) => n + 1)]
}

export function Sessions() {
  const { id, query } = useStore(place)
  const user = query.get('user') ?? ''
  const [state, again, more] = useSessions({ user_id: user })
  const sessions = state.kind === 'known' ? state.sessions : []
  return html`<div class="view listing" data-open=${id === '' ? null : ''}>
    <div class="bar">
      <h1>Sessions</h1>
      <p class="fine" role="status">${state.kind === 'known' && `${sessions.length}${state.cursor ? ' and more' : ''}`}</p>
      <label class="find"><span class="aside">User</span>
        <input type="search" placeholder="User" value=${user} onInput=${({ target }) => refine({ user: target.value.trim() })} />
      </label>
    </div>
    ${
      state.kind === 'asking'
        ? html`<${Loading} what="sessions" />`
        : state.kind === 'failed'
          ? html`<${Failed} error=${state.error} again=${again} />`
          : html`<div class="split">
              ${
                sessions.length === 0
                  ? html`<${Empty} art="talk" title=${user === '' ? 'No sessions' : 'No session of this user'}>${user === '' ? html`A session begins with <code>POST /api/v1/sessions</code> or <code>gw-agent run</code>.` : 'The user id must be the whole of it.'}</${Empty}>`
                  : html`<div class="stack">
                      <${Grid} label="Sessions" className="sessions" rows=${sessions} idOf=${({ session_id }) => session_id} columns=${COLUMNS} chosen=${id} onOpen=${open} />
                      ${state.cursor && html`<button type="button" class="button" onClick=${more}>Show more</button>`}
                    </div>`
              }
              ${id !== '' && html`<${SessionPanel} key=${id} id=${id} session=${sessions.find(({ session_id }) => session_id === id)} />`}
            </div>`
    }
  </div>`
}

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
      if (event.type !== 'session_info') kept.set(event.seq, event)
      if (kept.size > MOST_EVENTS) kept.delete(kept.keys().next().value)
      show()
    }
    const names = Object.fromEntries(['message', ...TYPES].map((name) => [name, take]))
    // `error` is also what a browser calls a lost stream; that one has no data.
    names.error = (event) => event && take(event)
    const feed = openFeed(() => feeds.sessionEvents(id), names, { onOpen: show })
    return () => {
      clearTimeout(timer)
      feed.close()
    }
  }, [id])
  return events
}

function SessionPanel({ id, session }) {
  const events = useEvents(id)
  const metadata =
    session && Object.keys(session.metadata ?? {}).length > 0 ? JSON.stringify(session.metadata) : undefined
  return html`<${Panel} wide title=${session?.user_id ?? 'Session'} over=${session && html`<${Status} ...${session} />`}>
    <${Facts}
      of=${[
        ['Session', html`<code>${id}</code>`],
        ['Agent', session?.tunnel_id && html`<code>${session.tunnel_id}</code>`],
        ['Began', session && time(session.created_at)],
        ['Ends', session?.expires_at && relative(session.expires_at)],
        ['Workspace', session?.workspace_dir && html`<code>${session.workspace_dir}</code>`],
        ['Metadata', metadata && html`<code>${metadata}</code>`],
      ]}
    />
    ${events === null ? html`<${Loading} what="events" />` : html`<${Log} events=${events} />`}
  </${Panel}>`
}
