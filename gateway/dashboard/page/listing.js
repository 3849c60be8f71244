/** A view that is a long list: what narrows it above, what is open beside it. */
import { html } from './html.js'

/**
 * `told`: how many there are; `filtered`: then their number is news; `tools`: what narrows the list; `panel`: what is open,
 * null where nothing is.
 */
export function Listing({ title, told, filtered, tools, panel, children }) {
  return html`<div class="view listing" data-open=${panel === null ? null : ''}>
    <div class="bar">
      <h1>${title}</h1>
      <p class="fine" role=${filtered ? 'status' : null}>${told}</p>
      ${tools}
    </div>
    <div class="split">${children}${panel}</div>
  </div>`
}
