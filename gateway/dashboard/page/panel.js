/** What is open beside a list; on a telephone it lies over it. Escape and its button close it. */
import { html, useEffect, useRef } from './html.js'
import { open } from './router.js'

export function Panel({ title, over, wide = false, children }) {
  const heading = useRef(null)
  useEffect(() => {
    const back = document.activeElement
    const panel = heading.current.closest('.panel')
    heading.current.focus({ preventScroll: true })
    // Back where one was, unless the focus has gone elsewhere by itself.
    return () => {
      const { activeElement } = document
      if (activeElement === document.body || panel.contains(activeElement))
        placeOf(back)?.focus({ preventScroll: true })
    }
  }, [])
  const press = (event) => {
    if (event.key !== 'Escape' || event.target.closest('dialog')) return
    event.stopPropagation()
    open('')
  }
  return html`<section class="panel" data-wide=${wide ? '' : null} aria-label=${title} onKeyDown=${press}>
    <header>
      <div>${over}<h2 tabindex="-1" ref=${heading}>${title}</h2></div>
      <button type="button" class="plain close" aria-label="Close" onClick=${() => open('')}>
        <svg viewBox="0 0 20 20" aria-hidden="true"><path d="m5 5 10 10M15 5 5 15" /></svg>
      </button>
    </header>
    <div class="body">${children}</div>
  </section>`
}

/** Where one goes on: at `back`, or at the list's current row where that has gone, out of a filter or with its thing. */
const placeOf = (back) =>
  back?.isConnected && back !== document.body
    ? back
    : document.querySelector('[role="grid"] [role="row"][tabindex="0"]')
