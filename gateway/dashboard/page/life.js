/** A request's life as a bar: it waited, the agent thought, the body came. */
import { millis } from './format.js'
import { html } from './html.js'

/** How worried to be about an exchange; a caller who left is no fault of the tunnel. */
export function levelOf({ status, code, state }) {
  if (state === 'open') return 'running'
  if (code === 'aborted' || status === 0) return 'unknown'
  if (code !== null || status >= 500) return 'trouble'
  return status >= 400 ? 'watch' : 'quiet'
}

/** What became of it in a word. */
export function outcomeOf({ status, code, state }) {
  if (status === 0) return 'left'
  if (status === null) return state === 'open' ? '…' : (code ?? '–')
  return String(status)
}

/** [{name, ms, level}] of an exchange, as far as it has come. */
export function parts({ queued_ms, first_byte_ms, duration_ms }) {
  const total = duration_ms ?? first_byte_ms ?? queued_ms ?? 0
  const queued = Math.min(total, queued_ms ?? 0)
  const first = Math.max(queued, Math.min(total, first_byte_ms ?? total))
  return [
    { name: 'Queued', level: 'queued', ms: queued },
    { name: 'First byte', level: 'first', ms: first - queued },
    { name: 'Body', level: 'body', ms: total - first },
  ]
}

const lasted = (of) => of.reduce((sum, { ms }) => sum + ms, 0)

/**
 * `most`: what the whole width stands for, in ms. The width grows with the root of the time, so that quick exchanges
 * are still seen beside slow ones; its parts are true to each other.
 */
export function Life({ of, most }) {
  const words = of.map(({ name, ms }) => `${name} ${millis(ms)}`).join(', ')
  const width = Math.min(100, Math.sqrt(lasted(of) / most) * 100)
  const spent = of.filter(({ ms }) => ms > 0)
  return html`<span class="life" role="img" aria-label=${words} title=${words}>
    <span style=${{ width: `${width}%` }}>
      ${spent.map(({ level, ms }) => html`<i key=${level} data-part=${level} style=${{ flexGrow: ms }}></i>`)}
    </span>
  </span>`
}

/** The same, large, with its parts named. `running`: the total still grows. */
export function LifeStory({ of, running }) {
  const total = lasted(of)
  return html`<div class="story">
    <${Life} of=${of} most=${Math.max(total, 0.001)} />
    <dl>
      ${of.map(
        ({ name, level, ms }) => html`<div data-part=${level}><dt>${name}</dt><dd>${millis(ms)}</dd></div>`,
      )}
      <div><dt>Total</dt><dd>${running ? 'running' : millis(total)}</dd></div>
    </dl>
  </div>`
}
