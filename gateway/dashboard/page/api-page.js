/** The gateway's own endpoints, readable, from its OpenAPI description. */
import { api } from './api.js'
import { Search } from './fields.js'
import { html, useEffect, useState } from './html.js'
import { Json } from './json.js'
import { Chip, Failed, Loading } from './parts.js'
import { place } from './router.js'
import { useStore } from './store.js'

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options']

/** [{group, operations: [{method, path, operation}]}] in the order of the description. */
function grouped({ paths = {} }) {
  const groups = new Map()
  for (const [path, item] of Object.entries(paths)) {
    for (const method of METHODS) {
      const operation = item[method]
      if (operation === undefined) continue
      const group =
        operation.tags?.[0] ??
        path.split('/').find((part) => part !== '' && part !== 'api' && part !== 'v1') ??
        'root'
      groups.set(group, [
        ...(groups.get(group) ?? []),
        {
          method,
          path,
          operation: {
            ...operation,
            parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])],
          },
        },
      ])
    }
  }
  return [...groups].map(([group, operations]) => ({ group, operations }))
}

export function ApiPage() {
  const [state, setState] = useState({ kind: 'asking' })
  const { query } = useStore(place)
  const find = query.get('find') ?? ''
  const ask = () =>
    api.openapi().then(
      (description) => setState({ kind: 'known', description }),
      (error) => setState({ kind: 'failed', error }),
    )
  useEffect(() => void ask(), [])
  if (state.kind === 'asking') return html`<h1 class="aside">API</h1><${Loading} what="the description" />`
  if (state.kind === 'failed') return html`<${Failed} error=${state.error} again=${ask} />`
  const { description } = state
  const wanted = find.toLowerCase()
  const groups = grouped(description)
    .map(({ group, operations }) => ({
      group,
      operations: operations.filter(({ method, path, operation }) =>
        `${method} ${path} ${operation.summary ?? ''}`.toLowerCase().includes(wanted),
      ),
    }))
    .filter(({ operations }) => operations.length > 0)
  return html`<div class="view api">
    <div class="bar">
      <h1>API</h1>
      <p class="fine">${description.info?.version}, as <a href="/openapi.json">openapi.json</a></p>
      <${Search} name="find" value=${find} label="Find an endpoint" example="Path or word" />
    </div>
    ${groups.length === 0 && html`<p class="calm">No endpoint is like that.</p>`}
    ${groups.map(
      ({ group, operations }) => html`<section key=${group}>
        <h2>${group.charAt(0).toUpperCase() + group.slice(1)}</h2>
        ${operations.map(
          (one) => html`<${Operation} key=${`${one.method} ${one.path}`} ...${one} whole=${description} />`,
        )}
      </section>`,
    )}
  </div>`
}

function Operation({ method, path, operation, whole }) {
  const { summary, description, parameters, requestBody, responses = {} } = operation
  const answers = Object.entries(responses).map(([status, answer]) => [
    status,
    resolved(answer, whole).description,
  ])
  return html`<details class="card operation">
    <summary>
      <code class="method" data-method=${method}>${method.toUpperCase()}</code><code class="path">${path}</code>
      <span class="fine">${summary}</span>
      <${Scope} of=${operation} />
    </summary>
    ${description && html`<p>${description}</p>`}
    <${Rows} title="Parameters" rows=${parameters.map((one) => parameterRow(resolved(one, whole)))} />
    ${requestBody && html`<${Shape} title="Body" of=${resolved(requestBody, whole)} whole=${whole} />`}
    <${Rows} title="Answers" rows=${answers} />
  </details>`
}

function Scope({ of }) {
  const scope = of['x-scope'] ?? of.security?.flatMap((one) => Object.values(one).flat())[0]
  return scope && html`<${Chip}>${scope}</${Chip}>`
}

function parameterRow({ name, in: where, required, schema, description = '' }) {
  const kind = [where, required && 'required', schema?.type].filter(Boolean).join(', ')
  return [name, `${kind}. ${description}`]
}

function Rows({ title, rows }) {
  if (rows.length === 0) return null
  return html`<table class="headers">
    <caption>${title}</caption>
    <tbody>
      ${rows.map(([name, words]) => html`<tr><th scope="row">${name}</th><td>${words}</td></tr>`)}
    </tbody>
  </table>`
}

function Shape({ title, of, whole }) {
  const [type, media] = Object.entries(of.content ?? {})[0] ?? []
  if (media === undefined) return null
  const example = media.example ?? resolved(media.schema ?? {}, whole)
  return html`<h3>${title} <small>${type}</small></h3>
    <div class="json"><${Json} value=${example} depth=${1} /></div>`
}

/** One step of `$ref`: enough to name what it is. */
function resolved(value, whole) {
  const path = value?.$ref?.replace(/^#\//, '').split('/')
  return path?.reduce((at, key) => at?.[key], whole) ?? value
}
