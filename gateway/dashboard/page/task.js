/** One task: when it runs next, how it ran last, and once more now. */
import { api } from './api.js'
import { useAsked } from './asked.js'
import { millis, relative } from './format.js'
import { html, useEffect, useState } from './html.js'
import { Chip, Facts, Failed, Loading, State } from './parts.js'
import { levelOf, Runs, resultOf } from './runs.js'
import { say } from './says.js'
import { may } from './session.js'

/** every 1h, cron 0 3 * * * Europe/Berlin, once */
function when({ type, schedule, timezone }) {
  if (type === 'interval') return `every ${schedule}`
  return type === 'cron' ? `cron ${schedule} ${timezone ?? ''}` : 'once'
}

/** `again`: asks for the tasks anew. */
export function Task({ task, again }) {
  const { name, description, enabled, last_run } = task
  const [opened, setOpened] = useState(false)
  return html`<li class="card task">
    <div class="about">
      <h3>${name}</h3>
      ${description && html`<p class="fine">${description}</p>`}
      <p class="chips">
        <${Chip}>${when(task)}</${Chip}>
        ${enabled === false && html`<${Chip} tone="off">switched off</${Chip}>`}
      </p>
    </div>
    <${Times} ...${task} />
    <div class="row">
      <button type="button" class="button" aria-expanded=${opened} onClick=${() => setOpened(!opened)}>
        Runs<span class="aside"> of ${name}</span>
      </button>
      ${may('write') && html`<${RunNow} name=${name} again=${again} />`}
    </div>
    ${opened && html`<${TaskRuns} name=${name} latest=${last_run?.started_at} />`}
  </li>`
}

function Times({ next_run_at, last_run }) {
  const last =
    last_run &&
    html`<${State} level=${levelOf(last_run)}>${resultOf(last_run)}, ${relative(last_run.started_at)}</${State}>`
  return html`<${Facts}
    of=${[
      ['Next', next_run_at ? relative(next_run_at) : 'not planned'],
      ['Last', last ?? 'never'],
      ['Took', millis(last_run?.duration_ms)],
    ]}
  />`
}

function RunNow({ name, again }) {
  const [sent, setSent] = useState(false)
  const run = async () => {
    setSent(true)
    try {
      await api.runTask(name)
      say(`${name} was started.`)
      again()
    } catch (error) {
      say(error.message, 'bad')
    }
    setSent(false)
  }
  return html`<button type="button" class="button" disabled=${sent} onClick=${run}>
    Run now<span class="aside">: ${name}</span>
  </button>`
}

/** `latest`: when the last run began; a new one is shown at once. */
function TaskRuns({ name, latest }) {
  const [state, again] = useAsked(() => api.taskRuns(name))
  useEffect(again, [latest])
  if (state.kind === 'asking') return html`<${Loading} what="runs" />`
  if (state.kind === 'failed') return html`<${Failed} error=${state.error} again=${again} />`
  return html`<${Runs} label=${`Runs of ${name}`} runs=${state.value.runs} />`
}
