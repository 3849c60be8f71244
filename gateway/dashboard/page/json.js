/** JSON as a tree whose branches fold. */
import { plural } from './format.js'
import { html, useState } from './html.js'

/** Deeper and longer branches begin folded. */
const OPEN_DEPTH = 3
const OPEN_LENGTH = 60
/** More of a branch comes on asking: thousands of lines at once are slow and nobody reads them. */
const SHOWN = 100

export function Json({ name, value, depth }) {
  if (typeof value !== 'object' || value === null)
    return html`<div class="leaf"><${Name} of=${name} /><${Scalar} value=${value} /></div>`
  const list = Array.isArray(value)
  const entries = list ? value.map((one, i) => [i, one]) : Object.entries(value)
  const brackets = list ? '[]' : '{}'
  if (entries.length === 0) return html`<div class="leaf"><${Name} of=${name} />${brackets}</div>`
  const words = list ? plural(entries.length, 'item') : entries.map(([key]) => key).join(', ')
  return html`<${Branch} name=${name} entries=${entries} depth=${depth} words=${words} brackets=${brackets} />`
}

function Branch({ name, entries, depth, words, brackets: [opening, closing] }) {
  const [unfolded, setUnfolded] = useState(depth < OPEN_DEPTH && entries.length <= OPEN_LENGTH)
  const [most, setMost] = useState(SHOWN)
  const left = entries.length - most
  return html`<details open=${unfolded} onToggle=${({ currentTarget }) => setUnfolded(currentTarget.open)}>
    <summary>
      <${Name} of=${name} />${opening}
      ${!unfolded && html`<span class="folded"> ${words.slice(0, 60)} </span>${closing}`}
    </summary>
    ${
      unfolded &&
      html`<div class="branch">
          ${entries
            .slice(0, most)
            .map(([key, one]) => html`<${Json} key=${key} name=${key} value=${one} depth=${depth + 1} />`)}
          ${
            left > 0 &&
            html`<button type="button" class="inline" onClick=${() => setMost(most + 5 * SHOWN)}>${left} more</button>`
          }
        </div>
        <div class="leaf">${closing}</div>`
    }
  </details>`
}

const Name = ({ of }) =>
  of !== undefined && html`<span class="name">${of}</span><span class="colon">: </span>`

function Scalar({ value }) {
  const type = value === null ? 'null' : typeof value
  return html`<span class="scalar" data-type=${type}>${JSON.stringify(value)}</span>`
}
