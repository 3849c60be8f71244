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
const MOST_NEWS = 30

/** connecting | live {since, back} | lost {since, retryAt}; `back`: it had been lost before. */
export const line = createStore({ kind: 'connecting' })
/** {links: [Connection and rates], known: the snapshot has come}. The array is new with each change. */
export const fleet = createStore({ links: [], known: false })
/** What came and went lately, newest first: {time, kind, link}. */
export const news = createStore([])

const links = new Map()
let feed
let soon

function show() {
  if (soon !== undefined) return
  soon = setTimeout(() => {
    soon = undefined
    fleet.set({ links: [...links.values()], known: true })
  }, SHOW_EVERY)
}

function put(connection) {
  const had = links.get(connection.link_id)
  const { requests_total, bytes_in, bytes_out } = connection
  const rates = had?.rates ?? { requests: 0, bytes: 0 }
  const told = had?.told ?? { requests: requests_total, bytes: bytes_in + bytes_out, at: performance.now() }
  links.set(connection.link_id, { ...connection, rates, told })
  show()
}

/** A gateway that lost a link, or was restarted, tells the whole again: what is not in it has gone. */
function whole({ connections }) {
  const there = new Set(connections.map(({ link_id }) => link_id))
  for (const id of links.keys()) if (!there.has(id)) links.delete(id)
  connections.forEach(put)
  show()
}

function tell(kind, link) {
  news.set([{ kind, link, time: new Date().toISOString() }, ...news.value].slice(0, MOST_NEWS))
}

function reckon() {
  const now = performance.now()
  let moved = false
  for (const [id, link] of links) {
    const { rates, told } = link
    const seconds = (now - told.at) / 1000
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
  const next = before * (1 - WEIGHT) + Math.max(0, latest) * WEIGHT
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
      line.set({ kind: 'live', since: Date.now(), back: line.value.kind === 'lost' })
    },
    onLost(wait) {
      const since = line.value.kind === 'lost' ? line.value.since : Date.now()
      line.set({ kind: 'lost', since, retryAt: Date.now() + wait })
      // A stream tells no status: was it the gateway, or the credential?
      askSession('Your sign-in has ended.')
    },
  })
  const timer = setInterval(reckon, RATES_EVERY)
  return () => {
    clearInterval(timer)
    feed.close()
    links.clear()
    fleet.set({ links: [], known: false })
  }
}

export const retryNow = () => feed?.retry()
