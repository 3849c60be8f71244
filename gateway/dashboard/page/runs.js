/** Runs of a task or of hooks: how they ended, how long they took, and the end of what they wrote. */
import { millis, time } from './format.js'
import { html } from './html.js'
import { State } from './parts.js'

const LEVELS = { ok: 'quiet', running: 'running', stopped: 'unknown', interrupted: 'unknown' }
/** A longer line of output is folded. */
const SHORT = 80

export const levelOf = ({ status }) => LEVELS[status] ?? 'trouble'

/** failed 3, failed 502, not started */
export const resultOf = ({ status, exit_code, http_status }) =>
  [status.replace('_', ' '), exit_code || http_status].filter(Boolean).join(' ')

/** `named`: of several hooks, each told by name and event. */
export function Runs({ label, runs, named = false }) {
  if (runs.length === 0) return html`<p class="calm">It has not run yet.</p>`
  return html`<table class="runs">
    <caption class="aside">${label}, newest first</caption>
    <thead>
      <tr>
        ${named && html`<th scope="col">Hook</th>`}
        <th scope="col">Result</th>
        <th scope="col">Began</th>
        <th scope="col" class="number">Took</th>
        <th scope="col">Output</th>
      </tr>
    </thead>
    <tbody>
      ${runs.map((run) => html`<${Run} key=${`${run.name} ${run.seq ?? run.id}`} run=${run} named=${named} />`)}
    </tbody>
  </table>`
}

function Run({ run, named }) {
  return html`<tr>
    ${named && html`<th scope="row"><b>${run.name}</b> <code>${run.event}</code></th>`}
    <td><${State} level=${levelOf(run)}>${resultOf(run)}</${State}></td>
    <td><time>${time(run.started_at)}</time></td>
    <td class="number">${millis(run.duration_ms)}</td>
    <td><${Output} text=${[run.output, run.error].filter(Boolean).join('\n').trim()} /></td>
  </tr>`
}

/** The last line; all that was kept on asking. */
function Output({ text }) {
  const lines = text.split('\n')
  const last = html`<code class="out">${lines.at(-1).slice(0, SHORT)}</code>`
  if (text === '') return html`<span class="calm">none</span>`
  if (lines.length === 1 && text.length <= SHORT) return last
  return html`<details><summary>${last}</summary><pre>${text}</pre></details>`
}
