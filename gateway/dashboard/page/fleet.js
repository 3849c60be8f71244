/**
 * Every link, live. Changes are gathered and shown twice a second at most, however many there are; rates are made
 * here, from counters, since the gateway tells only totals.
 */
import { feeds } from './api.js'
import { openFeed } from './feed.js'
import { askSession } from './session.js'
import { createStore } from './store.js'

const SHOW_EVERY = 500
const RATES_EVERY = 2000
/** What of the latest rate enters the shown one: calm enough to read, settled after some 8 s. */
const WEIGHT = 0.4
/** Seconds: over less a rate says nothing. */
const SHORTEST = 1
const MOST_NEWS = 30

/** connecting | live {back} | lost {retryAt}; `back`: it had been lost before. */
export const line = createStore({ kind: 'connecting' })
/** {links: [Connection and rates], known: the snapshot has come}. The array is new with each change. */
export const fleet = createStore({ links: [], known: false })
/** What came and went lately, newest first: {time, kind, link}. */
export const news = createStore([])

const links = new Map()
let feed
let soon

function showNow() {
  clearTimeout(soon)
  soon = undefined
  fleet.set({ links: [...links.values()], known: true })
}

function show() {
  soon ??= setTimeout(showNow, SHOW_EVERY)
}

/** Until they were measured once. */
const UNKNOWN = { requests: null, bytes: null }

function put(connection) {
  const had = links.get(connection.link_id)
  const { requests_total, bytes_in, bytes_out } = connection
  const rates = had?.rates ?? UNKNOWN
  const told = had?.told ?? { requests: requests_total, bytes: bytes_in + bytes_out, at: performance.now() }
  links.set(connection.link_id, { ...connection, rates, told })
  show()
}

/** A gateway that lost a link, or was restarted, tells the whole again: what is not in it has gone. */
function whole({ connections }) {
  const there = new Set(connections.map(({ link_id }) => link_id))
  for (const id of links.keys()) if (!there.has(id)) links.delete(id)
  connections.forEach(put)
  showNow()
}

function tell(kind, link) {
  news.set([{ kind, link, time: new Date().toISOString() }, ...news.value].slice(0, MOST_NEWS))
}

function reckon() {
  // What comes after a rest is measured over all of it, not as if it had come at once.
  if (line.value.kind !== 'live' || document.visibilityState === 'hidden') return
  const now = performance.now()
  let moved = false
  for (const [id, link] of links) {
    const { rates, told } = link
    const seconds = (now - told.at) / 1000
    if (seconds < SHORTEST) continue
    const requests = link.requests_total
    const bytes = link.bytes_in + link.bytes_out
    const next = {
      requests: smooth(rates.requests, (requests - told.requests) / seconds),
      bytes: smooth(rates.bytes, (bytes - told.bytes) / seconds),
    }
    if (next.requests !== rates.requests || next.bytes !== rates.bytes) moved = true
    links.set(id, { ...link, rates: next, told: { requests, bytes, at: now } })
  }
  if (moved) show()
}

function smooth(before, latest) {
  const next = before === null ? latest : before * (1 - WEIGHT) + latest * WEIGHT
  return next < 0.02 ? 0 : next
}

const events = {
  snapshot: whole,
  connected(connection) {
    put(connection)
    tell('connected', connection)
  },
  changed(connection) {
    const had = links.get(connection.link_id)
    if (had !== undefined && had.state !== connection.state) tell(connection.state, connection)
    put(connection)
  },
  disconnected(connection) {
    links.delete(connection.link_id)
    tell('disconnected', connection)
    show()
  },
}

/** @returns how to stop. */
export function watchFleet() {
  line.set({ kind: 'connecting' })
  feed = openFeed(feeds.connections, events, {
    onOpen() {
      line.set({ kind: 'live', back: line.value.kind === 'lost' })
    },
    onLost(wait) {
      line.set({ kind: 'lost', retryAt: Date.now() + wait })
      // A stream tells no status: was it the gateway, or the credential?
      askSession('Your sign-in has ended.')
    },
  })
  const timer = setInterval(reckon, RATES_EVERY)
  return () => {
    clearInterval(timer)
    feed.close()
    clearTimeout(soon)
    links.clear()
    fleet.set({ links: [], known: false })
  }
}

export const retryNow = () => feed?.retry()
