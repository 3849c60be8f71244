/** How the gateway fares: its status, and the last quarter of an hour in points. */
import { api } from './api.js'
import { askSession } from './session.js'
import { createStore } from './store.js'

const EVERY = 5000

/** asking | failed {error} | known {status, points, interval, at}; what was known stays while the gateway is away. */
export const vitals = createStore({ kind: 'asking' })

export async function askVitals() {
  try {
    const [status, history] = await Promise.all([api.status(), api.history()])
    // The last point has only begun: it would look like a fall.
    const points = history.points.slice(0, -1)
    vitals.set({ kind: 'known', status, points, interval: history.interval_s, at: Date.now() })
  } catch (error) {
    if (error.status === 401) await askSession('Your sign-in has ended.')
    else if (vitals.value.kind !== 'known') vitals.set({ kind: 'failed', error })
  }
}

/** @returns how to stop. */
export function watchVitals() {
  let timer
  let stopped = false
  const turn = async () => {
    await askVitals()
    if (!stopped) timer = setTimeout(turn, EVERY)
  }
  turn()
  return () => {
    stopped = true
    clearTimeout(timer)
    vitals.set({ kind: 'asking' })
  }
}

/** Of the last minute: requests and errors a second, and how long requests took. */
export function lastMinute({ status, points, interval }) {
  const late = points.slice(-Math.max(1, Math.round(60 / interval)))
  return {
    requests: status.rates?.requests_per_s ?? 0,
    errors: status.rates?.errors_per_s ?? 0,
    p50: typical(late, 'p50_ms'),
    p95: typical(late, 'p95_ms'),
    p99: typical(late, 'p99_ms'),
  }
}

/** Percentiles cannot be added up; the middle one of the points is close enough for a sentence. */
function typical(points, key) {
  const known = points.map((point) => point[key]).filter((value) => value !== null && value !== undefined)
  return known.length === 0 ? null : known.sort((a, b) => a - b)[Math.floor(known.length / 2)]
}
