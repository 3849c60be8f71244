/** The page put together. */
import { ApiPage } from './api-page.js'
import { Automation } from './automation.js'
import { Connect } from './connect.js'
import { watchFleet } from './fleet.js'
import { html, render, useEffect, useErrorBoundary } from './html.js'
import { Inspector } from './inspector.js'
import { Links } from './links.js'
import { Overview } from './overview.js'
import { Empty, Failed, Link } from './parts.js'
import { address, place } from './router.js'
import { Asks, Says } from './says.js'
import { askSession, may, session } from './session.js'
import { Sessions } from './sessions.js'
import { Mark, Shell } from './shell.js'
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
      // As it stands in the page from the beginning.
      return html`<${Porch}><${Mark} /></${Porch}>`
    case 'failed':
      return html`<${Porch}><${Failed} error=${state.error} again=${() => askSession()} /></${Porch}>`
    case 'out':
      return html`<${SignIn} />`
    default:
      return html`<${SignedIn} />`
  }
}

const Porch = ({ children }) => html`<main class="door" id="main">${children}</main>`

function SignedIn() {
  const { view } = useStore(place)
  const watching = may('read')
  const views = VIEWS.filter(({ open }) => open || watching)
  const shown = views.find(({ name }) => name === view)
  useEffect(() => {
    if (!watching) return
    const stops = [watchFleet(), watchVitals()]
    return () => {
      for (const stop of stops) stop()
    }
  }, [watching])
  return html`<${Shell} views=${views}>
    <${Guarded} key=${view}>
      ${shown ? html`<${shown.view} />` : watching ? html`<${Nowhere} />` : html`<${NoRight} />`}
    </${Guarded}>
  </${Shell}>`
}

const Nowhere = () =>
  html`<h1 class="aside">Not here</h1>
    <${Empty} art="gap" title="Nothing is here">
      There is no view of this name. <${Link} to=${address('overview')}>To the overview</${Link}>
    </${Empty}>`

const NoRight = () =>
  html`<h1 class="aside">Not here</h1>
    <${Empty} art="gap" title="Not with this sign-in">
      It does not hold <code>operator.read</code>, which seeing the fleet needs.
    </${Empty}>`

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
