/** An agent's page: the dashboard's inspector alone. What is imported here the build takes from the dashboard. */
import { api } from './api.js'
import { html, render, useEffect, useState } from './html.js'
import { Inspector } from './inspector.js'
import { Failed, Loading } from './parts.js'
import { address, go, place } from './router.js'
import { Asks, Says } from './says.js'
import { askSession, session } from './session.js'
import { Shell } from './shell.js'
import { useStore } from './store.js'

const VIEWS = [{ name: 'inspector', title: 'Inspector' }]
const ASK_EVERY = 2000

/** There is no other view: every other address leads here. */
function stay({ view }) {
  if (view !== 'inspector') go(address('inspector'), { replace: true })
}

/** Says so while the agent is away; the list comes back by itself. */
function Away() {
  const [away, setAway] = useState(false)
  useEffect(() => {
    const timer = setInterval(() => {
      api.session().then(
        () => setAway(false),
        () => setAway(true),
      )
    }, ASK_EVERY)
    return () => clearInterval(timer)
  }, [])
  return html`<div class="banner" data-shown=${away ? '' : null} data-tone="lost">
    <p role="status">${away ? 'The agent does not answer. What you see is how it last was.' : ''}</p>
  </div>`
}

function Page() {
  const state = useStore(session)
  switch (state.kind) {
    case 'in':
      return html`<${Shell} views=${VIEWS}><${Away} /><${Inspector} /></${Shell}>`
    case 'failed':
      return html`<main class="door" id="main"><${Failed} error=${state.error} again=${() => askSession()} /></main>`
    default:
      return html`<main class="door" id="main"><${Loading} what="the page" /></main>`
  }
}

stay(place.value)
place.listen(stay)
render(html`<${Page} /><${Asks} /><${Says} />`, document.getElementById('page'))
askSession()
