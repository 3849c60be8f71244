/** What runs by itself: tasks by the clock, hooks by events; what became of it. */
import { api } from './api.js'
import { useAsked } from './asked.js'
import { html } from './html.js'
import { Empty, Failed, Loading } from './parts.js'
import { Runs } from './runs.js'
import { Task } from './task.js'

export function Automation() {
  return html`<div class="view">
    <h1>Automation</h1>
    <section aria-labelledby="tasks">
      <h2 id="tasks">Tasks <small>by the clock</small></h2>
      <${Tasks} />
    </section>
    <section aria-labelledby="hooks">
      <h2 id="hooks">Hooks <small>by events, their last runs</small></h2>
      <${Hooks} />
    </section>
  </div>`
}

function Tasks() {
  const [state, again] = useAsked(api.tasks)
  if (state.kind === 'asking') return html`<${Loading} what="tasks" />`
  if (state.kind === 'failed') return html`<${Failed} error=${state.error} again=${again} />`
  const { tasks } = state.value
  if (tasks.length === 0)
    return html`<${Empty} art="clock" title="No tasks">They are written in <code>scheduler.yaml</code>.</${Empty}>`
  return html`<ul class="tasks">
    ${tasks.map((task) => html`<${Task} key=${task.name} task=${task} again=${again} />`)}
  </ul>`
}

function Hooks() {
  const [state, again] = useAsked(api.hookRuns)
  if (state.kind === 'asking') return html`<${Loading} what="runs of hooks" />`
  if (state.kind === 'failed') return html`<${Failed} error=${state.error} again=${again} />`
  const { runs } = state.value
  if (runs.length === 0)
    return html`<${Empty} art="bell" title="No hook has run">
      Hooks are written in <code>hooks/hooks.yaml</code>; each run is shown here.
    </${Empty}>`
  return html`<div class="card"><${Runs} label="Runs of hooks" runs=${runs} named /></div>`
}
