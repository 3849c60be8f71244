/** Light or dark: as the system has it, unless the reader chose. */
import { createStore } from './store.js'

const KEY = 'gw-theme'
const CHOICES = ['auto', 'light', 'dark']

/** Storage may be forbidden; then the choice lasts as long as the page. */
function kept() {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

export const theme = createStore(CHOICES.includes(kept()) ? kept() : 'auto')

function apply(choice) {
  document.documentElement.dataset.theme = choice
}

apply(theme.value)
theme.listen((choice) => {
  apply(choice)
  try {
    localStorage.setItem(KEY, choice)
  } catch {}
})

export const themes = CHOICES

/** A colour of the style sheet, as canvases need it. */
export function colour(name) {
  const probe = document.createElement('i')
  probe.style.color = `var(--${name})`
  document.body.append(probe)
  const value = getComputedStyle(probe).color
  probe.remove()
  return value
}

/** Calls `listener` whenever colours change, by choice or by the system. @returns how to stop. */
export function onColours(listener) {
  const system = matchMedia('(prefers-color-scheme: dark)')
  system.addEventListener('change', listener)
  const stop = theme.listen(() => listener())
  return () => {
    system.removeEventListener('change', listener)
    stop()
  }
}
