/** The address bar is the state of the page: which view, and what is chosen and filtered in it. */
import { createStore } from './store.js'

const ROOT = '/dashboard'

function current() {
  const path = location.pathname.slice(ROOT.length).replace(/^\/|\/$/g, '')
  const [view = '', ...rest] = path.split('/').map(decoded)
  return {
    view: view === '' ? 'overview' : view,
    id: rest.join('/'),
    query: new URLSearchParams(location.search),
  }
}

function decoded(segment) {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

export const place = createStore(current())
addEventListener('popstate', () => place.set(current()))

/** The address of a view; `id` is what is open in it. */
export function address(view, id = '', query = {}) {
  const set = Object.entries(query).filter(([, value]) => value)
  const search = set.length === 0 ? '' : `?${new URLSearchParams(set)}`
  const path = view === 'overview' ? ROOT : `${ROOT}/${view}`
  return `${path}${id === '' ? '' : `/${encodeURIComponent(id)}`}${search}`
}

export function go(to, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', to)
  place.set(current())
}

/** For links: goes there without loading the page again, unless a new tab was meant. */
export function follow(event) {
  if (event.defaultPrevented || event.button > 0) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  event.preventDefault()
  go(event.currentTarget.getAttribute('href'))
}

/** Changes filters of this view in place: typing is no new page in the history. */
export function refine(changes) {
  const { view, id, query } = place.value
  go(address(view, id, { ...Object.fromEntries(query), ...changes }), { replace: true })
}

/** Opens `id` in this view, keeping its filters; '' closes. */
export function open(id) {
  const { view, query } = place.value
  go(address(view, id, Object.fromEntries(query)))
}
