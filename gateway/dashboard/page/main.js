/** The page put together. */
import { ApiPage } from './api-page.js'
import { Automation } from './automation.js'
import { Connect } from './connect.js'
import { watchFleet } from './fleet.js'
import { html, render, useEffect, useErrorBoundary } from './html.js'
import { Inspector } from './inspector.js'
import { Links } from './links.js'
import { Overview } from './overview.js'
import { Empty, Failed, Link, Loading } from './parts.js'
import { address, place } from './router.js'
import { Asks, Says } from './says.js'
import { askSession, may, session } from './session.js'
import { Sessions } from './sessions.js'
import { Shell } from './shell.js'
import { SignIn } from './sign-in.js'
import { useStore } from './store.js'
import { watchVitals } from './vitals.js'

/** Each needs `operator.read` but those that are `open`. */
const VIEWS = [
  { name: 'overview', title: 'Overview', view: Overview },
  { name: 'links', title: 'Links', view: Links },
  { name: 'inspector', title: 'Inspector', view: Inspector },
  { name: 'sessions', title: 'Sessions', view: Sessions },
  { name: 'automation', title: 'Automation', view: Automation },
  { name: 'connect', title: 'Connect', view: Connect },
  { name: 'api', title: 'API', view: ApiPage, open: true },
]

function Page() {
  const state = useStore(session)
  switch (state.kind) {
    case 'asking':
      return html`<main class="door" id="main"><h1 class="aside">gw</h1><${Loading} what="the page" /></main>`
    case 'failed':
      return html`<main class="door" id="main"><h1 class="aside">gw</h1><${Failed} error=${state.error} again=${() => askSession()} /></main>`
    case 'out':
      return html`<${SignIn} />`
    default:
      return html`<${SignedIn} offered=${state.views} />`
  }
}

/** `offered`: an agent serves its inspector only. */
function SignedIn({ offered }) {
  const { view } = useStore(place)
  const views = VIEWS.filter(({ name, open }) => (offered?.includes(name) ?? true) && (open || may('read')))
  const shown = offered && view === 'overview' ? views[0] : views.find(({ name }) => name === view)
  const watching = may('read') && offered === undefined
  useEffect(() => {
    if (!watching) return
    const stops = [watchFleet(), watchVitals()]
    return () => {
      for (const stop of stops) stop()
    }
  }, [watching])
  return html`<${Shell} views=${views}>
    <${Guarded} key=${view}>
      ${
        shown
          ? html`<${shown.view} />`
          : may('read')
            ? html`<h1 class="aside">Not here</h1><${Empty} art="gap" title="Nothing is here">There is no view of this name. <${Link} to=${address('overview')}>To the overview</${Link}></${Empty}>`
            : html`<h1 class="aside">Not here</h1><${Empty} art="gap" title="Not with this sign-in">It does not hold <code>operator.read</code>, which seeing the fleet needs.</${Empty}>`
      }
    </${Guarded}>
  </${Shell}>`
}

/** A mistake in one view costs that view. */
function Guarded({ children }) {
  const [error, again] = useErrorBoundary((thrown) => console.error(thrown))
  return error
    ? html`<${Failed} error=${{ message: `This view has failed: ${error.message}` }} again=${again} />`
    : children
}

function Whole() {
  return html`<${Page} /><${Asks} /><${Says} />`
}

render(html`<${Whole} />`, document.getElementById('page'))
askSession()
// Asked again while the page cannot be served: the door opens by itself.
setInterval(() => session.value.kind === 'failed' && askSession(), 3000)
