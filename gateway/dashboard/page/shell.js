/** What stands around every view: where one can go, whether the gateway is there, who one is. */
import { Choice } from './fields.js'
import { fleet, line, retryNow } from './fleet.js'
import { span } from './format.js'
import { health } from './health.js'
import { Fragment, html, useEffect, useRef, useState } from './html.js'
import { Link } from './parts.js'
import { address, place } from './router.js'
import { say } from './says.js'
import { session, signOut } from './session.js'
import { useStore } from './store.js'
import { theme, themes } from './theme.js'
import { vitals } from './vitals.js'

const ICONS = {
  overview: 'M3 14l4-5 3 3 5-7M3 17h14',
  links: 'M8 12l4-4M7 8.5 5 10.5a3.2 3.2 0 0 0 4.5 4.5l2-2M13 11.5l2-2A3.2 3.2 0 0 0 10.5 5l-2 2',
  inspector: 'M9 14a5 5 0 1 0 0-10 5 5 0 0 0 0 10ZM12.6 12.6 17 17',
  sessions: 'M3 5h14v9H9l-4 3v-3H3Z',
  automation: 'M10 3v3M10 14v3M3 10h3M14 10h3M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z',
  connect: 'M3 17v-6a7 7 0 0 1 14 0v6M10 8.5v7M6.5 12h7',
  api: 'M7 6 3 10l4 4M13 6l4 4-4 4',
}

export function Shell({ views, children }) {
  const { view } = useStore(place)
  const main = useRef(null)
  const nav = useRef(null)
  const last = useRef(view)
  const current = views.find(({ name }) => name === view)
  useTitle(current?.title ?? 'Not here')
  // A new view is told by its heading: the focus goes there, as it would with a new page.
  useEffect(() => {
    if (last.current === view) return
    last.current = view
    main.current.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [view])
  // On a telephone the views are a strip that scrolls.
  useEffect(() => {
    nav.current.querySelector('[aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' })
  }, [view])
  return html`<${Fragment}>
    <a class="skip" href="#main">Skip to the view</a>
    <header class="side">
      <${Link} to=${address('overview')} class="brand" aria-label="gw, overview"><${Mark} /><span>gw</span></${Link}>
      <nav aria-label="Views" ref=${nav}>
        ${views.map(
          ({
            name,
            title,
          }) => html`<${Link} key=${name} to=${address(name)} aria-current=${name === view ? 'page' : null}>
            <svg viewBox="0 0 20 20" aria-hidden="true"><path d=${ICONS[name]} /></svg><span>${title}</span>
          </${Link}>`,
        )}
      </nav>
      <${Foot} />
    </header>
    <main id="main" tabindex="-1" ref=${main}>
      <${Banner} />
      ${children}
    </main>
  </${Fragment}>`
}

/** A tunnel's mouth: two arches on the ground. */
export const Mark = () =>
  html`<svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
    <path d="M4 27V16a12 12 0 0 1 24 0v11" /><path d="M11 27V16.5a5 5 0 0 1 10 0V27" />
  </svg>`

/** The state of the fleet is seen in a tab that is not looked at. */
function useTitle(title) {
  const { links } = useStore(fleet)
  const known = useStore(vitals)
  const { kind } = useStore(line)
  const { level } = health(links, known)
  const mark = kind === 'lost' ? '○ ' : level === 'trouble' ? '▲ ' : ''
  useEffect(() => {
    document.title = `${mark}${title} · gw`
  }, [mark, title])
}

function Foot() {
  const known = useStore(vitals)
  const { modes } = useStore(session)
  const leave = () => signOut().catch((error) => say(error.message, 'bad'))
  return html`<div class="foot">
    ${known.kind === 'known' && html`<${About} ...${known.status} />`}
    <${Themes} />
    ${!modes?.includes('none') && html`<button type="button" class="plain" onClick=${leave}>Sign out</button>`}
  </div>`
}

const About = ({ node, version, uptime_s }) =>
  html`<p class="about" title=${`node ${node}`}><b>${location.host}</b><br />${version} · up ${span(uptime_s)}</p>`

export function Themes() {
  const chosen = useStore(theme)
  const options = themes.map((name) => [name, name[0].toUpperCase() + name.slice(1)])
  return html`<${Choice} legend="Colours" className="themes" options=${options} value=${chosen} onChoose=${theme.set} />`
}

/** Said while the gateway is away, and for a moment when it is back. */
function Banner() {
  const state = useStore(line)
  const [welcome, setWelcome] = useState(false)
  const [now, setNow] = useState(Date.now())
  const lost = state.kind === 'lost'
  useEffect(() => {
    if (state.kind !== 'live' || !state.back) return
    setWelcome(true)
    const timer = setTimeout(() => setWelcome(false), 5000)
    return () => clearTimeout(timer)
  }, [state])
  useEffect(() => {
    if (!lost) return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [state])
  const wait = lost ? Math.max(0, Math.ceil((state.retryAt - now) / 1000)) : 0
  const away = 'The gateway does not answer. What you see is how it last was.'
  return html`<div class="banner" data-shown=${lost || welcome ? '' : null} data-tone=${lost ? 'lost' : 'back'}>
    <p role="status">${lost ? away : welcome ? 'The gateway is back.' : ''}</p>
    ${
      lost &&
      html`<span class="fine" aria-hidden="true">${wait > 0 ? `again in ${wait} s` : 'trying…'}</span>
        <button type="button" class="button" onClick=${retryNow}>Try now</button>`
    }
  </div>`
}
