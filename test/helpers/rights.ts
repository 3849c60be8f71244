import type { LinkAuthority, LinkRight } from '../../gateway/agents/accept.js'

export const ANY_RIGHT: LinkRight = { holds: () => true, release() {} }

/** Every link may open. */
export const ANYBODY: LinkAuthority = { admit: () => ANY_RIGHT }
