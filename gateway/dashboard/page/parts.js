/** Small things that every view uses: links, marks, states of loading and emptiness, copying. */
import { html, useEffect, useState } from './html.js'
import { follow } from './router.js'

export const Link = ({ to, children, ...rest }) =>
  html`<a href=${to} onClick=${follow} ...${rest}>${children}</a>`

/** A word with a mark before it, so that no state is told by colour alone. */
export const State = ({ level, children }) =>
  html`<span class="state" data-level=${level}><i class="mark" aria-hidden="true"></i>${children}</span>`

export const Chip = ({ children, tone = 'plain' }) =>
  html`<span class="chip" data-tone=${tone}>${children}</span>`

/** Something is on its way; said only if it takes its time. */
export function Loading({ what }) {
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 400)
    return () => clearTimeout(timer)
  }, [])
  return html`<div class="hollow" role="status">
    ${late && html`<span class="bars" aria-hidden="true"><i></i><i></i><i></i></span><p>Loading ${what}…</p>`}
  </div>`
}

/** `art`: which drawing; a few words of what would be here, and what to do about it. */
export const Empty = ({ art = 'arch', title, children }) =>
  html`<div class="hollow">
    <${Art} name=${art} />
    <h2>${title}</h2>
    ${children && html`<p>${children}</p>`}
  </div>`

export function Failed({ error, again }) {
  return html`<div class="hollow" role="alert">
    <${Art} name="gap" />
    <h2>${error.status === 403 ? 'Not with this sign-in' : 'That did not work'}</h2>
    <p>${error.message}</p>
    ${error.requestId && html`<p class="fine">request <code>${error.requestId}</code></p>`}
    ${again && html`<button type="button" class="button" onClick=${again}>Try again</button>`}
  </div>`
}

const ARTS = {
  arch: 'M8 52V32a24 24 0 0 1 48 0v20M20 52V33a12 12 0 0 1 24 0v19M2 52h60',
  gap: 'M8 52V32a24 24 0 0 1 14-21.8M56 52V32a24 24 0 0 0-14-21.8M2 52h22M40 52h22M32 4v10M32 22v6',
  lens: 'M28 46a18 18 0 1 0 0-36 18 18 0 0 0 0 36ZM41 41l15 15M20 28h16M20 22h9M20 34h12',
  clock: 'M32 8a24 24 0 1 0 0 48 24 24 0 0 0 0-48ZM32 20v13l8 6',
  talk: 'M8 12h34v24H22L12 45v-9H8ZM48 22h8v22h-4v8l-9-8H28v-4',
  bell: 'M32 6a14 14 0 0 1 14 14c0 14 6 18 6 18H12s6-4 6-18A14 14 0 0 1 32 6ZM26 46a6 6 0 0 0 12 0',
}

const Art = ({ name }) =>
  html`<svg class="art" viewBox="0 0 64 60" aria-hidden="true"><path d=${ARTS[name]} /></svg>`

/** The clipboard is closed to pages that came over plain http from elsewhere; the old way still works there. */
async function copy(text) {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'aside'
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  if (!done) throw new Error('copying is not allowed here')
}

/** `text`: what is copied, or a function that fetches it. */
export function Copy({ text, label = 'Copy', className = 'button' }) {
  const [said, say] = useState(null)
  const press = async () => {
    try {
      await copy(typeof text === 'function' ? await text() : text)
      say('Copied')
    } catch (error) {
      say(error.message || 'Not copied')
    }
    setTimeout(() => say(null), 2000)
  }
  return html`<button type="button" class=${className} onClick=${press}>
    ${said ?? label}<span class="aside" role="status">${said}</span>
  </button>`
}

/** A part in a whole, as a bar and as a word for those who do not see it. `most` 0: there is no whole. */
export function Meter({ value, most, label }) {
  const share = most > 0 ? Math.min(1, value / most) : 0
  return html`<span class="meter" role="img" aria-label=${label} title=${label}>
    <i style=${{ width: `${share * 100}%` }} data-full=${share === 1 ? '' : null}></i>
  </span>`
}

/** Name and value, one below the other. */
export const Facts = ({ of }) =>
  html`<dl class="facts">
    ${of
      .filter(([, value]) => value !== '' && value !== false && (value ?? null) !== null)
      .map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`
