/** Conversations between users and agents. */
import { api } from './api.js'
import { Search } from './fields.js'
import { relative, shortId } from './format.js'
import { Grid } from './grid.js'
import { html, useEffect, useState } from './html.js'
import { Listing } from './listing.js'
import { Empty, Failed, Loading } from './parts.js'
import { open, place } from './router.js'
import { SessionPanel, SessionState } from './session-panel.js'
import { useStore } from './store.js'

const EVERY = 5000
const PAGE = 100
const COLUMNS = [
  { key: 'status', head: 'Status', cell: SessionState },
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

const idOf = ({ session_id }) => session_id

export function Sessions() {
  const { id, query } = useStore(place)
  const user = (query.get('user') ?? '').trim()
  const [state, again, more] = useSessions({ user_id: user })
  const sessions = state.kind === 'known' ? state.sessions : []

  const told = state.kind === 'known' && `${sessions.length}${state.cursor ? ' and more' : ''}`
  const tools = html`<${Search} name="user" value=${user} label="Whole user id" example="User" />`
  const panel =
    id === ''
      ? null
      : html`<${SessionPanel} key=${id} id=${id} session=${sessions.find((one) => idOf(one) === id)} />`
  return html`<${Listing} title="Sessions" told=${told} filtered=${user !== ''} tools=${tools} panel=${panel}>
    ${
      state.kind === 'asking'
        ? html`<${Loading} what="sessions" />`
        : state.kind === 'failed'
          ? html`<${Failed} error=${state.error} again=${again} />`
          : sessions.length === 0
            ? html`<${Nobody} user=${user} />`
            : html`<div class="stack">
                <${Grid}
                  label="Sessions"
                  className="sessions"
                  rows=${sessions}
                  idOf=${idOf}
                  columns=${COLUMNS}
                  chosen=${id}
                  onOpen=${open}
                />
                ${state.cursor && html`<button type="button" class="button" onClick=${more}>Show more</button>`}
              </div>`
    }
  </${Listing}>`
}

const Nobody = ({ user }) =>
  user !== ''
    ? html`<${Empty} art="talk" title="No session of this user">The user id must be the whole of it.</${Empty}>`
    : html`<${Empty} art="talk" title="No sessions">
        A session begins with <code>POST /api/v1/sessions</code> or <code>gw-agent run</code>.
      </${Empty}>`
