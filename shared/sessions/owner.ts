/**
 * One process owns a session store. The lock is a row of the store itself, so that looking whether its holder lives
 * and taking it over are one transaction: two that find a dead holder cannot both become the owner.
 */
import { hostname } from 'node:os'
import { Problem } from '../errors.js'
import { markOf, mayLive } from '../process-mark.js'
import type { Database, Row } from '../store/database.js'
import type { Clock } from './clock.js'
import { iso } from './session.js'

/** Of a holder on another host (or in another container) only its sign of life is seen. */
const BEAT_INTERVAL = 10_000
const BEAT_LIFE = 45_000

export interface Owner {
  /** Where it listens: told to whoever finds the store taken. */
  announce(url: string): void
  release(): void
}

/** @throws Problem `conflict` naming the living owner. */
export function claimStore(database: Database, clock: Clock): Owner {
  const me = { pid: process.pid, start: markOf(process.pid)?.began ?? null, host: hostname() }
  database.transaction(() => {
    const holder = database.prepare('SELECT * FROM owner').get()
    if (holder !== undefined && lives(holder, me.host, clock.now())) throw conflict(database.path, holder)
    database
      .prepare(
        'INSERT OR REPLACE INTO owner (one, pid, started, host, since, beat, url) VALUES (1, ?, ?, ?, ?, ?, NULL)',
      )
      .run(me.pid, me.start, me.host, clock.now(), clock.now())
  })
  const beat = database.prepare('UPDATE owner SET beat = ? WHERE one = 1')
  // A file that cannot be written now is told by what is to be stored in it.
  const timer = setInterval(() => attempt(() => beat.run(clock.now())), BEAT_INTERVAL)
  timer.unref()
  return {
    announce: (url) => void database.prepare('UPDATE owner SET url = ? WHERE one = 1').run(url),
    release() {
      clearInterval(timer)
      attempt(() => database.prepare('DELETE FROM owner').run())
    },
  }
}

function lives(holder: Row, host: string, now: number): boolean {
  if (holder.host !== host) return now - Number(holder.beat) < BEAT_LIFE
  return mayLive(Number(holder.pid), holder.started as string | null)
}

function conflict(path: string, holder: Row): Problem {
  const where = holder.url === null ? '' : `, which listens on ${holder.url}`
  const host = holder.host === hostname() ? '' : ` on ${holder.host}`
  return new Problem(
    'conflict',
    `the sessions in ${path} belong to process ${holder.pid}${host} since ${iso(Number(holder.since))}${where}`,
  )
}

function attempt(work: () => void): void {
  try {
    work()
  } catch {
    // A lock that stays behind is recognised as stale by the next.
  }
}
