/** What the page says for a moment, and what it asks before something that cannot be taken back. */
import { html, useEffect, useRef } from './html.js'
import { createStore, useStore } from './store.js'

const LASTS = 6000

/** null | {text, tone: 'plain' | 'bad', key} */
const said = createStore(null)
/** null | {title, text, yes, answer(boolean)} */
const question = createStore(null)

export function say(text, tone = 'plain') {
  const one = { text, tone, key: Date.now() }
  said.set(one)
  setTimeout(() => {
    if (said.value === one) said.set(null)
  }, LASTS)
}

/** Resolves with whether the reader agreed. `yes`: what agreeing is called, e.g. Close link. */
export function confirm(asked) {
  return new Promise((resolve) => {
    question.set({
      ...asked,
      answer(agreed) {
        question.set(null)
        resolve(agreed)
      },
    })
  })
}

export function Says() {
  const one = useStore(said)
  return html`<div class="says" role="status" aria-live="polite">
    ${one && html`<p key=${one.key} data-tone=${one.tone}>${one.text}</p>`}
  </div>`
}

export function Asks() {
  const asked = useStore(question)
  return asked && html`<${Question} ...${asked} />`
}

function Question({ title, text, yes, answer }) {
  return html`<${Dialog} title=${title} onClose=${() => answer(false)} className="question">
    <p>${text}</p>
    <div class="row end">
      <button type="button" class="button" autofocus onClick=${() => answer(false)}>Keep</button>
      <button type="button" class="button danger" onClick=${() => answer(true)}>${yes}</button>
    </div>
  </${Dialog}>`
}

/** The browser's own: it keeps the focus inside, closes by Escape, and gives the focus back. */
export function Dialog({ title, onClose, className = '', children }) {
  const element = useRef(null)
  useEffect(() => {
    const back = document.activeElement
    element.current.showModal()
    return () => back?.focus?.()
  }, [])
  return html`<dialog ref=${element} class=${className} aria-label=${title} onClose=${onClose}>
    <h2>${title}</h2>
    ${children}
  </dialog>`
}
