/** What a link is given, and whom it tells. */
import type { Hello } from '../../shared/frames.js'
import type { Logger } from '../../shared/log.js'
import type { WindowPool } from '../../shared/window.js'
import type { LinkRight } from './accept.js'
import type { LinkClaim } from './claim.js'
import type { Link } from './link.js'

export interface LinkSettings {
  version: string
  pingInterval: number
  pingTimeout: number
  helloTimeout: number
  maxStreams: number
  /** Resets of streams that were over already, per second; 0: any number. */
  maxResets: number
  pool: WindowPool
  log: Logger
  now(): number
  /** A ping came back after so many milliseconds. */
  measured?(rtt: number): void
  urls(claim: LinkClaim): string[]
}

/** `replaced`: another link of the same instance and number has its place. */
export type EndCause = 'ended' | 'replaced'

/** Who keeps the links. */
export interface LinkOwner {
  ready(link: Link, hello: Hello): void
  /** State, or a place for a stream, changed. */
  changed(link: Link): void
  closed(link: Link, cause: EndCause, reason: string): void
}

/** Whose a link is, and what it was allowed by. */
export interface LinkPlace {
  owner: LinkOwner
  right: LinkRight
}
