/** What runs by itself: tasks by the clock, hooks by events; what became of it. */
import { api } from './api.js'
import { millis, relative, time } from './format.js'
import { Fragment, html, useEffect, useState } from './html.js'
import { Chip, Empty, Failed, Loading, State } from './parts.js'
import { say } from './says.js'
import { may } from './session.js'

const EVERY = 3000
const LEVELS = { ok: 'quiet', running: 'running', stopped: 'unknown', interrupted: 'unknown' }
const levelOf = ({ status }) => LEVELS[status] ?? 'trouble'
/** failed 3, failed 502, timeout */
const resultOf = ({ status, exit_code, http_status }) =>
  [status.replace('_', ' '), exit_code || http_status].filter(Boolean).join(' ')

/** every 1h, cron 0 3 * * * Europe/Berlin, once */
function when({ type, schedule, timezone }) {
  if (type === 'interval') return `every ${schedule}`
  return type === 'cron' ? `cron ${schedule} ${timezone ?? ''}` : 'once'
}

/** Asks now and again; asking | failed {error} | known {value}. */
function useAsked(ask) {
  const [state, setState] = useState({ kind: 'asking' })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let left = false
    let timer
    const go = async () => {
      try {
        const value = await ask()
        if (!left) setState({ kind: 'known', value })
      } catch (error) {
        if (!left)
          setState((was) => (was.kind === 'known' && error.status === 0 ? was : { kind: 'failed', error }))
      }
      if (!left) timer = setTimeout(go, EVERY)
    }
    go()
    return () => {
      left = true
      clearTimeout(timer)
    }
  }, [turn])
  return [state, () => setTurn((n) => n + 1)]
}

export function Automation() {
  return html`<div class="view">
    <h1>Automation</h1>
    <${Tasks} />
    <${Hooks} />
  </div>`
}

function Tasks() {
  const [state, again] = useAsked(api.tasks)
  const tasks = state.value?.tasks ?? []
  return html`<section aria-labelledby="tasks">
    <h2 id="tasks">Tasks <small>by the clock</small></h2>
    ${
      state.kind === 'asking'
        ? html`<${Loading} what="tasks" />`
        : state.kind === 'failed'
          ? html`<${Failed} error=${state.error} again=${again} />`
          : tasks.length === 0
            ? html`<${Empty} art="bell" title="No tasks">They are written in <code>scheduler.yaml</code>.</${Empty}>`
            : html`<ul class="tasks">${tasks.map((task) => html`<${Task} key=${task.name} task=${task} again=${again} />`)}</ul>`
    }
  </section>`
}

function Task({ task, again }) {
  const { name, enabled, next_run_at, last_run, description } = task
  const [opened, setOpened] = useState(false)
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
  return html`<li class="card task">
    <div class="about">
      <h3>${name}</h3>
      <p class="fine">${description ?? ''}</p>
      <p class="chips"><${Chip}>${when(task)}</${Chip}>${enabled === false && html`<${Chip} tone="off">switched off</${Chip}>`}</p>
    </div>
    <dl class="facts">
      <div><dt>Next</dt><dd title=${next_run_at}>${next_run_at ? relative(next_run_at) : 'not planned'}</dd></div>
      <div><dt>Last</dt><dd>${last_run ? html`<${State} level=${levelOf(last_run)}>${resultOf(last_run)}, ${relative(last_run.started_at)}</${State}>` : 'never'}</dd></div>
      <div><dt>Took</dt><dd>${millis(last_run?.duration_ms)}</dd></div>
    </dl>
    <div class="row">
      <button type="button" class="button" aria-expanded=${opened} onClick=${() => setOpened(!opened)}>Runs<span class="aside"> of ${name}</span></button>
      ${may('write') && html`<button type="button" class="button" disabled=${sent} onClick=${run}>Run now<span class="aside">: ${name}</span></button>`}
    </div>
    ${opened && html`<${TaskRuns} name=${name} latest=${last_run?.started_at} />`}
  </li>`
}

function TaskRuns({ name, latest }) {
  const [state, again] = useAsked(() => api.taskRuns(name))
  useEffect(again, [latest])
  if (state.kind === 'asking') return html`<${Loading} what="runs" />`
  if (state.kind === 'failed') return html`<${Failed} error=${state.error} again=${again} />`
  return html`<${Runs} label=${`Runs of ${name}`} runs=${state.value.runs ?? []} />`
}

function Hooks() {
  const [state, again] = useAsked(api.hookRuns)
  const runs = state.value?.runs ?? []
  return html`<section aria-labelledby="hooks">
    <h2 id="hooks">Hooks <small>by events, the last ${runs.length > 1 ? runs.length : ''} runs</small></h2>
    ${
      state.kind === 'asking'
        ? html`<${Loading} what="runs of hooks" />`
        : state.kind === 'failed'
          ? html`<${Failed} error=${state.error} again=${again} />`
          : runs.length === 0
            ? html`<${Empty} art="bell" title="No hook has run">Hooks are written in <code>hooks/hooks.yaml</code>; each run is shown here.</${Empty}>`
            : html`<div class="card"><${Runs} label="Runs of hooks" runs=${runs} named /></div>`
    }
  </section>`
}

function Runs({ label, runs, named = false }) {
  if (runs.length === 0) return html`<p class="calm">It has not run yet.</p>`
  return html`<table class="runs" data-named=${named ? '' : null}>
    <caption class="aside">${label}, newest first</caption>
    <thead><tr>${named && html`<th scope="col">Hook</th>`}<th scope="col">Result</th><th scope="col">Began</th><th scope="col" class="number">Took</th><th scope="col">Output</th></tr></thead>
    <tbody>
      ${runs.map(
        (run) => html`<tr key=${`${run.name} ${run.seq ?? run.id}`}>
          ${named && html`<th scope="row"><b>${run.name}</b> <code>${run.event}</code></th>`}
          <td><${State} level=${levelOf(run)}>${resultOf(run)}</${State}></td>
          <td><time>${time(run.started_at)}</time></td>
          <td class="number">${millis(run.duration_ms)}</td>
          <td><${Output} text=${run.error ? `${run.output ?? ''}\n${run.error}` : run.output} /></td>
        </tr>`,
      )}
    </tbody>
  </table>`
}

/** The last line; all that was kept on asking. */
function Output({ text }) {
  const lines = (text ?? '').trim().split('\n')
  if (!text) return html`<span class="calm">none</span>`
  if (lines.length === 1 && lines[0].length < 80) return html`<code class="out">${lines[0]}</code>`
  return html`<${Fragment}><details><summary><code class="out">${lines.at(-1).slice(0, 80)}</code></summary><pre>${text}</pre></details></${Fragment}>`
}
