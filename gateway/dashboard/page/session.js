/** Who looks at the page, and what they may see and do. */
import { api } from './api.js'
import { createStore } from './store.js'

/**
 * asking | failed {error} | out {modes, reason?} | in {modes, scopes}
 */
export const session = createStore({ kind: 'asking' })

/** As the gateway reckons: admin is everything, and who may write may read. */
export function may(scope) {
  const { kind, scopes } = session.value
  if (kind !== 'in') return false
  const wanted = `operator.${scope}`
  return (
    scopes.has('operator.admin') ||
    scopes.has(wanted) ||
    (wanted === 'operator.read' && scopes.has('operator.write'))
  )
}

function take({ modes = [], signed_in, scopes = [] }, reason) {
  if (!signed_in) session.set({ kind: 'out', modes, reason })
  else if (!same(scopes)) session.set({ kind: 'in', modes, scopes: new Set(scopes) })
}

/** Nothing is drawn anew where nothing changed. */
function same(scopes) {
  const { kind, scopes: had } = session.value
  return kind === 'in' && had.size === scopes.length && scopes.every((scope) => had.has(scope))
}

/** Also after a refusal: a credential may have ended while the page was open. */
export async function askSession(reason) {
  try {
    take(await api.session(), reason)
  } catch (error) {
    if (session.value.kind !== 'in') session.set({ kind: 'failed', error })
  }
}

/** Throws the ApiError of a credential that was refused. */
export async function signIn(credential) {
  await api.signIn(credential)
  take(await api.session(), 'The credential was taken, but the browser did not keep the cookie.')
}

export async function signOut() {
  await api.signOut()
  session.set({ kind: 'asking' })
  await askSession()
}
