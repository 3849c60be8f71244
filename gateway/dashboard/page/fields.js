/** What readers choose and type. */
import { html, useId } from './html.js'
import { refine } from './router.js'

/** One of a few, as a switch. `options`: [[value, title]]. */
export function Choice({ legend, options, value, onChoose, className = 'choice' }) {
  const name = useId()
  return html`<fieldset class=${className}>
    <legend class="aside">${legend}</legend>
    ${options.map(
      ([one, title]) => html`<label>
        <input type="radio" name=${name} value=${one} checked=${one === value} onChange=${() => onChoose(one)} />
        <span>${title}</span>
      </label>`,
    )}
  </fieldset>`
}

/** A filter that is kept in the address. `example`: what is typed, `label`: what it is; `keep`: the part that counts. */
export function Search({ name, value, label, example, keep = /.*/, inputmode }) {
  const type = ({ target }) => refine({ [name]: keep.exec(target.value)?.[0] ?? '' })
  return html`<label class="find" data-name=${name}>
    <span class="aside">${label}</span>
    <input type="search" placeholder=${example} inputmode=${inputmode} value=${value} onInput=${type} />
  </label>`
}
