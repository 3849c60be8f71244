/** Which agents a request may go to, and by which policy: read from its fields or its query, and matched. */
import { Problem } from '../../shared/errors.js'
import { type Fields, getField } from '../../shared/headers.js'
import type { PolicyName } from '../../shared/policies.js'
import { parseTunnelId } from '../../shared/tunnel-id.js'
import type { Bucket } from './bucket.js'
import type { Instance } from './instance.js'
import { isPolicy, POLICIES } from './policies.js'
import type { Registry } from './registry.js'
import { matchesTunnel } from './tunnel-patterns.js'

export interface Selector {
  tunnelId?: string
  purpose?: string
  name?: string
  /** `key=value`. */
  labels?: readonly string[]
  policy?: PolicyName
  /** Each of these the agent has declared. */
  capabilities?: readonly string[]
  /** Patterns of the credential that asks: it is for no other tunnels. */
  within?: readonly string[]
}

/** Its criteria, without the policy: what `round-robin` and `weighted` keep their turn by. */
export const selectorKey = (selector: Selector): string =>
  `${selector.tunnelId ?? ''} ${selector.purpose ?? ''} ${selector.name ?? ''} ${selector.labels?.join(',') ?? ''} ${selector.capabilities?.join(',') ?? ''} ${selector.within?.join(',') ?? ''}`

/** Query parameter → field of the same meaning. */
const FIELDS = new Map([
  ['tunnel_id', 'gw-tunnel-id'],
  ['purpose', 'gw-purpose'],
  ['name', 'gw-name'],
  ['labels', 'gw-labels'],
  ['policy', 'gw-policy'],
])
const PARAMETERS = new Map([...FIELDS].map(([parameter, field]) => [field, parameter]))
const CRITERIA = ['gw-tunnel-id', 'gw-purpose', 'gw-name', 'gw-labels']

/** The selector that a request's fields hold. @throws Problem `invalid_selector` or `invalid_tunnel_id`. */
export function selectorFromFields(headers: Fields): Selector {
  const selector: Selector = {}
  // From the last to the first, so that of a repeated field the first counts.
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const field = headers[i]!
    if (!field.startsWith('gw-')) continue
    const parameter = PARAMETERS.get(field)
    if (parameter !== undefined) assign(selector, parameter, headers[i + 1]!, field)
  }
  return selector
}

/**
 * The selector of a `/forward` request and the query that goes on. Where any criterion stands in a field, the
 * query is not read and goes on untouched.
 */
export function selectorOf(headers: Fields, query: string): { selector: Selector; query: string } {
  const selector = selectorFromFields(headers)
  if (query === '' || CRITERIA.some((field) => getField(headers, field) !== undefined))
    return { selector, query }
  const kept: string[] = []
  const seen = new Set<string>()
  for (const part of query.slice(1).split('&')) {
    const at = part.indexOf('=')
    const parameter = at < 0 ? part : part.slice(0, at)
    const field = FIELDS.get(parameter)
    if (field === undefined) {
      kept.push(part)
      continue
    }
    if (seen.has(parameter))
      throw new Problem('invalid_selector', `query parameter ${parameter} is given twice`)
    seen.add(parameter)
    // A policy in a field goes before one in the query, which is still the gateway's and does not go on.
    if (getField(headers, field) === undefined)
      assign(selector, parameter, decoded(parameter, part.slice(at + 1), at), parameter)
  }
  return { selector, query: kept.length === 0 ? '' : `?${kept.join('&')}` }
}

export function matches(selector: Selector, instance: Instance): boolean {
  return (
    (selector.tunnelId === undefined || selector.tunnelId === instance.tunnel.id) &&
    (selector.purpose === undefined || selector.purpose === instance.tunnel.purpose) &&
    (selector.name === undefined || selector.name === instance.name) &&
    (selector.labels === undefined || selector.labels.every((label) => hasLabel(instance, label))) &&
    (selector.capabilities === undefined ||
      selector.capabilities.every((each) => instance.capabilities.includes(each))) &&
    (selector.within === undefined || matchesTunnel(selector.within, instance.tunnel.id, instance.name))
  )
}

/** The smallest set of instances that holds every match; undefined where nothing can match. */
export function candidates(selector: Selector, registry: Registry): Bucket | undefined {
  const { tunnelId, purpose, name, labels } = selector
  let best: Bucket | undefined = registry.all
  const narrow = (bucket: Bucket | undefined): void => {
    if (best !== undefined && (bucket === undefined || bucket.size < best.size)) best = bucket
  }
  if (tunnelId !== undefined) narrow(registry.tunnel(tunnelId))
  if (purpose !== undefined) narrow(registry.purpose(purpose))
  if (name !== undefined) narrow(registry.name(name))
  for (const label of labels ?? []) narrow(registry.label(label))
  return best
}

function hasLabel(instance: Instance, label: string): boolean {
  const at = label.indexOf('=')
  return instance.labels[label.slice(0, at)] === label.slice(at + 1)
}

function assign(selector: Selector, parameter: string, value: string, source: string): void {
  const text = value.trim()
  if (text === '') throw new Problem('invalid_selector', `${source} is empty`)
  switch (parameter) {
    case 'tunnel_id':
      selector.tunnelId = parseTunnelId(text).id
      return
    case 'purpose':
      selector.purpose = text.toLowerCase()
      return
    case 'name':
      selector.name = text.toLowerCase()
      return
    case 'labels':
      selector.labels = text.split(',').map((label) => readLabel(label.trim(), source))
      return
    case 'policy':
      if (!isPolicy(text)) {
        const known = Object.keys(POLICIES).join(', ')
        throw new Problem(
          'invalid_selector',
          `${source} ${JSON.stringify(text)} is not a policy; there are ${known}`,
        )
      }
      selector.policy = text
      return
  }
}

function readLabel(label: string, source: string): string {
  const at = label.indexOf('=')
  if (at < 1 || at === label.length - 1) {
    throw new Problem('invalid_selector', `${source}: ${JSON.stringify(label)} is not key=value`)
  }
  return label
}

function decoded(parameter: string, value: string, at: number): string {
  if (at < 0) return ''
  try {
    return decodeURIComponent(value.replaceAll('+', ' '))
  } catch {
    throw new Problem('invalid_selector', `query parameter ${parameter} is not percent-encoded UTF-8`)
  }
}
